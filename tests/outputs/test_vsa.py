"""Verification Summaries: what lipverify signs, what other tools read in it, and what --check-vsa makes of it. A summary is somebody's word: it is never
called accepted, and whatever does not fit is refused."""

import base64
import json
import subprocess
import unittest

import support
from gate_support import GateCase, layer

PREDICATE = "https://slsa.dev/verification_summary/v1"


class Vsa(GateCase):
    def setUp(self):
        super().setUp()
        self.models(a=1, b=2)
        self.lipcert("keygen", "--out", self.folder / "gate.pem")

    def summary(self, *extra, code=0, name="vsa.json", key="gate.pem", policy=None, **more):
        policy = policy or self.policy()
        return self.verify("certificates", "--model", "models", "--policy", policy.name, "--vsa", name, "--vsa-key", key, *extra, code=code, **more)

    def check(self, *extra, code=0, name="vsa.json", key="gate.pub.pem"):
        if "--time" not in extra:
            extra += ("--time", "2028-01-01T00:00:00Z")
        return self.verify("--check-vsa", name, "--public-key", key, *extra, code=code)

    def statement(self, name="vsa.json"):
        return support.statement(self.folder / name)

    def resign(self, change, key="gate.pem"):
        statement = self.statement()
        change(statement)
        path = support.forge(self.folder / "vsa.json", statement, self.folder / key, self.folder)
        return path.name

    def test_what_is_signed(self):
        self.summary("--time", "2027-06-01T00:00:00Z")
        self.assertTrue(support.openssl_verifies(self.folder / "vsa.json", self.folder / "gate.pub.pem", "p256", self.folder))
        statement = self.statement()
        self.assertEqual((statement["_type"], statement["predicateType"]), ("https://in-toto.io/Statement/v1", PREDICATE))
        digest = lambda path: support.sha256((self.folder / path).read_bytes())
        self.assertEqual({s["name"]: s["digest"]["sha256"] for s in statement["subject"]}, {f"{n}.onnx": digest(f"models/{n}.onnx") for n in "ab"})
        predicate = statement["predicate"]
        self.assertEqual(predicate["policy"], {"uri": "policy.json", "digest": {"sha256": digest("policy.json")}})
        self.assertEqual([a["digest"]["sha256"] for a in predicate["inputAttestations"]], [support.sha256(support.payload_bytes(self.certificate(n))) for n in "ab"])
        self.assertEqual((predicate["verificationResult"], predicate["verifiedLevels"], predicate["timeVerified"]), ("PASSED", ["LIPCERT_RECOMPUTED"], "2027-06-01T00:00:00Z"))
        self.assertEqual(predicate["verifier"]["id"], "https://lipcert.github.io/lipverify")
        bundle = json.loads((self.folder / "vsa.json").read_text())
        self.assertEqual(bundle["verificationMaterial"]["publicKey"]["hint"], digest("gate.pub.pem"))

    def test_checked(self):
        self.summary("--vsa-id", "https://example.org/gate")
        done = self.check("--model", "models/a.onnx", "--policy", "policy.json")
        self.assertTrue(done.stdout.startswith("attested  2 models passed policy "), done.stdout)
        self.assertIn("by https://example.org/gate", done.stdout)
        self.assertIn("no claim was recomputed", done.stdout)
        self.assertNotIn("accepted", done.stdout)
        self.assertIn("which models", self.check().stdout)
        report = json.loads(self.check("--json").stdout)
        self.assertEqual((report["verdict"], report["exitCode"], len(report["notChecked"])), ("attested", 0, 4))

    def test_ed25519_and_an_encrypted_key(self):
        self.lipcert("keygen", "--out", self.folder / "ed.pem", "--algorithm", "ed25519")
        self.summary(key="ed.pem")
        self.check(key="ed.pub.pem")
        env = support.environment(LIPCERT_PASSPHRASE="open sesame")
        self.lipcert("keygen", "--out", self.folder / "safe.pem", env=env)
        for passphrase, code in (("sesame", 4), (None, 4), ("open sesame", 0)):
            (self.folder / "vsa.json").unlink(missing_ok=True)
            done = self.summary(key="safe.pem", code=code, env=support.environment(**({"LIPVERIFY_PASSPHRASE": passphrase} if passphrase else {})))
            self.assertEqual((self.folder / "vsa.json").exists(), code == 0)
            if code:
                self.assertIn("passphrase", done.stderr)
        self.check(key="safe.pub.pem")
        for wrong in ("gate.pub.pem", "models/a.onnx", "absent.pem"):
            self.summary(key=wrong, code=4, name="other.json")
        self.assertFalse((self.folder / "other.json").exists())

    def test_failed(self):
        (self.folder / "models/b.onnx").write_bytes(layer(9))
        self.summary(code=1)
        predicate = self.statement()["predicate"]
        self.assertEqual((predicate["verificationResult"], predicate["verifiedLevels"]), ("FAILED", []))
        self.assertIn("FAILED", self.check("--model", "models/b.onnx", code=1).stderr)
        (self.folder / "vsa.json").unlink()
        self.summary("nowhere.json", code=3)
        self.assertEqual(self.statement()["predicate"]["verificationResult"], "FAILED")
        self.policy("bad.json", nonsense=1)
        self.summary(code=3, policy=self.folder / "bad.json")
        self.assertEqual(self.statement()["predicate"]["verificationResult"], "FAILED")

    def test_signed_last(self):
        """No summary PASSED stands beside a run that could not say so."""
        (self.folder / "full").mkdir()
        self.summary("--junit", "full", code=4)
        self.assertFalse((self.folder / "vsa.json").exists())
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([support.LIPVERIFY, "certificates", "--model", "models", "--policy", "policy.json", "--vsa", "vsa.json", "--vsa-key", "gate.pem"], cwd=self.folder,
                                  stdout=full, stderr=subprocess.PIPE, env=support.environment(), timeout=120, check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertFalse((self.folder / "vsa.json").exists())
        self.summary()
        self.assertTrue((self.folder / "vsa.json").exists())

    def test_in_part_is_said(self):
        data = self.write("a.csv", "".join(f"{i % 3 + 1},0,{i},{i % 2}\n" for i in range(5)))
        self.certify(self.folder / "models/a.onnx", self.folder / "key.pem", "--data", data, "--eps", "0.01", name="certificates/a.lipcert.sigstore.json")
        self.summary(code=5, policy=self.policy(recheck="none"))
        self.assertEqual(self.statement()["predicate"]["verifiedLevels"], ["LIPCERT_RECOMPUTED_IN_PART"])
        self.assertTrue(self.check(code=5).stdout.startswith("attested in part  "))
        # Left out although the policy wants all: the summary says that it failed.
        self.summary("--no-samples", code=1)
        self.assertEqual(self.statement()["predicate"]["verificationResult"], "FAILED")

    def test_what_is_refused(self):
        self.summary("--time", "2027-06-01T00:00:00Z")
        for time in ("2027-05-31T00:00:00Z", "2027-06-01T00:00:00Z"):
            self.check("--time", time)
        other = self.write("models/other.onnx", layer(5))
        self.assertIn("is not about the model", self.check("--model", other, code=1).stderr)
        self.assertIn("is not about the model", self.check("--model", "models", code=1).stderr)
        self.policy("looser.json", threshold=1)
        self.assertIn("another policy", self.check("--policy", "looser.json", code=1).stderr)
        self.assertIn("signature", self.check(key="key.pub.pem", code=1).stderr)
        self.check("--time", "2027-06-08T00:00:00Z", "--max-age", "7")
        self.assertIn("more than 7 days before 2027-06-08T00:00:01Z", self.check("--time", "2027-06-08T00:00:01Z", "--max-age", "7", code=1).stderr)
        self.assertIn("--check-vsa", self.verify("certificates", *self.trusted(), "--max-age", "7", code=2).stderr)
        self.check("--max-age", "0", code=2)
        self.assertIn("more than a day after", self.check("--time", "2027-05-30T23:59:59Z", code=1).stderr)
        self.assertIn("not a verification summary", self.check(name=self.certificate("a"), key="key.pub.pem", code=1).stderr)
        self.check(name="absent.json", code=3)
        other.unlink()  # a model without a certificate closes the gate
        # The other way round: a summary is no certificate, also under the key of an issuer.
        self.summary(key="key.pem", name="issuer.vsa.json")
        self.verify("issuer.vsa.json", "--model", "models/a.onnx", "--public-key", "key.pub.pem", code=1)
        self.check(name="issuer.vsa.json", key="key.pub.pem")

        def result(text):
            return lambda s: s["predicate"].__setitem__("verificationResult", text)
        for change in (result("FAILED"), result("passed"), result(""), lambda s: s.__setitem__("predicateType", "https://slsa.dev/provenance/v1"),
                       lambda s: s["predicate"].pop("verificationResult"), lambda s: s["predicate"].__setitem__("timeVerified", "yesterday"),
                       lambda s: s["subject"][0]["digest"].__setitem__("sha256", "00"), lambda s: s["predicate"].pop("policy")):
            self.check(name=self.resign(change), code=1)
        self.check(name=self.resign(lambda s: s["predicate"].__setitem__("verifiedLevels", ["LIPCERT_RECOMPUTED_IN_PART"])), code=5)
        for levels in (["LIPCERT_RECOMPUTED", "LIPCERT_RECOMPUTED_IN_PART"], ["SLSA_BUILD_LEVEL_3"], []):
            self.check(name=self.resign(lambda s, levels=levels: s["predicate"].__setitem__("verifiedLevels", levels)), code=1)
        self.check(name=self.resign(lambda s: s["subject"].clear()), code=1)
        self.check(name=self.resign(lambda s: None))
        text = (self.folder / "vsa.json").read_text()
        bundle = json.loads(text)
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"2027-06-01", b"2026-06-01")
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
        self.write("changed.json", json.dumps(bundle))
        self.check(name="changed.json", code=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
