"""The recipes of examples/gates: the shell part of each is taken out of its file and run in a small repository; it lets a good certificate pass and stops at a
model of which one weight was changed. An expired key and a lowered accuracy stop it too, each with a sentence that says what to do."""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import unittest

import support
from gate_support import GateCase, layer

GATES = support.ROOT / "examples" / "gates"


def action(text):
    """(script, environment) of the composite action, with the defaults of its inputs; GitHub sets GITHUB_ACTION_PATH."""
    defaults = dict(re.findall(r"^  (\w+): \{description: .*, default: (\S*)\}$", text, re.M))
    env = {name: defaults[value].strip("'") for name, value in re.findall(r"^        (LIPCERT_\w+): \$\{\{ inputs\.(\w+) \}\}$", text, re.M)}
    script = re.search(r"^      run: \|\n((?:        .*\n)+)", text, re.M).group(1)
    assert "${{" not in script and len(env) == 6, "inputs reach the script as variables only"
    return script, {**env, "GITHUB_ACTION_PATH": str(GATES), "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"}


def gitlab(text):
    env = dict(re.findall(r"^    (LIPCERT_\w+): (\S+)$", text, re.M))
    return "\n".join(re.findall(r"^    - (.+)$", text, re.M)), env


def jenkins(text):
    env = dict(re.findall(r"^    (LIPCERT_\w+) = '([^']*)'$", text, re.M))
    return re.search(r"sh '''(.*?)'''", text, re.S).group(1), {**env, "LIPCERT_POLICY": "lipcert-policy.json"}


def pre_commit(text):
    return re.search(r"^  entry: (.+)$", text, re.M).group(1), {}


RECIPES = {"action.yml": action, "gitlab-ci.yml": gitlab, "Jenkinsfile": jenkins, ".pre-commit-hooks.yaml": pre_commit,
           "Makefile": lambda _: ("make --no-print-directory -f examples/gates/Makefile gate", {})}


class Gates(GateCase):
    def setUp(self):
        super().setUp()
        (self.folder / "examples").symlink_to(support.ROOT / "examples")
        self.models(a=1, b=2)
        self.policy("lipcert-policy.json", lipschitz=[{"output": "all", "max": "4.0000001"}])

    def shell(self, script, code=None, **env):
        env = support.environment(PATH=os.pathsep.join([str(pathlib.Path(support.LIPVERIFY).resolve().parent), os.environ["PATH"]]), **env)
        done = subprocess.run(["bash", "-e", "-c", script], cwd=self.folder, env=env, capture_output=True, text=True, timeout=120, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def change_one_weight(self, name):
        path = self.folder / "models" / f"{name}.onnx"
        path.write_bytes(path.read_bytes().replace(struct.pack("<f", 4), struct.pack("<f", 4.0000005), 1))

    def test_every_recipe(self):
        self.assertEqual(sorted(p.name for p in GATES.iterdir() if p.name in RECIPES), sorted(RECIPES))
        for name, parse in RECIPES.items():
            if name == "Makefile" and not shutil.which("make"):
                continue
            script, env = parse((GATES / name).read_text())
            with self.subTest(name):
                shutil.rmtree(self.folder / "lipcert-reports", ignore_errors=True)
                good = (self.folder / "models/b.onnx").read_bytes()
                self.assertIn("2 accepted", self.shell(script, 0, **env).stdout)
                self.change_one_weight("b")
                self.assertNotEqual((self.folder / "models/b.onnx").read_bytes(), good)
                done = self.shell(script, **env)
                self.assertNotEqual(done.returncode, 0, name)
                self.assertRegex(done.stderr, "the certificate is for another model: .*; certify the model that is used, or give the one that was certified")
                self.assertIn("gate: closed", done.stderr)
                # Nor is it open because the model is older than the last run, or because nobody certified it any more.
                os.utime(self.folder / "models/b.onnx", (0, 0))
                self.assertNotEqual(self.shell(script, **env).returncode, 0, name)
                (self.folder / "models/b.onnx").write_bytes(good)
                self.shell(script, 0, **env)
                certificate = self.certificate("b").read_bytes()
                self.certificate("b").unlink()
                self.assertNotEqual(self.shell(script, **env).returncode, 0, name)
                self.certificate("b").write_bytes(certificate)
                # What the recipe shows of it must be there: the files that it names exist.
                for report in re.findall(r"lipcert-reports/(lipverify\.[a-z.]+)", (GATES / name).read_text()):
                    self.assertTrue((self.folder / "lipcert-reports" / report).is_file(), report)

    def test_the_action_shows_what_it_found(self):
        script, env = action((GATES / "action.yml").read_text())
        self.change_one_weight("b")
        done = self.shell(script, 1, **env)
        self.assertRegex(done.stderr, r"(?m)^::error file=certificates/b\.lipcert\.sigstore\.json,title=lipverify check-model-digest::the certificate is for another model")
        # The certificate is for another model, and the model has none.
        self.assertIn("1 accepted, 2 rejected", (self.folder / "summary.md").read_text())

    def test_hostile_inputs_are_no_commands(self):
        script, env = action((GATES / "action.yml").read_text())
        for value in ("certificates; touch hacked", "$(touch hacked)", "`touch hacked`", "--policy-init=hacked"):
            self.assertNotEqual(self.shell(script, **{**env, "LIPCERT_CERTIFICATES": value}).returncode, 0)
            self.assertFalse((self.folder / "hacked").exists(), value)

    def test_no_list_is_signed_that_the_gate_would_refuse(self):
        def sign(*arguments):
            return subprocess.run(["/usr/bin/python3", "-B", GATES / "sign_revocations.py", "--key", "key.pem", "--days", "3", "-o", "list.json", *arguments], cwd=self.folder,
                                  capture_output=True, text=True, timeout=60, check=False)
        self.write("none.json", "[1]")
        self.write("other.json", (self.certificate("a")).read_bytes())
        for arguments in (["--revoke-key", "SHA256:short"], ["--revoke-key", "a" * 43], ["--revoke-certificate", "g" * 64], ["--from", "none.json"], ["--from", "other.json"]):
            done = sign(*arguments)
            self.assertRegex(done.stderr, r"^sign_revocations\.py: .*\n$", arguments)
            self.assertNotIn("Traceback", done.stderr)
            self.assertEqual((done.returncode, (self.folder / "list.json").exists()), (1, False), arguments)
        digest = support.sha256(support.payload_bytes(self.certificate("a")))
        self.assertEqual(sign("--revoke-certificate", digest.upper()).returncode, 0)
        self.assertEqual(sign("--from", "list.json").returncode, 0)
        self.assertEqual(json.loads(support.payload_bytes(self.folder / "list.json"))["certificates"], [digest])

    def test_an_expired_key(self):
        self.policy("lipcert-policy.json", issuers=[{"name": "the issuer", "publicKey": (self.folder / "key.pub.pem").read_text(), "notAfter": "2020-01-01T00:00:00Z"}])
        done = self.shell("examples/gates/gate.sh", 1)
        self.assertIn("has expired: it counts until 2020-01-01T00:00:00Z", done.stderr)
        self.assertIn("have it signed with a key that the policy trusts", done.stderr)

    def test_a_lowered_accuracy(self):
        rows = "".join(f"{3 if c == 0 else 0},{3 if c == 1 else 0},{k},{3 if c == 2 else 0},{c}\n" for k, c in enumerate([0, 1, 2] * 4))
        self.write("data.csv", rows)
        options = ("--data", self.folder / "data.csv", "--label-column", "4", "--eps", "0.1", "--allow-low-accuracy")
        shutil.rmtree(self.folder / "certificates")
        (self.folder / "certificates").mkdir()
        (self.folder / "models/b.onnx").unlink()
        self.certify(self.folder / "models/a.onnx", self.folder / "key.pem", *options, name="certificates/a.lipcert.sigstore.json")
        (self.folder / "lipcert-policy.json").unlink()
        init = ("certificates/a.lipcert.sigstore.json", "--model", "models/a.onnx", "--public-key", "key.pub.pem", "--data", "data.csv", "--policy-init=lipcert-policy.json")
        self.verify(*init)
        self.assertIn("never replaced", self.verify(*init, code=2).stderr)  # somebody may have edited it
        self.assertIn("/certifiedAccuracy/0", self.verify("--explain", "lipcert-policy.json").stdout)
        gate = "LIPCERT_DATA=data.csv examples/gates/gate.sh"
        self.shell(gate, 0)
        # A new model, honestly certified, that is right less often.
        (self.folder / "models/a.onnx").write_bytes(support.dense([[[1, 0, 0, 0], [0, 0.01, 0, 0], [0, 0, 0.5, 1]]]))
        self.certify(self.folder / "models/a.onnx", self.folder / "key.pem", *options, name="certificates/a.lipcert.sigstore.json")
        done = self.shell(gate, 1)
        self.assertRegex(done.stdout, r"(?m)^    unmet   the policy's demand /certifiedAccuracy/0[^ ]* is not met: wanted .+; found .+; .+$")
        self.assertIn("gate: closed", done.stderr)
        report = json.loads((self.folder / "lipcert-reports/lipverify.json").read_text())
        unmet = [r["id"] for r in report["judgements"][0]["requirements"] if not r["met"]]
        self.assertIn("certifiedAccuracy", unmet)
        self.assertEqual(report["judgements"][0]["report"]["recheck"], "holds")  # the mathematics holds; the policy wants more
        self.assertEqual(report["judgements"][0]["verdict"], "rejected")

    def test_reports_of_an_earlier_run_are_not_left(self):
        self.shell("examples/gates/gate.sh", 0)
        self.shell("examples/gates/gate.sh --nonsense", 2)
        self.assertFalse((self.folder / "lipcert-reports/lipverify.junit.xml").exists())
        self.assertIn("not installed", self.shell("LIPVERIFY=no-such-program examples/gates/gate.sh", 2).stderr)

    def test_a_summary_for_the_next_stage(self):
        self.lipcert("keygen", "--out", self.folder / "gate-key.pem")
        self.shell("LIPCERT_VSA_KEY=gate-key.pem examples/gates/gate.sh", 0)
        self.verify("--check-vsa", "lipcert-reports/lipverify.vsa.json", "--public-key", "gate-key.pub.pem", "--model", "models/a.onnx", "--policy", "lipcert-policy.json")
        (self.folder / "models/a.onnx").write_bytes(layer(1.5))
        self.verify("--check-vsa", "lipcert-reports/lipverify.vsa.json", "--public-key", "gate-key.pub.pem", "--model", "models/a.onnx", code=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
