"""Which function is certified, where a model leaves it open: symbolic dimensions, weights that are inputs too, several outputs, nodes in any order. Both
programs say it, and a certificate that says it wrongly, or not at all, is rejected although its signature is right."""

import copy
import json

import numpy

import support
from onnx_numpy import conv
from support import graph, node, tensor


class Function(support.Case):
    def setUp(self):
        super().setUp()
        self.secret, self.public = self.key()
        self.random = numpy.random.default_rng(4)

    def verify(self, path, model, code=0):
        report = json.loads(self.lipverify(path, "--model", model, "--public-key", self.public, "--json", code=code).stdout)
        self.assertEqual(report["verdict"], "accepted" if code == 0 else "rejected")
        return report

    def rejects(self, path, model, change, part):
        """A statement that is changed and signed again by the issuer's key."""
        statement = copy.deepcopy(support.statement(path))
        change(statement["predicate"]["model"], statement["predicate"])
        forged = support.forge(path, statement, self.secret, self.folder)
        self.assertIn(part, self.verify(forged, model, 1)["error"])

    def test_the_forger_can_sign(self):
        model = self.write("m.onnx", support.dense([[[1.0, 2.0]]]))
        path, _ = self.certify(model, self.secret)
        self.verify(support.forge(path, support.statement(path), self.secret, self.folder), model)

    # A convolution over pictures of any size, then the mean of each channel: small pictures have another constant than large ones.
    def picture(self, shape):
        weight = self.weight = self.random.normal(size=(3, 1, 3, 3)).astype("<f4")
        nodes = [node("Conv", ["x", "w"], "c", "conv", pads=[1, 1, 1, 1]), node("ReduceMean", ["c"], "y", "mean", axes=[1], keepdims=1)]
        return graph(nodes, [tensor("w", weight.shape, weight.tobytes())], [("x", shape)], [("y", (shape[0], 1, *shape[2:]))])

    def test_symbolic_dimensions(self):
        state = self.random.bit_generator.state
        model = self.write("open.onnx", self.picture(("N", 1, "height", "width")))
        self.random.bit_generator.state = state
        fixed = self.write("fixed.onnx", self.picture((1, 1, 7, 6)))
        for command in (("inspect", model), ("certify", model, "--key", self.secret, "-o", self.folder / "no.json")):
            done = self.lipcert(*command, code=3)
            said = done.stdout + done.stderr
            for part in ("'height'", "'width'", "--input-shape"):
                self.assertIn(part, said)
        self.assertFalse((self.folder / "no.json").exists())
        for wrong, part in (("1,1,7", "has 3 dimensions"), ("1,2,7,6", "fixes it to 1"), ("2,1,7,6", "give 1"), ("1,1,0,6", "--input-shape"), ("1,1,7,-6", "--input-shape"),
                            ("1,1,7,6,", "--input-shape"), ("1, 1,7,6", "--input-shape"), ("1,1,07,6", "--input-shape")):
            done = self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", "--input-shape", wrong, code=2)
            self.assertIn(part, done.stderr)
            self.assertEqual(done.stdout, "")
        seen = json.loads(self.lipcert("inspect", model, "--json", "--input-shape", "1,1,7,6").stdout)
        self.assertEqual((seen["input"]["shape"], seen["input"]["symbolic"], seen["input"]["given"]), ([1, 1, 7, 6], [0, 2, 3], [2, 3]))
        text = self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "open.json", "--input-shape", "1,1,7,6").stdout
        self.assertRegex(text, r"\Ainput +x FLOAT \[1, 1, 7, 6\], for one input \(dimension 0 'N' taken as 1\); given: dimension 2 'height', dimension 3 'width'\n")
        path, printed = self.certify(model, self.secret, "--input-shape", "1,1,7,6", name="open.json")
        self.assertEqual(printed["input"]["given"], [2, 3])
        member = support.statement(path)["predicate"]["model"]
        self.assertEqual(member["input"], {"name": "x", "shape": [1, 1, 7, 6], "symbolic": [0, 2, 3], "given": [2, 3]})
        report = self.verify(path, model)
        self.assertEqual(report["input"], {"name": "x", "shape": [1, 1, 7, 6], "symbolic": [0, 2, 3], "given": [2, 3]})
        text = self.lipverify(path, "--model", model, "--public-key", self.public).stdout
        self.assertIn("'x' of shape 1 x 1 x 7 x 6, for one input (dimension 0 'N' taken as 1); size of dimension 2 'height', dimension 3 'width' given by the issuer",
                      text.splitlines()[1])
        # The same numbers as for the model that has the sizes, another constant than at 1 x 1, and the truth between both ends.
        _, of_fixed = self.certify(fixed, self.secret, name="fixed.json")
        self.assertNotIn("given", support.statement(self.folder / "fixed.json")["predicate"]["model"]["input"])
        self.assertEqual((printed["lipschitz"], printed["lipschitzLower"]), (of_fixed["lipschitz"], of_fixed["lipschitzLower"]))
        columns = []
        for k in range(42):
            unit = numpy.zeros(42)
            unit[k] = 1
            columns.append(conv(unit.reshape(1, 1, 7, 6), self.weight.astype(float), None, {"pads": [1, 1, 1, 1]}).mean(axis=1).reshape(-1))
        truth = numpy.linalg.svd(numpy.array(columns), compute_uv=False)[0]
        self.assertLessEqual(float(printed["lipschitzLower"]), truth * (1 + 1e-9))
        self.assertGreaterEqual(float(printed["lipschitz"]), truth * (1 - 1e-9))
        _, smallest = self.certify(model, self.secret, "--input-shape", "1,1,1,1", name="smallest.json")
        self.assertLess(float(smallest["lipschitz"]), 0.9 * truth)
        self.verify(self.folder / "smallest.json", model)  # somebody chose that, and the certificate says so
        # What an older version signed without a word, and other claims about the choice.
        def unsaid(m, p):
            del m["input"]["given"]
            p["notCovered"][3] = "Batches: symbolic dimensions of the input are taken as 1."
        self.rejects(self.folder / "smallest.json", model, unsaid, "does not say that this is a choice")
        self.rejects(path, model, unsaid, "'height'")
        self.rejects(path, model, lambda m, p: m["input"].pop("given"), "notCovered[3]")
        for given in ([2], [0, 2, 3], [3, 2], [1, 2, 3], []):
            self.rejects(path, model, lambda m, p, g=given: m["input"].update(given=g), "given")
        self.rejects(path, model, lambda m, p: m["input"].update(shape=[1, 1, 7, 5]), "")
        self.rejects(path, model, lambda m, p: m["input"].update(shape=[1, 1, 7]), "4 dimensions, not 3")
        self.rejects(path, model, lambda m, p: m["input"].update(shape=[2, 1, 7, 6]), "is 1, not 2")

        def said(m, p):
            m["input"]["given"] = [2, 3]
            p["notCovered"][3] = ("Batches and other sizes: a symbolic first dimension of the input is taken as 1, the other symbolic ones have the sizes that the "
                                  "issuer gave.")
        self.rejects(self.folder / "fixed.json", fixed, said, "input-given")

    def test_a_vector_of_any_length(self):
        model = self.write("m.onnx", graph([node("Relu", ["x"], "y")], [], [("x", ("features",))], [("y", ("features",))]))
        self.assertIn("'features'", self.lipcert("inspect", model, code=3).stdout)
        path, _ = self.certify(model, self.secret, "--input-shape", "5")
        self.assertEqual(self.verify(path, model)["input"]["shape"], [5])

    def test_weights_that_are_inputs_too(self):
        weight = self.random.normal(size=(3, 4)).astype("<f4")
        parts = ([node("Gemm", ["x", "w", "b"], "y", "gemm", transB=1)], [tensor("w", (3, 4), weight.tobytes()), tensor("b", (3,), [1.0, 2.0, 3.0])])
        inputs = [("x", (1, 4)), ("b", (3,)), ("w", (3, 4))]
        model = self.write("m.onnx", graph(*parts, inputs, [("y", (1, 3))]))
        done = self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", code=3)
        self.assertIn("--fixed-inputs", done.stderr)
        self.assertIn("'b'", done.stderr)
        self.assertIn("b, w", self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "c.json", "--fixed-inputs").stdout)
        path, printed = self.certify(model, self.secret, "--fixed-inputs", name="c.json")
        self.assertEqual(printed["fixedInputs"], ["b", "w"])
        self.assertEqual(support.statement(path)["predicate"]["model"]["fixedInputs"], ["b", "w"])
        truth = numpy.linalg.svd(weight.astype(float), compute_uv=False)[0]
        self.assertLessEqual(abs(float(printed["lipschitz"]) - truth), 1e-8 * truth)
        self.assertEqual(self.verify(path, model)["fixedInputs"], ["b", "w"])
        self.assertIn("b, w", self.lipverify(path, "--model", model, "--public-key", self.public).stdout)
        for names in (["w", "b"], ["b"], ["b", "w", "x"], ["b", "v"], []):
            self.rejects(path, model, lambda m, p, n=names: m.update(fixedInputs=n), "fixed")
        statement = support.statement(path)
        del statement["predicate"]["model"]["fixedInputs"]
        forged = support.forge(path, statement, self.secret, self.folder)
        self.assertIn("can be overridden", self.lipverify(forged, "--model", model, "--public-key", self.public, code=3).stderr)
        # Where nothing is to be fixed nothing is recorded.
        plain = self.write("plain.onnx", graph(*parts, inputs[:1], [("y", (1, 3))]))
        path, _ = self.certify(plain, self.secret, "--fixed-inputs", name="plain.json")
        self.assertNotIn("fixedInputs", support.statement(path)["predicate"]["model"])
        self.rejects(path, plain, lambda m, p: m.update(fixedInputs=["w"]), "fixed-inputs")

    def test_several_outputs(self):
        a, b = (self.random.normal(size=(3, 4)).astype("<f4") * s for s in (1, 10))
        nodes = [node("Gemm", ["x", "a"], "y", "first", transB=1), node("Gemm", ["x", "b"], "z", "second", transB=1), node("ArgMax", ["y"], "best", "class", axis=1)]
        weights = [tensor("a", (3, 4), a.tobytes()), tensor("b", (3, 4), b.tobytes())]
        model = self.write("m.onnx", graph(nodes, weights, [("x", ("N", 4))], [("y", (1, 3)), ("z", (1, 3)), ("best", (1,))]))
        done = self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", code=3)
        self.assertIn("--output", done.stderr)
        self.assertIn("'y', 'z', 'best'", done.stderr)
        self.assertIn("choose one of", self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", "--output", "w", code=2).stderr)
        self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", "--output", "best", code=3)
        for name, matrix, others in (("y", a, ["z", "best"]), ("z", b, ["y", "best"])):
            path, printed = self.certify(model, self.secret, "--output", name, name=f"{name}.json")
            truth = numpy.linalg.svd(matrix.astype(float), compute_uv=False)[0]
            self.assertLessEqual(abs(float(printed["lipschitz"]) - truth), 1e-8 * truth)
            member = support.statement(path)["predicate"]["model"]["output"]
            self.assertEqual(member, {"name": name, "shape": [1, 3], "others": others})
            self.assertEqual(support.statement(path)["predicate"]["blocks"][0]["nodes"], [0])
            self.assertEqual(self.verify(path, model)["output"], {"name": name, "shape": [1, 3], "chosen": True, "others": others})
            text = self.lipverify(path, "--model", model, "--public-key", self.public).stdout
            self.assertIn(f"'{name}' of shape 1 x 3, chosen by the issuer; not the model's other outputs: {', '.join(others)}", text)
        # The digest is that of a graph without what was cut.
        alone = self.write("alone.onnx", graph(nodes[:1], weights, [("x", ("N", 4))], [("y", (1, 3))]))
        self.assertEqual(json.loads(self.lipcert("inspect", alone, "--json").stdout)["graphDigest"],
                         support.statement(self.folder / "y.json")["predicate"]["model"]["graphDigest"])
        path = self.folder / "y.json"
        self.rejects(path, model, lambda m, p: m["output"].update(name="z", others=["y", "best"]), "graph-digest")
        self.rejects(path, model, lambda m, p: m["output"].update(name="w"), "no output 'w'")
        for others in (["z"], [], ["best", "z"], ["z", "best", "y"]):
            self.rejects(path, model, lambda m, p, o=others: m["output"].update(others=o), "other-outputs")
        statement = support.statement(path)
        del statement["predicate"]["model"]["output"]["others"]
        forged = support.forge(path, statement, self.secret, self.folder)
        self.assertIn("ArgMax", self.lipverify(forged, "--model", model, "--public-key", self.public, code=3).stderr)

    def test_no_choice_passes_a_policy_that_does_not_name_it(self):
        """An output among several, inputs fixed to the file's values, and sizes that the file leaves open are the issuer's choice."""
        weight = numpy.array([[2, 0], [0, 1]], "<f4")
        stored = [tensor("w", (2, 2), weight.tobytes())]
        several = self.write("several.onnx", graph([node("MatMul", ["x", "w"], "big", "a"), node("Relu", ["x"], "small", "b")], stored, [("x", (1, 2))],
                                                   [("big", (1, 2)), ("small", (1, 2))]))
        fixed = self.write("fixed.onnx", graph([node("MatMul", ["x", "w"], "y", "a")], stored, [("x", (1, 2)), ("w", (2, 2))], [("y", (1, 2))]))
        pictures = self.write("pictures.onnx", self.picture(("N", 1, "height", "width")))
        for model, options, key, value, other in ((several, ["--output", "small"], "output", "small", "big"), (fixed, ["--fixed-inputs"], "fixedInputs", ["w"], ["x"]),
                                                  (pictures, ["--input-shape", "1,1,4,5"], "input", {"shape": [1, 1, 4, 5]}, {"shape": [1, 1, 5, 4]})):
            path, _ = self.certify(model, self.secret, *options)
            self.verify(path, model)  # the check itself holds
            for demand, code in (({}, 1), ({key: other}, 1), ({key: value}, 0)):
                policy = self.write("policy.json", json.dumps({"formatVersion": 1, "issuers": [{"name": "us", "publicKey": self.public.read_text()}], **demand}))
                done = self.lipverify(path, "--model", model, "--policy", policy, code=code)
                self.assertEqual(f"the policy's demand /{key} is not met" in done.stderr, code == 1, done.stderr)

    def test_idle_nodes(self):
        nodes = [node("Relu", ["x"], "y", "used"), node("Relu", ["x"], "nothing", "idle")]
        model = self.write("m.onnx", graph(nodes, [], [("x", (1, 4))], [("y", (1, 4))]))
        self.assertIn("--output", self.lipcert("inspect", model, code=3).stdout)
        path, _ = self.certify(model, self.secret, "--output", "y")
        self.assertEqual(self.verify(path, model)["output"]["others"], [])

    def test_several_inputs(self):
        model = self.write("m.onnx", graph([node("Add", ["x", "z"], "y")], [], [("x", (1, 4)), ("z", (1, 4))], [("y", (1, 4))]))
        done = self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", code=3)
        self.assertIn("2 inputs ('x', 'z')", done.stderr)
        # An output that one of them leads to is a function of that one.
        nodes = [node("Add", ["x", "z"], "y"), node("LeakyRelu", ["z"], "w", alpha=-3.0)]
        model = self.write("w.onnx", graph(nodes, [], [("x", (1, 4)), ("z", (1, 4))], [("y", (1, 4)), ("w", (1, 4))]))
        self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", "--output", "y", code=3)
        path, printed = self.certify(model, self.secret, "--output", "w")
        self.assertEqual((printed["input"]["name"], float(printed["lipschitz"])), ("z", 3))
        self.assertEqual(self.verify(path, model)["input"]["name"], "z")
        self.rejects(path, model, lambda m, p: m["input"].update(name="x"), "input-name")

    def test_nodes_in_any_order(self):
        a, b = (self.random.normal(size=(4, 4)).astype("<f4") for _ in range(2))
        weights = [tensor("a", (4, 4), a.tobytes()), tensor("b", (4, 4), b.tobytes())]
        nodes = [node("Gemm", ["x", "a"], "h", "first"), node("Relu", ["h"], "r", "second"), node("Gemm", ["r", "b"], "y", "third")]
        found = set()
        for k, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1])):
            model = self.write(f"m{k}.onnx", graph([nodes[i] for i in order], weights, [("x", (1, 4))], [("y", (1, 4))],
                                                   opsets=((None, 13), ("ai.onnx", 13), ("com.example", 1), ("com.example", 1))))
            path, printed = self.certify(model, self.secret, name=f"m{k}.json")
            self.verify(path, model)
            statement = support.statement(path)["predicate"]
            found.add((statement["model"]["graphDigest"], printed["lipschitz"], str([b["nodes"] for b in statement["blocks"]])))
        self.assertEqual(len(found), 1)
        circle = [node("Add", ["x", "r"], "h", "first"), node("Relu", ["h"], "r", "second"), node("Relu", ["r"], "y", "third")]
        model = self.write("circle.onnx", graph(circle, [], [("x", (1, 4))], [("y", (1, 4))]))
        self.assertIn("circle", self.lipcert("certify", model, "--key", self.secret, "-o", self.folder / "no.json", code=3).stderr)


if __name__ == "__main__":
    support.main()
