"""Forgery at the command line. The unit tests of the checker mutate every field; here a forger edits files, with and without the signing key,
and only the two programs are used."""

import base64
import copy
import json
import math
from fractions import Fraction

import support
from support import DIGITS


class Tamper(support.Case):
    def setUp(self):
        super().setUp()
        self.secret, self.public = self.key()
        self.path, self.printed = self.certify(DIGITS, self.secret)
        self.bundle = json.loads(self.path.read_bytes())
        self.original = support.statement(self.path)

    def verify(self, path, code, model=DIGITS, public=None):
        done = support.run(support.LIPVERIFY, path, "--model", model, "--public-key", public or self.public)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def rejects_bundle(self, change):
        bundle = copy.deepcopy(self.bundle)
        text = change(bundle)
        self.verify(self.write("changed.json", json.dumps(bundle) if text is None else text), 1)

    def forged(self, change):
        """The statement after `change`, signed properly with the trusted key."""
        statement = copy.deepcopy(self.original)
        text = change(statement["predicate"], statement)
        return support.forge(self.path, statement if text is None else text, self.secret, self.folder)

    def test_the_forger_can_sign(self):
        """Without this, every test below would pass for the wrong reason."""
        self.verify(self.forged(lambda p, s: None), 0)

    def test_without_the_key(self):
        payload = support.payload_bytes(self.path)

        def edit(position):
            changed = bytearray(payload)
            changed[position] ^= 1
            return base64.b64encode(bytes(changed)).decode()
        for position in range(0, len(payload), max(1, len(payload) // 40)):
            self.rejects_bundle(lambda b: b["dsseEnvelope"].update(payload=edit(position)))
        signature = base64.b64decode(self.bundle["dsseEnvelope"]["signatures"][0]["sig"])
        for position in range(0, len(signature), 7):
            changed = bytearray(signature)
            changed[position] ^= 1
            self.rejects_bundle(lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=base64.b64encode(bytes(changed)).decode()))
        self.rejects_bundle(lambda b: b["dsseEnvelope"].update(payloadType="text/plain"))
        self.rejects_bundle(lambda b: b["dsseEnvelope"].update(signatures=[]))
        self.rejects_bundle(lambda b: b["dsseEnvelope"]["signatures"].append(b["dsseEnvelope"]["signatures"][0]))
        self.rejects_bundle(lambda b: b["dsseEnvelope"].update(payload=b["dsseEnvelope"]["payload"][:-4]))
        self.rejects_bundle(lambda b: b["dsseEnvelope"].update(payload=b["dsseEnvelope"]["payload"] + "\n"))
        text = self.path.read_text()
        for changed in ("\ufeff" + text, text[:-10], "", "[]", text + text, text.replace('"payload":', '"payload":"","payload":', 1), "[" * 100000):
            self.rejects_bundle(lambda b: changed)
        _, other = self.key(name="other")
        self.verify(self.path, 1, public=other)

    def test_urlsafe_base64_is_accepted(self):
        envelope = self.bundle["dsseEnvelope"]
        envelope["payload"] = envelope["payload"].replace("+", "-").replace("/", "_")
        envelope["signatures"][0]["sig"] = envelope["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
        self.verify(self.write("urlsafe.json", json.dumps(self.bundle)), 0)

    def test_another_model(self):
        data = bytearray(DIGITS.read_bytes())
        data[data.index(b"dense2.weight") + 20] ^= 1  # one bit of one weight
        self.verify(self.path, 1, model=self.write("digits.onnx", bytes(data)))
        other = self.write("other.onnx", support.dense([[[1, 0]], [[1]]]))
        done = self.verify(self.path, 1, model=other)
        self.assertRegex(done.stdout + done.stderr, "(?i)digest|model")

    def test_numbers_below_the_truth(self):
        def smaller(number, step):
            """A rigorous number that is consistent in itself, but smaller."""
            value = float.fromhex(number["exact"])
            value = math.nextafter(value, 0) if step == 0 else value * (1 - step)
            number.update(support.rigorous(value, up=True))
        # Global bound one ulp below the exact product of the blocks' bounds: find the product first.
        product = Fraction(1)
        for block in self.original["predicate"]["blocks"]:
            product *= Fraction(float.fromhex(block["upper"]["exact"]))
        below = float(product)
        while Fraction(below) >= product:
            below = math.nextafter(below, 0)

        def set_global(p, s):
            p["claims"][0]["upper"] = support.rigorous(below, up=True)
        self.verify(self.forged(set_global), 1)
        for index, block in enumerate(self.original["predicate"]["blocks"]):
            step = 1e-6 if block["operator"] == "dense" else 0
            self.verify(self.forged(lambda p, s: smaller(p["blocks"][index]["upper"], step)), 1)

        def pair(p, s):
            exact = p["claims"][1]["upper"]["exact"]
            value = float.fromhex(exact[7]) * (1 - 1e-6)
            exact[7] = support.hex_float(value)
            p["claims"][1]["upper"]["decimal"][7] = support.decimal_text(value, up=True)
        self.verify(self.forged(pair), 1)

        def larger_lower(p, s):
            value = float.fromhex(p["claims"][0]["lower"]["exact"]) * (1 + 1e-6)
            p["claims"][0]["lower"] = support.rigorous(value, up=False)
        self.verify(self.forged(larger_lower), 1)

    def test_structure(self):
        def put(path, value):
            def change(p, s):
                at = s
                for step in path[:-1]:
                    at = at[step]
                at[path[-1]] = value
            return change
        changes = [
            put(["predicateType"], "https://example.org/other/v1"),
            put(["_type"], "https://in-toto.io/Statement/v0.1"),
            put(["subject", 0, "digest", "sha256"], "0" * 64),
            put(["predicate", "formatVersion"], 2),
            put(["predicate", "model", "graphDigest"], "0" * 64),
            put(["predicate", "model", "input", "shape"], [1, 65]),
            put(["predicate", "semantics", "arithmetic"], "binary32"),
            put(["predicate", "semantics", "inputNorm"], "linf"),
            put(["predicate", "claims", 0, "kind"], "pair-lipschitz"),
            put(["predicate", "claims", 0, "formula"], "f is nice"),
            put(["predicate", "claims", 0, "upper", "decimal"], "0.5"),
            put(["predicate", "claims", 0, "upper", "exact"], "nan"),
            put(["predicate", "claims", 0, "extra"], 1),
            put(["predicate", "blocks", 0, "method", "theorem"], "zero-operator"),
            put(["predicate", "blocks", 0, "operator"], "isometry"),
            put(["predicate", "issuance", "notAfter"], "2001-01-01T00:00:00Z"),
            lambda p, s: p["blocks"].pop(1),
            lambda p, s: p["blocks"].append(p["blocks"][-1]),
            lambda p, s: p["blocks"].reverse(),
            lambda p, s: s["subject"].append(s["subject"][0]),
            lambda p, s: p["claims"].append(p["claims"][0]),
            lambda p, s: p.pop("claims"),
            lambda p, s: p.update(claims=[]),
        ]
        for number, change in enumerate(changes):
            with self.subTest(number):
                def quiet(p, s):
                    change(p, s)
                self.verify(self.forged(quiet), 1)
        text = json.dumps(self.original, separators=(",", ":"), ensure_ascii=False)
        for changed in (text.replace('"claims":', '"claims":[],"claims":', 1), "\ufeff" + text, text.replace('"formatVersion":1', '"formatVersion":1.0'),
                        text.replace('"formatVersion":1', '"formatVersion":1e400'), text.replace('"formatVersion":1', '"formatVersion":NaN')):
            self.verify(self.forged(lambda p, s: changed.encode()), 1)

    def test_a_renamed_network_is_not_certified(self):
        """The forger replaces model and digests, but keeps the bounds of a flatter network."""
        steep = support.dense([[[3, 0], [0, 1]], [[1, 1]]])
        flat = support.dense([[[1, 0], [0, 1]], [[1, 1]]])
        steep_path, flat_path = self.write("steep.onnx", steep), self.write("flat.onnx", flat)
        certificate, _ = self.certify(flat_path, self.secret, name="flat.json")
        honest, _ = self.certify(steep_path, self.secret, name="steep.json")
        statement, truth = support.statement(certificate), support.statement(honest)
        statement["subject"] = truth["subject"]
        statement["predicate"]["model"] = truth["predicate"]["model"]
        self.verify(support.forge(certificate, statement, self.secret, self.folder), 1, model=steep_path)
        self.verify(honest, 0, model=steep_path)


if __name__ == "__main__":
    support.main()
