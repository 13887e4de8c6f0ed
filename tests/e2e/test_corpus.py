"""Public networks that nobody here wrote: each one that this version reads is certified, accepted by the checker, and compared with
float64 reference values; each other one is refused with a node and a reason. Needs LIPCERT_CORPUS; skipped without.

The reference norms are not rigorous: right to about 1e-12 relative. A proved bound must not lie below them by more than that, and must not lie
above the product of the norms by more than 1e-6 (folding may make it smaller)."""

import json
import os
import pathlib
import sys
import time

import jsonschema

import support

CORPUS = pathlib.Path(os.environ.get("LIPCERT_CORPUS") or "unset")

# The networks of this version's operators, by folder. A reader that suddenly refuses one of them, or takes one that it should not, is noticed.
SUPPORTED = {
    "public": [
        "ACASXU_run2a_1_1_batch_2000.eran.onnx", "ACASXU_run2a_1_1_batch_2000.onnx", "ACASXU_run2a_2_3_batch_2000.onnx",
        "ACASXU_run2a_4_6_batch_2000.onnx", "TestNetwork2.onnx", "cartpole.onnx", "dubinsrejoin.onnx", "ffnnSIGMOID__Point_6x200.onnx",
        "layer-zoo_dropout.onnx", "layer-zoo_flatten.onnx", "layer-zoo_relu.onnx", "layer-zoo_sigmoid.onnx", "lindex.onnx",
        "mnist-net_256x2.onnx", "mnist-point.onnx", "mnist2x10.onnx", "mnist5x20_leaky_relu.onnx", "ood.onnx", "perturbations_0.onnx",
        "tanh_test.onnx", "test_dropout.onnx", "test_nano.onnx", "test_sat_vnncomp.onnx", "test_tiny.onnx",
        "tllBench_n=2_N=M=8_m=1_instance_0_0.onnx", "vdp.onnx"],
    "converted": [
        *(f"fnn{layers}_seed{seed}.onnx" for layers in (2, 3) for seed in range(6)), "gloro_mnist_8x128.f32.onnx",
        "gloro_mnist_8x128.f64.onnx", "lipsdp_random_2_10_30_20_2.f64.onnx", "vcr_neural_network_3.f32.onnx", "vcr_neural_network_3.f64.onnx"],
    "lipschitz": ["mlp_toy_relu.param.onnx", "mlp_toy_relu.vanilla.onnx", "mlp_toy_relu.vanilla_static.onnx"],
    "lipschitz/layers": [
        "BatchCentering.vanilla.opset13.onnx", "BatchLipNorm.vanilla.opset13.onnx", "FrobeniusLinear.vanilla.opset13.onnx",
        "SpectralLinear.param.opset13.onnx", "SpectralLinear.vanilla.opset13.onnx"],
}


def reference_products():
    """File name -> (product of the reference norms, number of dense layers in it)."""
    out = {}
    files = json.loads((CORPUS / "public" / "REFERENCE.json").read_text())["files"]
    for name, entry in files.items():
        if name.endswith(".onnx") and "product_l2" in entry:
            out[name] = (entry["product_l2"], sum(layer["op"] in ("Gemm", "MatMul") for layer in entry["layers"]))
    for kind in ("f32", "f64"):
        out[f"gloro_mnist_8x128.{kind}.onnx"] = (files["gloro_mnist_8x128.txt"]["product_l2"], 9)
        vcr = files["vcr_neural_network_3.txt"]
        out[f"vcr_neural_network_3.{kind}.onnx"] = (vcr["product_l2"], len(vcr["layer_l2"]))
    random = files["random_weights.mat"]
    out["lipsdp_random_2_10_30_20_2.f64.onnx"] = (random["product_l2"], len(random["layer_l2"]))
    for name, entry in files.items():
        if name.startswith("fnn") and name.endswith("_weights.mat"):
            out[name.replace("_weights.mat", ".onnx")] = (entry["product_l2"], len(entry["layer_l2"]))
    for path in (CORPUS / "lipschitz").glob("mlp_toy_relu.*.onnx"):
        entry = json.loads((CORPUS / "lipschitz" / "mlp_toy_relu.json").read_text())
        out[path.name] = (entry["L2_product_bound_float64"], 3)
    return out


class Corpus(support.Case):
    def setUp(self):
        super().setUp()
        self.secret, self.public = self.key()
        schema = json.loads((support.ROOT / "formats" / "certificate.schema.json").read_text())
        self.schema = jsonschema.validators.validator_for(schema)(schema)

    def options(self, model):
        return ["--allow-external-data"] if model.with_name(model.name + ".data").exists() else []

    def certify_and_check(self, model):
        """Returns (what certify --json printed, seconds to certify, seconds to check)."""
        start = time.monotonic()
        path, printed = self.certify(model, self.secret, *self.options(model))
        made = time.monotonic()
        report = json.loads(self.lipverify(path, "--model", model, "--public-key", self.public, "--json", *self.options(model)).stdout)
        checked = time.monotonic()
        self.assertEqual(report["verdict"], "accepted")
        self.schema.validate(support.statement(path))
        return printed, made - start, checked - made

    def test_every_network(self):
        products = reference_products()
        found = {}
        no_lower_end = []
        compared = 0
        for folder in ("public", "converted", "lipschitz", "lipschitz/layers"):
            for model in sorted((CORPUS / folder).glob("*.onnx")):
                with self.subTest(f"{folder}/{model.name}"):
                    done = support.run(support.LIPCERT, "inspect", model, "--json", *self.options(model))
                    seen = json.loads(done.stdout)
                    if not seen["supported"]:
                        self.assertEqual(done.returncode, 3)
                        self.assertTrue(seen["refused"])
                        for refusal in seen["refused"]:
                            self.assertTrue(refusal["reason"], refusal)
                        print(f"refused   {folder}/{model.name}: {seen['refused'][0]['node']}: {seen['refused'][0]['reason']}"[:200])
                        continue
                    self.assertEqual(done.returncode, 0)
                    found.setdefault(folder, []).append(model.name)
                    printed, made, checked = self.certify_and_check(model)
                    upper, lower = float(printed["lipschitz"]), float(printed["lipschitzLower"])
                    self.assertGreaterEqual(upper, lower)
                    if lower == 0:
                        no_lower_end.append(model.name)
                    line = f"accepted  {folder}/{model.name}: {lower:.6g} <= L <= {upper:.12g}, {made:.2f} s + {checked:.2f} s"
                    if model.name in products:
                        product, layers = products[model.name]
                        self.assertLessEqual(upper, product * (1 + 1e-6))
                        dense = sum(b["operator"] == "dense" for b in printed["blocks"])
                        if dense == layers:  # nothing was folded: the bound is the product, as tight as the theorem says
                            # The references of the two converted text networks are of their float64 form.
                            self.assertGreaterEqual(upper, product * (1 - (1e-6 if model.name.endswith(".f32.onnx") else 1e-9)))
                            compared += 1
                        line += f", {upper / product - 1:+.1e} of the reference product"
                    print(line)
        self.assertEqual(found, SUPPORTED)
        self.assertGreaterEqual(compared, 20)
        # A lower end of zero proves nothing; the search may fail on the two-level lattice, which is flat almost everywhere.
        self.assertLessEqual(set(no_lower_end), {"tllBench_n=2_N=M=8_m=1_instance_0_0.onnx"})

    def test_gloro(self):
        """The Dafny-verified certifier (CAV 2025) needs 17 minutes for these nine norms and ends 0.078 % above the truth."""
        model = CORPUS / "converted" / "gloro_mnist_8x128.f64.onnx"
        times = []
        for _ in range(3):
            printed, made, checked = self.certify_and_check(model)
            times.append((made, checked))
        upper = float(printed["lipschitz"])
        print(f"gloro: L <= {upper:.15g}; certified in {min(t[0] for t in times):.3f} s, checked in {min(t[1] for t in times):.3f} s")
        self.assertLessEqual(upper, 125.248190648 * (1 + 1e-9))
        self.assertGreaterEqual(upper, 125.24819064788096 * (1 - 1e-12))
        if not support.SANITIZED:
            self.assertLess(min(t[0] for t in times), 1)
            self.assertLess(min(t[1] for t in times), 2)
        # Its published bounds of all class pairs are met too.
        published = json.loads((CORPUS / "converted" / "PUBLISHED_gloro_mnist.json").read_text())["pairwise_lipschitz_upper"]
        claim = support.statement(self.folder / "cert.json")["predicate"]["claims"][1]
        ours = [float.fromhex(e) for e in claim["upper"]["exact"]]
        k = 0
        for i in range(10):
            for j in range(i + 1, 10):
                self.assertLessEqual(ours[k], float(published[i][j]))
                self.assertGreaterEqual(ours[k], float(published[i][j]) * 0.99)
                k += 1
        self.assertEqual(k, len(ours))

    def test_twins(self):
        """The same function in two encodings: weights that a bound depends on are the same, so are the bounds."""
        for names in (("lipschitz/mlp_toy_relu.vanilla.onnx", "lipschitz/mlp_toy_relu.vanilla_static.onnx"),
                      ("lipschitz/mlp_toy_relu.vanilla.onnx", "lipschitz/mlp_toy_relu.param.onnx")):
            a, b = (self.certify_and_check(CORPUS / name)[0] for name in names)
            self.assertEqual((a["lipschitz"], a["lipschitzLower"]), (b["lipschitz"], b["lipschitzLower"]))


if __name__ == "__main__":
    if not CORPUS.is_dir():
        print("LIPCERT_CORPUS is not set: skipped")
        sys.exit(support.SKIPPED)
    support.main()
