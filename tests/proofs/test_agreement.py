"""lipproof and lipverify decide alike: on a certificate of every public network that is certified (LIPCERT_CORPUS; skipped without), and on
forgeries of the claimed numbers and of the structure, signed with the trusted key so that only the mathematics can refuse them. A network of
which lipproof says "not covered" is listed by name with its reason."""

import copy
import decimal
import math
import os
import pathlib
import shutil
import sys
from fractions import Fraction

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support  # noqa: E402

LIPPROOF = os.environ["LIPPROOF"]
CORPUS = pathlib.Path(os.environ.get("LIPCERT_CORPUS") or "unset")

# Everything else that is certified must be proved. A name that is proved in the meantime must leave this list.
NOT_COVERED = {
    "ffnnSIGMOID__Point_6x200.onnx": "Sigmoid",
    "layer-zoo_sigmoid.onnx": "Sigmoid",
    "tanh_test.onnx": "folds several",
    "ood.onnx": "folds several",
    "tllBench_n=2_N=M=8_m=1_instance_0_0.onnx": "folds several",
}


def hex_float(value):
    """C99 form with the shortest mantissa, as the format wants it."""
    mantissa, exponent = value.hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


def decimal_above(value):
    context = decimal.Context(prec=17, rounding=decimal.ROUND_CEILING)
    return format(context.create_decimal_from_float(value), "f")


def set_number(number, value):
    """A rigorous number that is consistent in itself."""
    number["exact"], number["decimal"] = hex_float(value), decimal_above(value)


def scaled(number, factor):
    set_number(number, float.fromhex(number["exact"]) * factor)


class Agreement(support.Case):
    def lipproof(self, certificate, model, *options):
        done = support.run(LIPPROOF, certificate, "--model", model, "-q", *options)
        self.assertIn(done.returncode, (0, 1, 3), done.stdout + done.stderr)
        words = {0: "mathematics accepted", 1: "mathematics rejected", 3: "not covered"}
        last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
        self.assertIn(words[done.returncode], last)
        return done

    def both(self, certificate, model, public):
        proved = self.lipproof(certificate, model, "--allow-external-data")
        checked = support.run(support.LIPVERIFY, certificate, "--model", model, "--public-key", public, "--allow-external-data")
        return proved, checked

    def agree(self, certificate, model, public, expected):
        proved, checked = self.both(certificate, model, public)
        self.assertEqual((proved.returncode, checked.returncode), (expected, expected),
                         proved.stdout + proved.stderr + checked.stdout + checked.stderr)

    def forgeries(self, model, secret, public):
        path, _ = self.certify(model, secret)
        original = support.statement(path)

        def forged(change, expected, what):
            statement = copy.deepcopy(original)
            change(statement["predicate"])
            with self.subTest(what):
                self.agree(support.forge(path, statement, secret, self.folder), model, public, expected)
        forged(lambda p: None, 0, "unchanged")
        product = math.prod(Fraction(float.fromhex(b["upper"]["exact"])) for b in original["predicate"]["blocks"])
        below = float(product)
        while Fraction(below) >= product:
            below = math.nextafter(below, 0)
        above = math.nextafter(below, math.inf)
        while Fraction(above) < product:
            above = math.nextafter(above, math.inf)
        forged(lambda p: set_number(p["claims"][0]["upper"], below), 1, "global bound just below the product")
        forged(lambda p: (set_number(p["claims"][0]["upper"], above)), 0, "global bound just above the product")
        forged(lambda p: scaled(p["claims"][0]["upper"], 1.001), 0, "loose global bound")
        for index, block in enumerate(original["predicate"]["blocks"]):
            truth = float.fromhex(block["lower"]["exact"])
            if truth == 0:
                continue

            def lowered(p):
                set_number(p["blocks"][index]["upper"], math.nextafter(truth, 0))

            def raised(p):
                for b in (p["blocks"][index]["upper"], p["claims"][0]["upper"]):
                    scaled(b, 1.01)

            def lowered_and_global(p):
                lowered(p)
                p["blocks"][index]["lower"] = {"exact": "0x0p+0", "decimal": "0"}
                p["blocks"][index]["lowerEvidence"] = {"theorem": "zero"}
            forged(lowered, 1, f"block {index} below its witness")
            forged(lowered_and_global, 1, f"block {index} below its witness, without the witness")
            if block["operator"] in ("dense", "scale"):
                forged(raised, self.pairs_after(original, index), f"block {index} loose")
        if len(original["predicate"]["claims"]) > 1:
            upper = original["predicate"]["claims"][1]["upper"]
            for k in range(0, len(upper["exact"]), max(1, len(upper["exact"]) // 5)):
                def pair(factor):
                    def change(p):
                        value = float.fromhex(upper["exact"][k]) * factor
                        p["claims"][1]["upper"]["exact"][k] = hex_float(value)
                        p["claims"][1]["upper"]["decimal"][k] = decimal_above(value)
                    return change
                forged(pair(1 - 1e-9), 1, f"pair {k} too small")
                forged(pair(1 + 1e-9), 0, f"pair {k} a little larger")
        if len(original["predicate"]["blocks"]) > 1:
            forged(lambda p: p["blocks"].pop(), 1, "last block dropped")
            forged(lambda p: p["blocks"].append(p["blocks"][-1]), 1, "last block twice")
            forged(lambda p: p["blocks"].reverse(), 1, "blocks reversed")
            forged(lambda p: p["blocks"][0].update(operator=p["blocks"][1]["operator"], method=p["blocks"][1]["method"]), 1, "operator swapped")
            forged(lambda p: p["blocks"][0]["nodes"].append(p["blocks"][1]["nodes"][0]), 1, "node in two blocks")
        forged(lambda p: p["model"].update(graphDigest="0" * 64), 1, "another graph")
        forged(lambda p: p["constantNodes"].append(0), 1, "a data node called constant")

    @staticmethod
    def pairs_after(original, index):
        """Pairs rest on the bound of everything before the last block: raising that makes the claimed pairs too small."""
        last = index + 1 == len(original["predicate"]["blocks"])
        return 0 if last or len(original["predicate"]["claims"]) == 1 else 1

    def test_forgeries_of_the_shipped_network(self):
        self.forgeries(support.DIGITS, *self.key())

    def test_forgeries_of_a_network_without_pairs(self):
        model = self.write("net.onnx", support.dense([[[3, 1], [0.5, -2]], [[1, 1]]], "Abs"))
        self.forgeries(model, *self.key())

    def test_another_model(self):
        secret, public = self.key()
        path, _ = self.certify(support.DIGITS, secret)
        data = bytearray(support.DIGITS.read_bytes())
        data[data.index(b"dense2.weight") + 20] ^= 1
        self.agree(path, self.write("digits.onnx", bytes(data)), public, 1)

    def test_signatures_are_not_looked_at(self):
        """Another key's signature: only lipverify refuses, and lipproof says that it does not look."""
        secret, _ = self.key()
        _, other = self.key(name="other")
        path, _ = self.certify(support.DIGITS, secret)
        proved, checked = self.both(path, support.DIGITS, other)
        self.assertEqual((proved.returncode, checked.returncode), (0, 1))
        self.assertIn("not covered: signature", proved.stdout)

    def test_the_checker_cannot_be_skipped(self):
        secret, _ = self.key()
        path, _ = self.certify(support.DIGITS, secret)
        # A front without the checker beside it, and one whose checker dies, decide nothing.
        alone = self.folder / "lipproof"
        shutil.copy(LIPPROOF, alone)
        self.assertEqual(support.run(alone, path, "--model", support.DIGITS).returncode, 4)
        for script in ("#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\nexit 3\n", "#!/bin/sh\nexit 127\n"):
            fake = self.write("lipproof-check", script)
            fake.chmod(0o755)
            self.assertEqual(support.run(alone, path, "--model", support.DIGITS).returncode, 4)

    def test_usage_and_unreadable_input(self):
        self.assertEqual(support.run(LIPPROOF).returncode, 2)
        self.assertEqual(support.run(LIPPROOF, "a", "b", "--model", "c").returncode, 2)
        self.assertEqual(support.run(LIPPROOF, "--help").returncode, 0)
        none = self.folder / "none"
        self.assertEqual(support.run(LIPPROOF, none, "--model", support.DIGITS).returncode, 3)
        junk = self.write("junk.json", "{}")
        self.assertEqual(support.run(LIPPROOF, junk, "--model", support.DIGITS).returncode, 1)
        # A certificate that is about this very file, which is no model.
        secret, _ = self.key()
        path, _ = self.certify(support.DIGITS, secret)
        statement = support.statement(path)
        statement["subject"][0]["digest"]["sha256"] = support.sha256(junk.read_bytes())
        self.assertEqual(support.run(LIPPROOF, support.forge(path, statement, secret, self.folder), "--model", junk).returncode, 3)

    def test_kept_problem(self):
        """The kept problem is the one that was decided, and the checker decides it alike on its own."""
        secret, _ = self.key()
        path, _ = self.certify(support.DIGITS, secret)
        kept = self.folder / "problem"
        done = self.lipproof(path, support.DIGITS, "--problem", kept)
        self.assertIn(support.sha256(kept.read_bytes()), done.stdout)
        again = support.run(os.environ["LIPPROOF_CHECK"], kept)
        self.assertEqual(again.returncode, 0)
        self.assertIn("proved: the network is L-Lipschitz", again.stdout)

    def test_corpus(self):
        if not CORPUS.is_dir():
            self.skipTest("LIPCERT_CORPUS is not set")
        secret, public = self.key()
        proved_names, uncovered = [], {}
        for model in sorted(CORPUS.rglob("*.onnx")):
            path = self.folder / "corpus.json"
            done = support.run(support.LIPCERT, "certify", model, "--key", secret, "-o", path, "--allow-external-data", "--force")
            if done.returncode != 0:
                continue
            proved, checked = self.both(path, model, public)
            with self.subTest(model.name):
                self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
                if proved.returncode == 3:
                    uncovered[model.name] = proved.stdout
                else:
                    self.assertEqual(proved.returncode, 0, proved.stdout + proved.stderr)
                    proved_names.append(model.name)
        self.assertGreaterEqual(len(proved_names), 45, proved_names)
        self.assertEqual(set(uncovered), set(NOT_COVERED))
        for name, printed in uncovered.items():
            self.assertIn(NOT_COVERED[name], printed)


if __name__ == "__main__":
    support.main()
