"""Unchanged blocks of a changed model: taken from the evidence file by the digest of their exact inputs, counted, and worth nothing that lipverify does not find."""

import base64
import json

import renewal
import support
from renewal import START

FIRST = [[1, 2, 0.5], [3, 4, -1], [0.25, 0, 1]]


class Reuse(renewal.Case):
    def setUp(self):
        super().setUp()
        self.manifest["entries"] = [self.entry("a")]
        self.save()
        self.network(1)
        self.renew()
        self.evidence = self.folder / "a.lipcert.sigstore.json.evidence"
        self.assertEqual(len(self.stored()["blocks"]), 2)

    def stored(self):
        return json.loads(json.loads(self.evidence.read_text())["body"])

    def store(self, body, sign=True):
        """Writes the body into the file: by somebody who has the key, or without."""
        file = json.loads(self.evidence.read_text())
        file["body"] = json.dumps(body, separators=(",", ":"))
        if sign:
            self.write("body", "lipcert-evidence-1\n" + file["body"])
            done = support.openssl("dgst", "-sha256", "-sign", self.secret, "-out", self.folder / "sig", self.folder / "body")
            self.assertEqual(done.returncode, 0, done.stderr)
            file["signature"] = base64.b64encode((self.folder / "sig").read_bytes()).decode()
        self.evidence.write_text(json.dumps(file))

    def network(self, last, first=None):
        self.write("a.onnx", support.dense([first or FIRST, [[last, -1, 2], [0, 1, 1]]]))

    def renewed(self, *options):
        """(reused, computed), and that the certificate is the one that is made from nothing."""
        report = self.renew(*options)
        self.assertEqual(report["renewed"], 1)
        self.accepted("a")
        payload = support.payload_bytes(self.output("a"))
        self.lipcert("renew", self.output("a"), "--check")
        self.assertEqual(report["blocks"], report["entries"][0]["blocks"])
        self.assertEqual(support.sha256(payload), report["entries"][0]["payloadSha256"])
        return report["blocks"]["reused"], report["blocks"]["computed"]

    def test_the_unchanged_block_is_taken(self):
        self.network(2)
        self.assertEqual(self.renewed(), (1, 1))
        self.network(2, [[1, 2, 0.5], [3, 4, -1], [0.25, 0, 1.0000001]])  # the neighbour in float32
        self.assertEqual(self.renewed(), (1, 1))
        self.entry("a")["issuer"] = "another"
        self.save()
        self.assertEqual(self.renewed(), (2, 0))

    def test_not_without_a_check(self):
        self.network(2)
        self.assertEqual(self.renew("--no-recheck")["blocks"], {"reused": 0, "computed": 2})
        self.network(3)
        self.assertEqual(self.renewed("--no-reuse"), (0, 2))

    def test_not_of_another_program(self):
        stored = self.stored()
        stored["program"] = "0" * 64
        self.store(stored)
        self.network(2)
        self.assertEqual(self.renewed(), (0, 2))

    def test_not_of_somebody_without_the_key(self):
        """Evidence that somebody has loosened would be accepted, for it is true: but this program would not have found it."""
        text = self.evidence.read_text()
        stored = self.stored()
        for evidence in stored["blocks"].values():
            evidence["upper"] = support.hex_float(float.fromhex(evidence["upper"]) * 2)
            evidence["gram"]["C2"] = str(int(evidence["gram"]["C2"]) * 4)
        self.store(stored, sign=False)
        self.network(2)
        self.assertEqual(self.renewed(), (0, 2))
        self.evidence.write_text(text)
        self.store(self.stored())  # the same, signed again by who has the key, is taken
        self.network(3)
        self.assertEqual(self.renewed(), (1, 1))

    def test_damaged_files_cost_time_only(self):
        text, stored = self.evidence.read_text(), self.stored()
        for k, content in enumerate((text[:-3], "", "[]", text.replace("signature", "sig"), text.replace("dense", "sense"))):
            self.evidence.write_text(content)
            self.network(10 + k)
            self.assertEqual(self.renewed(), (0, 2), content[:60])
        for k, change in enumerate((lambda b: b.update(x=1), lambda b: [e.update(upper="x") for e in b.values()], lambda b: [e.pop("grid") for e in b.values()])):
            self.evidence.write_text(text)
            body = json.loads(json.dumps(stored))
            change(body["blocks"])
            self.store(body)
            self.network(30 + k)
            self.assertEqual(self.renewed(), (0, 2), k)

    def test_forged_evidence_is_refused_and_computed(self):
        """What would be a false bound, even of somebody with the key, ends in the certificate that is made from nothing."""
        text, body = self.evidence.read_text(), self.stored()

        def smaller(evidence):
            evidence["upper"] = evidence["lower"] = support.hex_float(float.fromhex(evidence["upper"]) / 2)

        def smaller_square(evidence):
            smaller(evidence)
            evidence["gram"]["C2"] = str(int(evidence["gram"]["C2"]) // 4)

        def zero(evidence):
            evidence.pop("gram")
            evidence.pop("witness")
            evidence.update(theorem="zero-operator", upper="0x0p+0", lower="0x0p+0")

        def larger_lower(evidence):
            evidence["lower"] = evidence["upper"]

        def long_witness(evidence):
            evidence["witness"]["int32"] = evidence["witness"]["int32"] + "AAAA" * 4

        def another_operator(evidence):
            evidence["operator"] = "convolution"
        for k, forge in enumerate((smaller, smaller_square, zero, larger_lower, long_witness, another_operator)):
            with self.subTest(forge=forge.__name__):
                self.evidence.write_text(text)
                stored = json.loads(json.dumps(body))
                for evidence in stored["blocks"].values():
                    forge(evidence)
                self.store(stored)
                self.network(20 + k)
                self.assertEqual(self.renewed(), (0, 2))


if __name__ == "__main__":
    support.main()
