"""Certificates validate against formats/certificate.schema.json, and the schema refuses what the format refuses."""

import copy
import json
import re

import jsonschema

import support
from support import DIGITS


class Schema(support.Case):
    def setUp(self):
        super().setUp()
        schema = json.loads((support.ROOT / "formats" / "certificate.schema.json").read_text())
        self.validator = jsonschema.validators.validator_for(schema)(schema)
        self.validator.check_schema(schema)

    def models(self):
        yield DIGITS
        yield self.write("zero.onnx", support.dense([[[0, 0], [0, 0]], [[1, 2]]]))
        yield self.write("one.onnx", support.model([support.node("Relu", ["x"], "y")], [], (1, 3), (1, 3)))
        yield self.write("leaky.onnx", support.model([support.node("LeakyRelu", ["x"], "y", alpha=-2.5)], [], ("n", 3), ("n", 3)))
        yield self.write("scale.onnx", support.model([support.node("Mul", ["x", "d"], "a"), support.node("Sigmoid", ["a"], "y")],
                                                     [support.tensor("d", (3,), [1, -2, 0.5])], (1, 3), (1, 3)))

    def test_certificates(self):
        key, public_key = self.key()
        for model in self.models():
            path, _ = self.certify(model, key)
            for error in self.validator.iter_errors(support.statement(path)):
                self.fail(f"{model.name}: {error.message} at {list(error.absolute_path)}")
            self.lipverify(path, "--model", model, "--public-key", public_key)

    def test_sentences(self):
        """What is not covered and what is assumed stands in SPEC.md word for word; the checker's own list is the same, because it accepts."""
        text = (support.ROOT / "formats" / "SPEC.md").read_text()
        lines = dict(re.findall(r"^([1-7]) ([A-Z].+)$", text[text.index("**The sentences.**"):text.index("## 4.")], re.M))
        assumed = [dict(zip(("id", "text", "dischargedBy"), line.split(" | "))) for line in re.findall(r"^[a-z-]+ \| .+ \| .+$", text, re.M)]
        self.assertEqual((len(lines), len(assumed)), (7, 4))
        key, public_key = self.key()
        data = self.write("data.csv", "0.5,1\n-1,2\n")
        model = self.write("net.onnx", support.dense([[[1, 2], [3, -1]], [[1, 1], [0, 1]]]))
        for options, last in (([], "5"), (["--data", data], "6")):
            path, _ = self.certify(model, key, *options)
            predicate = support.statement(path)["predicate"]
            self.assertEqual(predicate["notCovered"], [lines[k] for k in "1234" + last])
            self.assertEqual(predicate["assumptions"], assumed)
            self.validator.validate(support.statement(path))
            self.lipverify(path, "--model", model, "--public-key", public_key, *options)

    def test_what_the_issuer_chose(self):
        key, public_key = self.key()
        model = self.write("open.onnx", support.model([support.node("Relu", ["x"], "y")], [], ("n", "features"), ("n", "features")))
        path, _ = self.certify(model, key, "--input-shape", "1,3", "--output", "y")
        self.lipverify(path, "--model", model, "--public-key", public_key)
        statement = support.statement(path)
        self.assertIn("\n7 " + statement["predicate"]["notCovered"][3] + "\n", (support.ROOT / "formats" / "SPEC.md").read_text())
        self.assertTrue(self.validator.is_valid(statement))
        statement["predicate"]["model"]["fixedInputs"] = ["w"]
        self.assertTrue(self.validator.is_valid(statement))
        for change in (lambda m: m["input"].update(given=[]), lambda m: m["input"].update(given=[-1]), lambda m: m["output"].update(others=["z", "z"]),
                       lambda m: m.update(fixedInputs=[]), lambda m: m.update(fixedInputs=[1])):
            wrong = copy.deepcopy(statement)
            change(wrong["predicate"]["model"])
            self.assertFalse(self.validator.is_valid(wrong))

    def test_the_schema_can_say_no(self):
        key, _ = self.key()
        path, _ = self.certify(DIGITS, key)
        good = support.statement(path)

        def invalid(change):
            statement = copy.deepcopy(good)
            change(statement["predicate"], statement)
            self.assertFalse(self.validator.is_valid(statement))
        self.assertTrue(self.validator.is_valid(good))
        invalid(lambda p, s: p.pop("blocks"))
        invalid(lambda p, s: p.update(formatVersion=2))
        invalid(lambda p, s: s.update(predicateType="x"))
        invalid(lambda p, s: p["claims"][0].update(extra=1))
        invalid(lambda p, s: p["claims"][0]["upper"].update(exact="1.5"))
        invalid(lambda p, s: p["claims"][0]["upper"].update(decimal="1e5x"))
        invalid(lambda p, s: p["claims"][0].update(upper=1.5))
        invalid(lambda p, s: p["blocks"][0].update(operator="magic"))
        invalid(lambda p, s: p["blocks"][0]["evidence"].update(sA="12"))
        invalid(lambda p, s: p["semantics"].update(inputNorm="linf"))
        invalid(lambda p, s: p["model"].update(graphDigest="abc"))
        invalid(lambda p, s: p["issuance"].update(issuedAt="yesterday"))


if __name__ == "__main__":
    support.main()
