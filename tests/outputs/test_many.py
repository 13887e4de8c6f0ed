"""Many certificates in one run: folders and lists, one verdict line each in a fixed order, the worst exit code; data found by their digest; outputs that
are whole or not there, and an exit code that says so."""

import json
import os
import subprocess
import unittest

import support
from gate_support import GateCase, layer, verdicts


class Many(GateCase):
    def test_folders_and_lists(self):
        self.models(a=1, b=2, c=3)
        everything = [("accepted", f"certificates/{n}.lipcert.sigstore.json") for n in "abc"]
        done = self.verify("certificates", *self.trusted())
        self.assertEqual(verdicts(done.stdout), everything)
        self.assertEqual(done.stdout.splitlines()[-1], "3 accepted")
        self.write("list", "# what is released\ncertificates/c.lipcert.sigstore.json\r\n\ncertificates/a.lipcert.sigstore.json")
        done = self.verify("@list", *self.trusted())
        self.assertEqual(verdicts(done.stdout), [everything[2], everything[0]])
        self.assertIn("models/b.onnx' has no certificate", done.stderr)
        # Under a policy a folder of models is what is to be released: one that nobody certified closes the gate.
        self.policy()
        done = self.verify("@list", "--model", "models", "--policy", "policy.json", code=1)
        self.assertEqual(verdicts(done.stdout), [everything[2], everything[0], ("rejected", "models/b.onnx")])
        self.assertRegex(done.stderr, r"lipverify: models/b\.onnx: the model has no certificate among those given: certify it")
        self.assertEqual(verdicts(self.verify("certificates", "--model", "models", "--policy", "policy.json").stdout), everything)
        # The claims are those of the models: the digest decides, not the order.
        for name, bound in (("a", "2"), ("b", "4"), ("c", "6")):
            line = next(x for x in self.verify("certificates", *self.trusted()).stdout.splitlines() if f"/{name}.lipcert" in x)
            self.assertRegex(line, rf"L <= {bound}(\.0*[0-9]*)? ")

    def test_folders_with_subfolders_in_either_case(self):
        """What lies deeper or is spelled in capitals is released as well, and must be certified."""
        self.models(a=1)
        self.policy()
        arguments = ["certificates", "--model", "models", "--policy", "policy.json"]
        for name in ("models/B.ONNX", "models/deep/er/b.onnx"):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(layer(3))
            self.assertEqual(verdicts(self.verify(*arguments, code=1).stdout)[-1], ("rejected", name))
            path.unlink()
        self.models(b=3)
        for name in ("models/b.onnx", "certificates/b.lipcert.sigstore.json"):
            folder = (self.folder / name).parent / "deep"
            folder.mkdir(exist_ok=True)
            (self.folder / name).rename(folder / (self.folder / name).name)
        self.assertEqual([v for v, _ in verdicts(self.verify(*arguments).stdout)], ["accepted"] * 2)

    def test_an_output_behind_a_flag(self):
        """--json FILE would be a certificate FILE: the right spelling is named."""
        self.models(a=1)
        for option in ("--json", "--policy-init"):
            done = self.verify("certificates/a.lipcert.sigstore.json", *self.trusted(), option, "out.json", code=2)
            self.assertIn(f"to have the output written there: {option}=out.json", done.stderr)
        self.verify(*self.trusted(), "--json", "certificates/a.lipcert.sigstore.json")
        self.verify("--json", "nowhere.json", *self.trusted(), code=3)

    def test_a_file_name_is_no_option(self):
        self.models(a=1)
        (self.folder / "models/a.onnx").write_bytes(layer(7))
        self.certificate("a").rename(self.folder / "-h.sigstore.json")
        done = self.verify("-h.sigstore.json", *self.trusted(), code=2)
        self.assertIn("stands alone", done.stderr)
        self.verify("--version", *self.trusted(), code=2)
        self.assertEqual(verdicts(self.verify(*self.trusted(), "--", "-h.sigstore.json", code=1).stdout)[0][0], "rejected")

    def test_no_report_replaces_a_private_key(self):
        self.models(a=1)
        secret = (self.folder / "key.pem").read_bytes()
        for option in ("--junit", "--sarif", "--markdown", "--codequality"):
            self.assertIn("private key", self.verify("certificates", *self.trusted(), option, "key.pem", code=4).stderr)
        self.verify("certificates", *self.trusted(), "--json=key.pem", code=4)
        self.assertEqual((self.folder / "key.pem").read_bytes(), secret)

    def test_what_the_issuer_chose_must_be_named(self):
        """Accuracy with another std or label column, under a policy that pins data and scale only."""
        self.models(a=1)
        rows = "".join(f"{c},{3 if c == 0 else 0},{3 if c == 1 else 0},{k},{3 if c == 2 else 0}\n" for k, c in enumerate([0, 1, 2] * 4))
        self.write("data.csv", rows)
        for options, named, found in ((["--label-column", "0"], {"labelColumn": 0}, "labels from column 0"),
                                      (["--label-column", "0", "--std", "0.5"], {"labelColumn": 0, "std": ["0.5"]}, "the stds 1/2")):
            self.certify(self.folder / "models/a.onnx", self.folder / "key.pem", "--data", self.folder / "data.csv", "--eps", "0.001", "--eps-unit", "graph",
                         "--allow-low-accuracy", "--no-recheck", *options, name="certificates/a.lipcert.sigstore.json")
            demand = {"epsilon": "0.001", "unit": "graph input", "min": "0"}
            for more, code in (({k: v for k, v in named.items() if k != "std"} if "std" in named else {}, 1), (named, 0)):
                self.policy(certifiedAccuracy=[{**demand, **more}])
                done = self.verify("certificates", "--model", "models", "--policy", "policy.json", "--data", "data.csv", code=code)
                self.assertEqual(found in done.stderr, code == 1, done.stderr)

    def test_order_does_not_depend_on_jobs(self):
        self.models(**{f"m{k}": k + 1 for k in range(8)})
        (self.folder / "models/m3.onnx").write_bytes(layer(99))
        reference = None
        for jobs in ("1", "2", "7"):
            done = self.verify("certificates", *self.trusted(), "--time", "2027-06-01T00:00:00Z", "--jobs", jobs, "--json", code=1)
            report = json.loads(done.stdout)
            reference = reference or report
            self.assertEqual(report, reference)
        self.assertEqual([j["verdict"] for j in reference["judgements"]], ["accepted"] * 3 + ["rejected"] + ["accepted"] * 4)
        self.assertEqual(reference["summary"], "7 accepted, 1 rejected")
        self.assertIn("which none of the 8 models given has; certify", reference["judgements"][3]["error"])

    def test_the_worst_decides(self):
        self.models(a=1, b=2, c=3)
        (self.folder / "models/b.onnx").write_bytes(layer(5))
        done = self.verify("certificates", *self.trusted(), code=1)
        self.assertEqual([v for v, _ in verdicts(done.stdout)], ["accepted", "rejected", "accepted"])
        self.assertRegex(done.stderr, r"(?m)^lipverify: certificates/b\.lipcert\.sigstore\.json: the certificate is for another model")
        self.write("certificates/d.sigstore.json", "{}")
        done = self.verify("certificates", "nowhere.json", *self.trusted(), code=3)  # 3 is worse than 1
        self.assertEqual([v for v, _ in verdicts(done.stdout)], ["accepted", "rejected", "accepted", "rejected", "error"])
        self.assertEqual(done.stdout.splitlines()[-1], "2 accepted, 2 rejected, 1 error")
        done = self.verify("certificates/a.lipcert.sigstore.json", "nowhere.json", *self.trusted(), code=3)
        self.assertEqual([v for v, _ in verdicts(done.stdout)], ["accepted", "error"])

    def test_nothing_to_check_is_no_acceptance(self):
        self.models(a=1)
        (self.folder / "empty").mkdir()
        self.write("empty.list", "# nothing\n")
        for name in ("empty", "@empty.list", "@no.list"):
            done = self.verify(name, *self.trusted(), code=3)
            self.assertEqual([v for v, _ in verdicts(done.stdout)], ["error"], done.stdout)
            self.verify("certificates", name, *self.trusted(), code=3)
        self.assertIn("empty' holds no models", self.verify("certificates", "--model", "empty", "--public-key", "key.pub.pem", code=3).stderr)
        for arguments, part in ((["certificates/a.lipcert.sigstore.json"] * 2 + self.trusted(), "twice"), (self.trusted(), "CERT"),
                                (["certificates", "--model", "models"], "--public-key or --policy"),
                                (["certificates", *self.trusted(), "--policy", "p.json"], "exclude each other"),
                                (["certificates", "x", *self.trusted(), "--records", "r"], "--records"),
                                (["certificates", *self.trusted(), "--vsa", "v", "--vsa-key", "key.pem"], "--policy"),
                                (["certificates", *self.trusted(), "--junit", "-", "--json"], "only one output"),
                                (["certificates", *self.trusted(), "--junit", "x", "--sarif", "x"], "two outputs"),
                                (["certificates/a.lipcert.sigstore.json", *self.trusted(), "--junit", "certificates/../certificates/a.lipcert.sigstore.json"], "one of the inputs")):
            self.assertIn(part, self.verify(*arguments, code=2).stderr)

    def test_data_are_found_by_digest(self):
        self.models(a=1, b=2, c=3)
        for k, name in enumerate("ab"):
            data = self.write(f"{name}.csv", "".join(f"{i % 3 + 1},{k},{i},{i % 2}\n" for i in range(5)))
            self.certify(self.folder / f"models/{name}.onnx", self.folder / "key.pem", "--data", data, "--eps", "0.01", name=f"certificates/{name}.lipcert.sigstore.json")
        both = ["--data", "b.csv", "--data", "a.csv"]
        done = self.verify("certificates", *self.trusted(), *both)
        self.assertEqual([v for v, _ in verdicts(done.stdout)], ["accepted"] * 3)
        self.assertEqual(done.stdout.count("all 5 rechecked"), 2)
        # Without the data there is no acceptance; with those of another certificate, a sentence that says so.
        self.assertEqual([v for v, _ in verdicts(self.verify("certificates", *self.trusted(), code=2).stdout)], ["error", "error", "accepted"])
        done = self.verify("certificates", *self.trusted(), "--data", "b.csv", code=1)
        self.assertEqual([v for v, _ in verdicts(done.stdout)], ["rejected", "accepted", "accepted"])
        self.write("other.csv", "1,2,3,4\n")
        done = self.verify("certificates", *self.trusted(), "--data", "b.csv", "--data", "other.csv", code=2)
        self.assertIn("none of the files given with --data has the SHA-256", done.stderr)
        done = self.verify("certificates", *self.trusted(), *both, "--audit", "2", code=5)
        self.assertEqual([v for v, _ in verdicts(done.stdout)], ["accepted in part", "accepted in part", "accepted"])
        self.assertEqual([v for v, _ in verdicts(self.verify("certificates", *self.trusted(), "--no-samples", code=5).stdout)], ["accepted in part", "accepted in part", "accepted"])

    def test_outputs_are_whole_or_not_there(self):
        self.models(a=1)
        one = ["certificates/a.lipcert.sigstore.json", *self.trusted()]
        self.write("old.xml", "old")
        os.symlink("old.xml", self.folder / "link.xml")
        self.verify(*one, "--junit", "link.xml")
        self.assertTrue((self.folder / "link.xml").is_symlink())
        self.assertIn("<testsuites>", (self.folder / "old.xml").read_text())
        before = sorted(p.name for p in self.folder.iterdir())
        for path in ("no/such/folder.xml", "certificates", "/dev/full"):
            done = self.verify(*one, "--junit", path, code=4)  # although the certificate is accepted
            self.assertRegex(done.stderr, r"(?m)^lipverify: the output .+; (check|name) .+$")
        self.assertTrue(os.path.exists("/dev/full"))
        for inside in (self.certificate("a"), self.folder / "models/a.onnx"):  # of folders that were checked
            content = inside.read_bytes()
            self.assertIn("one of the files that were checked", self.verify("certificates", *self.trusted(), "--junit", inside, code=4).stderr)
            self.assertEqual(inside.read_bytes(), content)
        self.verify(*one, "--junit", "/dev/null")
        # A file that may not grow: no signal, no half of a file.
        done = subprocess.run(["sh", "-c", 'ulimit -f 0; exec "$0" "$@"', support.LIPVERIFY, *one, "--sarif", "cut.sarif"], cwd=self.folder, env=support.environment(),
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), before)
        self.assertEqual(os.stat(self.folder / "old.xml").st_mode & 0o777, 0o666 & ~self.mask())

    @staticmethod
    def mask():
        mask = os.umask(0)
        os.umask(mask)
        return mask

    def test_a_reader_that_is_gone(self):
        self.models(a=1, b=2)
        command = [support.LIPVERIFY, "certificates", *self.trusted(), "--json"]
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(command, cwd=self.folder, env=support.environment(), stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write)
        self.assertEqual(done.returncode, 4, done.stderr)
        for redirection, code in ((">&-", 4), ("2>&-", 0), (">/dev/full", 4), ("2>/dev/full", 0), (">&- 2>&- <&-", 4)):
            done = subprocess.run(["sh", "-c", f'exec "$0" "$@" {redirection}', *command], cwd=self.folder, env=support.environment(), capture_output=True, check=False)
            self.assertEqual(done.returncode, code, redirection)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["certificates", "key.pem", "key.pub.pem", "models"])

    def test_one_certificate_prints_what_it_always_did(self):
        self.models(a=1)
        at = ("--time", "2027-06-01T00:00:00Z")  # the time is among the checks
        plain = json.loads(self.verify("certificates/a.lipcert.sigstore.json", *self.trusted(), *at, "--json").stdout)
        self.assertEqual(list(plain)[:7], ["verdict", "exitCode", "error", "checker", "key", "payloadSha256", "model"])
        self.verify("certificates/a.lipcert.sigstore.json", *self.trusted(), *at, "--json=one.json")
        self.assertEqual(json.loads((self.folder / "one.json").read_text())["checks"], plain["checks"])
        # A folder with one certificate is read by scripts that do not count.
        self.assertEqual(len(json.loads(self.verify("certificates", *self.trusted(), "--json").stdout)["judgements"]), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
