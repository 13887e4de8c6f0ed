"""`lipcert renew OLD`: the settings of the old certificate, the model of today; --check compares payload bytes."""

import json

import renewal
import support
from renewal import DAY, START


class Certificate(renewal.Case):
    def certified(self, *options, model="digits.onnx", name="old.json", now=START):
        self.lipcert("certify", self.folder / model, "--key", self.secret, "-o", self.folder / name, *options, env=renewal.at(now))
        return self.folder / name

    def with_everything(self):
        return self.certified("--data", self.folder / "digits.csv", "--label-column", "-1", "--scale", "1/2", "--mean", "1", "--std", "0.5", "--eps", "0.1,0.25",
                              "--eps-unit", "graph", "--limit", "20", "--issuer", "me", "--requirement", "R1", "--requirement", "R2", "--allow-low-accuracy",
                              "--not-after", self.time(START + 100 * DAY))

    def test_same_settings(self):
        old = self.with_everything()
        new = self.folder / "new.json"
        done = self.lipcert("renew", old, "--key", self.secret, "-o", new, "--json", env=renewal.at(START + 7 * DAY))
        report = json.loads(done.stdout)
        before, after = support.statement(old), support.statement(new)
        issuance = after["predicate"]["issuance"]
        self.assertEqual((issuance["issuedAt"], issuance["notAfter"]), (self.time(START + 7 * DAY), self.time(START + 107 * DAY)))
        issuance.update(issuedAt=self.time(START), notAfter=self.time(START + 100 * DAY))
        self.assertEqual(after, before)
        difference = report["difference"]
        self.assertFalse(difference["samePayload"])
        self.assertEqual({c["part"] for c in difference["changes"]}, {"issuance"})
        self.assertEqual({b["kind"] for b in difference["blocks"]}, {"same"})
        self.lipverify(new, "--model", self.folder / "digits.onnx", "--data", self.folder / "digits.csv", "--public-key", self.public,
                       "--time", self.time(START + 7 * DAY))

    def test_function_options(self):
        """Sizes, fixed inputs and outputs that were chosen are chosen again."""
        both = support.model([support.node("Relu", ["x"], "y"), support.node("Neg", ["y"], "z")], [], ("n", "m"), ("n", "m"))
        self.write("open.onnx", both)
        old = self.certified("--input-shape", "1,5", "--output", "y", model="open.onnx")
        self.lipcert("renew", old, "--check")

    def test_another_model(self):
        old = self.certified(model="a.onnx")
        self.write("c.onnx", support.dense([[[1, 2], [3, 40]], [[1, -1]]]))
        done = self.lipcert("renew", old, "--model", self.folder / "c.onnx", "--key", self.secret, "-o", old, env=renewal.at(START))
        self.assertIn("not checked", done.stdout)
        self.assertIn("model: sha256", done.stdout)
        self.lipverify(old, "--model", self.folder / "c.onnx", "--public-key", self.public, "--time", self.time(START))

    def test_check(self):
        old = self.with_everything()
        files = sorted(self.folder.iterdir())
        done = self.lipcert("renew", old, "--check", "--json")
        self.assertTrue(json.loads(done.stdout)["same"])
        self.assertEqual(sorted(self.folder.iterdir()), files)
        self.write("a2.onnx", support.dense([[[1, 2], [3, 5]], [[1, -1]]]))
        first = self.certified(model="a.onnx", name="a.json")
        done = self.lipcert("renew", first, "--model", self.folder / "a2.onnx", "--check", "--json", code=1)
        pointers = [d["pointer"] for d in json.loads(done.stdout)["differences"]["first"]]
        self.assertIn("/subject/0/digest/sha256", pointers)
        self.assertIn("/predicate/claims/0/upper/exact", pointers)

    def test_check_sees_every_number(self):
        """A certificate with another bound, version or spelling is not what comes out, and --check says where."""
        old = self.certified(model="a.onnx")
        for change, pointer in ((lambda p: p["claims"][0]["upper"].update(decimal="99"), "/predicate/claims/0/upper/decimal"),
                                (lambda p: p["generator"].update(version="0.0.1"), "/predicate/generator/version"),
                                (lambda p: p["blocks"].pop(), "/predicate/blocks/")):
            payload = support.statement(old)
            change(payload["predicate"])
            forged = support.forge(old, payload, self.secret, self.folder)
            done = self.lipcert("renew", forged, "--check", code=1)
            self.assertIn(pointer, done.stdout)
        spelled = support.forge(old, json.dumps(support.statement(old)).encode(), self.secret, self.folder)
        done = self.lipcert("renew", spelled, "--check", code=1)
        self.assertIn("another order or spelling", done.stdout)

    def test_public_key(self):
        old = self.certified(model="a.onnx")
        _, other = self.key(name="other")
        self.lipcert("renew", old, "--check", "--public-key", self.public)
        done = self.lipcert("renew", old, "--check", "--public-key", other, code=1)
        self.assertIn("its signature is not that of", done.stderr)
        self.lipcert("renew", old, "--key", self.secret, "-o", self.folder / "n.json", "--public-key", other, code=1)
        self.assertFalse((self.folder / "n.json").exists())

    def test_hostile_certificates(self):
        old = self.certified("--data", self.folder / "digits.csv", "--label-column", "-1", "--eps", "1")
        def subject(name):
            return lambda s: s["subject"][0].update(name=name)

        def claim(change):
            return lambda s: change(next(c for c in s["predicate"]["claims"] if c["kind"] == "sample-radii"))
        changes = [subject("../digits.onnx"), subject("/etc/passwd"), subject(""), subject(7), lambda s: s["subject"].clear(),
                   lambda s: s["predicate"]["settings"].update(regionSamples=2 ** 40), lambda s: s["predicate"].pop("settings"),
                   lambda s: s["predicate"]["issuance"].update(issuedAt="yesterday"), lambda s: s.update(predicateType="x"),
                   claim(lambda c: c["data"]["files"][0].update(name="../digits.csv")), claim(lambda c: c["data"].update(scale="1/0")),
                   claim(lambda c: c["data"].update(format="tar")), claim(lambda c: c["selection"].update(first=3)),
                   claim(lambda c: c["counts"][0].update(eps="x")), claim(lambda c: c.pop("counts")), claim(lambda c: c["data"].update(std=[]))]
        for k, change in enumerate(changes):
            payload = support.statement(old)
            change(payload)
            forged = support.forge(old, payload, self.secret, self.folder)
            with self.subTest(change=k):
                done = support.run(support.LIPCERT, "renew", forged, "--check")
                self.assertIn(done.returncode, (2, 3), done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertNotIn("Internal", done.stderr)

    def test_usage(self):
        old = self.certified(model="a.onnx")
        for arguments in ([], ["--key", self.secret], ["-o", "x"], ["--check", "--key", self.secret], ["--check", "--jobs", "2"], ["--check", "--dry-run"],
                          ["--check", "--only", "a"], ["--check", "--data", "digits.csv"]):
            self.lipcert("renew", old, *arguments, code=2)
        (self.folder / "a.onnx").rename(self.folder / "moved.onnx")
        done = self.lipcert("renew", old, "--check", code=2)
        self.assertIn("--model", done.stderr)


if __name__ == "__main__":
    support.main()
