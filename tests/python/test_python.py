"""The Python module over the real programs, and over programs that answer what they should not: nothing but "accepted" is ever true."""

import dataclasses
import decimal
import fractions
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "certify" / "python")]
import support

os.environ["LIPCERT_BIN"] = str(pathlib.Path(support.LIPCERT).parent)
import lipcert

DATA = support.DIGITS.with_name("digits_test.csv")


class Module(support.Case):
    def setUp(self):
        super().setUp()
        self.keys = lipcert.keygen(self.folder / "key.pem")

    def certificate(self, **settings):
        return lipcert.certify(support.DIGITS, key=self.keys.private, out=self.folder / "cert.json", **settings)

    def samples(self, **settings):
        return self.certificate(data=DATA, label_column=-1, eps=["1", fractions.Fraction(3, 2), decimal.Decimal("3.0")], **settings)

    def test_from_key_to_verdict(self):
        made = self.certificate(issuer="somebody", requirements=["R-1", "R-2"], not_after="2999-01-01T00:00:00Z")
        self.assertEqual((made.recheck, made.samples, made.input.shape, made.output.shape), ("accepted", None, (1, 64), (1, 10)))
        self.assertEqual(made.key_fingerprint, self.keys.fingerprint)
        verdict = lipcert.verify(made.path, [support.DIGITS.with_name("mnist.onnx"), support.DIGITS], public_key=self.keys.public)
        self.assertIs(verdict.accepted, True)
        self.assertEqual(lipcert.verify(made, made.model, public_key=self.keys.public).payload_sha256, made.payload_sha256)
        self.assertTrue(verdict)
        self.assertIs(verdict.require(), verdict)
        self.assertEqual((verdict.payload_sha256, verdict.issuer, verdict.not_after), (made.payload_sha256, "somebody", "2999-01-01T00:00:00Z"))
        self.assertEqual(verdict.claim("lipschitz-global").upper, made.lipschitz)
        self.assertEqual(verdict.claim("lipschitz-pairs").upper, made.pairs.largest)
        self.assertEqual(support.statement(made.path)["predicate"]["issuance"]["requirements"], ["R-1", "R-2"])
        with self.assertRaises(dataclasses.FrozenInstanceError):
            verdict.verdict = "accepted"

    def test_numbers_stay_exact(self):
        made = self.certificate()
        printed = json.loads(support.run(support.LIPVERIFY, made.path, "--model", support.DIGITS, "--public-key", self.keys.public, "--json").stdout)["claims"][0]
        self.assertEqual((str(made.lipschitz), str(made.lipschitz_lower)), (printed["upper"], printed["lower"]))
        for text in (str(made.lipschitz), "0.1", "1.1", "1e-400", "0.3", "123456789.123456789123456789", "1e-5", "2e308", "-0.1"):
            exact = fractions.Fraction(text)
            self.assertGreaterEqual(float(lipcert.Upper(text)), exact)
            self.assertLessEqual(float(lipcert.Lower(text)), exact)
            self.assertEqual(fractions.Fraction(lipcert.Upper(text)), exact)
        self.assertNotEqual(float(lipcert.Upper("0.3")), float(lipcert.Lower("0.3")))
        self.assertEqual(float(lipcert.Upper("0.5")), 0.5)

    def test_floats_are_refused(self):
        for settings in ({"eps": 0.1}, {"eps": ["1", 0.1]}, {"scale": 0.5}, {"mean": [0.5]}):
            with self.assertRaisesRegex(TypeError, "a float is rounded already"):
                self.certificate(data=DATA, label_column=-1, **settings)
        self.assertFalse((self.folder / "cert.json").exists())

    def test_samples(self):
        made = self.samples()
        self.assertEqual([count.eps for count in made.samples.eps], ["1", "3/2", "3.0"])
        self.assertEqual(made.samples.certified_accuracy("1.5"), fractions.Fraction(made.samples.eps[1].certified_correct, 360))
        with self.assertRaisesRegex(ValueError, "was not counted"):
            made.samples.certified_accuracy("2")
        verdict = lipcert.verify(made.path, support.DIGITS, public_key=self.keys.public, data=DATA)
        self.assertTrue(verdict.accepted)
        self.assertEqual(verdict.claim("sample-radii").fields["samplesRechecked"], 360)

    def test_in_part_is_never_true(self):
        made = self.samples()
        for settings in ({"data": DATA, "audit": 5, "seed": 1}, {"leave_out_samples": True}):
            verdict = lipcert.verify(made.path, support.DIGITS, public_key=self.keys.public, **settings)
            self.assertEqual((bool(verdict), verdict.accepted, verdict.accepted_in_part, verdict.exit_code), (False, False, True, 5))
            self.assertEqual([claim.id for claim in verdict.claims], ["lipschitz-global", "lipschitz-pairs"])
            with self.assertRaises(KeyError):
                verdict.claim("sample-radii")
            with self.assertRaises(lipcert.NotAccepted) as caught:
                verdict.require()
            self.assertIs(caught.exception.verdict, verdict)
        with self.assertRaisesRegex(lipcert.UsageError, "claims radii of samples") as caught:  # nobody asked to leave them out
            lipcert.verify(made.path, support.DIGITS, public_key=self.keys.public)
        self.assertEqual(caught.exception.exit_code, 2)

    def test_rejected(self):
        made = self.certificate()
        other = lipcert.keygen(self.folder / "other.pem", algorithm="ed25519")
        forged = support.statement(made.path)
        forged["predicate"]["claims"][0]["upper"] = {"exact": "0x1p-3", "decimal": "0.125"}
        for path, model, key in ((made.path, support.DIGITS, other.public), (made.path, support.DIGITS.with_name("mnist.onnx"), self.keys.public),
                                 (support.forge(made.path, forged, self.keys.private, self.folder), support.DIGITS, self.keys.public)):
            verdict = lipcert.verify(path, model, public_key=key)
            self.assertEqual((bool(verdict), verdict.verdict, verdict.exit_code, verdict.claims), (False, "rejected", 1, ()))
            self.assertTrue(verdict.error)
            with self.assertRaises(lipcert.NotAccepted) as caught:
                verdict.require()
            self.assertEqual(str(caught.exception), verdict.error)

    def test_errors_carry_the_sentence(self):
        with self.assertRaisesRegex(lipcert.InputError, r"^\S*missing\.onnx: cannot be opened") as caught:
            lipcert.certify(self.folder / "missing.onnx", key=self.keys.private, out=self.folder / "no.json")
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertFalse((self.folder / "no.json").exists())
        with self.assertRaisesRegex(lipcert.InputError, "missing.json"):
            lipcert.verify(self.folder / "missing.json", support.DIGITS, public_key=self.keys.public)
        with self.assertRaisesRegex(lipcert.UsageError, "exactly one"):
            lipcert.verify(self.folder / "missing.json", support.DIGITS)
        with self.assertRaisesRegex(lipcert.UsageError, "never overwritten"):
            lipcert.keygen(self.keys.private)
        with self.assertRaisesRegex(lipcert.InternalError, "did not finish within"):
            self.certificate(timeout=0.001)
        with self.assertRaisesRegex(TypeError, "torch.nn.Module"):
            lipcert.certify(object(), key=self.keys.private, out=self.folder / "no.json")

    def test_names_that_look_like_options(self):
        model = self.folder / "--version"
        shutil.copy(support.DIGITS, model)
        here = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, here)
        made = lipcert.certify("--version", key="key.pem", out="--json")
        self.assertTrue(lipcert.verify("--json", "--version", public_key="key.pub.pem"))
        self.assertEqual(made.model_sha256, lipcert.inspect("--version").sha256)
        shutil.copy(support.DIGITS, self.folder / "@digits")
        made = lipcert.certify("@digits", key="key.pem", out="@cert", issuer="@team")
        verdict = lipcert.verify("@cert", "@digits", public_key="key.pub.pem")
        self.assertTrue(verdict)
        self.assertEqual((made.path, verdict.issuer), (pathlib.Path("@cert"), "@team"))
        with self.assertRaises(lipcert.UsageError):
            lipcert.inspect("a\0b")

    def test_passphrase(self):
        locked = lipcert.keygen(self.folder / "locked.pem", passphrase="correct horse")
        self.assertIn("ENCRYPTED", locked.private.read_text())
        self.assertEqual(stat.S_IMODE(locked.private.stat().st_mode), 0o600)
        made = lipcert.certify(support.DIGITS, key=locked.private, out=self.folder / "cert.json", passphrase="correct horse")
        self.assertTrue(lipcert.verify(made.path, support.DIGITS, public_key=locked.public))
        with self.assertRaises(lipcert.LipcertError):
            lipcert.certify(support.DIGITS, key=locked.private, out=self.folder / "no.json", passphrase="wrong")

    def test_inspect(self):
        found = lipcert.inspect(support.DIGITS)
        self.assertTrue(found)
        self.assertEqual((found.parameters, found.input.name, found.input.symbolic), (3467, "pixels", (0,)))
        with self.assertRaises(lipcert.InputError):
            lipcert.inspect(self.write("junk.onnx", "junk"))

    def test_attack(self):
        made = self.samples()
        found = lipcert.attack(support.DIGITS, data=DATA, certificate=made.path, limit=50, flips=3)
        self.assertEqual((found.attacked, found.refuted, len(found.flips)), (50, 0, 3))
        self.assertTrue(all(flip.radius < flip.distance for flip in found.flips))

    def fake(self, code, answer):
        """A lipverify that ends with this code and this answer, found through LIPCERT_BIN."""
        folder = self.folder / "fake"
        folder.mkdir(exist_ok=True)
        (folder / "answer").write_text(answer if isinstance(answer, str) else json.dumps(answer))
        program = folder / "lipverify"
        program.write_text(f"#!/bin/sh\ncat '{folder}/answer'\nexit {code}\n")
        program.chmod(0o755)
        return folder

    def test_no_answer_is_taken_for_an_acceptance(self):
        made = self.certificate()
        true = json.loads(support.run(support.LIPVERIFY, made.path, "--model", support.DIGITS, "--public-key", self.keys.public, "--json").stdout)
        answers = {
            "exit code 5 with the word accepted": (5, true), "exit code 1 with the word accepted": (1, true), "no JSON": (0, "accepted"), "nothing": (0, ""),
            "a list": (0, [true]), "cut": (0, json.dumps(true)[:-1]), "accepted twice": (0, json.dumps(true)[:-1] + ', "verdict": "accepted"}'),
            "in part with exit code 0": (0, {**true, "verdict": "accepted in part"}), "another code inside": (0, {**true, "exitCode": 5}), "code true": (0, {**true, "exitCode": False}),
            "claims left out": (0, {**true, "claimsNotRechecked": ["lipschitz-global"]}), "no claim": (0, {**true, "claims": []}), "no check": (0, {**true, "checks": []}),
            "a failed check": (0, {**true, "checks": [{**true["checks"][0], "passed": False}]}), "a check that is 1": (0, {**true, "checks": [{**true["checks"][0], "passed": 1}]}),
            "Accepted": (0, {**true, "verdict": "Accepted"}), "an error with exit code 0": (0, {**true, "verdict": "error"}), "killed": (137, true), "no key": (0, {**true, "key": None}),
        }
        before = os.environ["LIPCERT_BIN"]
        self.addCleanup(os.environ.__setitem__, "LIPCERT_BIN", before)
        os.environ["LIPCERT_BIN"] = str(self.fake(0, true))
        self.assertTrue(lipcert.verify(made.path, support.DIGITS, public_key=self.keys.public))  # the stand-in itself works
        for name, (code, answer) in answers.items():
            with self.subTest(name):
                self.fake(code, answer)
                with self.assertRaises(lipcert.InternalError):
                    lipcert.verify(made.path, support.DIGITS, public_key=self.keys.public)

    def test_policy(self):
        """A policy is handed on by itself; its judgement and the recheck inside must both be acceptances."""
        made = self.certificate()
        true = json.loads(support.run(support.LIPVERIFY, made.path, "--model", support.DIGITS, "--public-key", self.keys.public, "--json").stdout)
        demand = {"id": "lipschitz", "pointer": "/lipschitz/0/max", "wanted": "L <= 2", "found": "L <= 1.26", "met": True, "remedy": None}
        unmet = {**demand, "wanted": "L <= 1", "met": False, "remedy": "train it anew"}
        head = {"verdict": "accepted", "exitCode": 0}
        inner = {"recheck": "holds", **{k: v for k, v in true.items() if k not in head}}
        judgement = {**head, "certificate": "cert.json", "error": None, "signers": [], "requirements": [demand], "report": inner}
        before = os.environ["LIPCERT_BIN"]
        self.addCleanup(os.environ.__setitem__, "LIPCERT_BIN", before)

        def judged(code, answer):
            folder = self.fake(code, answer)
            program = folder / "lipverify"
            program.write_text(program.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{folder}/words'\n"))
            os.environ["LIPCERT_BIN"] = str(folder)
            verdict = lipcert.verify(made.path, support.DIGITS, policy="policy.json")
            self.assertEqual((folder / "words").read_text().split("\n")[:-1], ["--json", f"--model={support.DIGITS}", "--policy=policy.json", "--", str(made.path)])
            return verdict

        verdict = judged(0, {**head, "judgements": [judgement]})
        self.assertTrue(verdict)
        self.assertEqual((verdict.requirements[0].wanted, verdict.claim("lipschitz-global").upper), ("L <= 2", made.lipschitz))
        tail = {"verdict": "rejected", "exitCode": 1}
        verdict = judged(1, {**tail, "judgements": [{**judgement, **tail, "error": "L is too large", "requirements": [unmet]}]})
        self.assertEqual((bool(verdict), verdict.claims, verdict.error, verdict.requirements[0].remedy), (False, (), "L is too large", "train it anew"))
        for name, answer in {"no judgement": {**head, "judgements": []}, "two": {**head, "judgements": [judgement, judgement]}, "a report without judgement": true,
                             "a demand that is not met": {**head, "judgements": [{**judgement, "requirements": [demand, unmet]}]},
                             "no demand": {**head, "judgements": [{**judgement, "requirements": []}]}, "a rejected judgement": {**head, "judgements": [{**judgement, **tail}]},
                             "a rejected recheck": {**head, "judgements": [{**judgement, "report": {**inner, "recheck": "rejected"}}]},
                             "a recheck in part": {**head, "judgements": [{**judgement, "report": {**inner, "recheck": "holds in part"}}]},
                             "a recheck of another version": {**head, "judgements": [{**judgement, "report": true}]},
                             "no recheck": {**head, "judgements": [{**judgement, "report": None}]}}.items():
            with self.subTest(name), self.assertRaises(lipcert.InternalError):
                judged(0, answer)
        self.assertTrue(judged(0, {**head, "judgements": [judgement]}))
        self.assertTrue(lipcert.verify("@cert", "@model", policy="policy.json"))  # "@..." is a list of files to the programs, and here the name of one
        self.assertEqual((self.folder / "fake" / "words").read_text().split("\n")[1:-1], ["--model=./@model", "--policy=policy.json", "--", "./@cert"])
        with self.assertRaises(lipcert.InternalError):  # nobody asked for a policy
            lipcert.verify(made.path, support.DIGITS, public_key=self.keys.public)

    def test_real_policy(self):
        """With a checker that knows policies: one that the certificate just meets, and the same with a smaller constant."""
        if "--policy-init" not in self.lipverify("--help").stdout:
            self.skipTest("this lipverify knows no policies")
        made = self.certificate()
        policy = self.folder / "policy.json"
        self.lipverify(made.path, "--model", support.DIGITS, "--public-key", self.keys.public, f"--policy-init={policy}")
        verdict = lipcert.verify(made, made.model, policy=policy)
        self.assertTrue(verdict)
        self.assertTrue(verdict.requirements)
        demands = json.loads(policy.read_text())
        demands["lipschitz"][0]["max"] = "1"
        policy.write_text(json.dumps(demands))
        verdict = lipcert.verify(made, made.model, policy=policy)
        self.assertEqual((bool(verdict), verdict.verdict, verdict.claims), (False, "rejected", ()))
        self.assertEqual([demand.id for demand in verdict.requirements if not demand.met], ["lipschitz"])

    def test_readme(self):
        """The lines of README.md run as they stand, from the repository's root."""
        block = re.search(r"```python\n(import lipcert\n.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
        here = self.folder / "root"
        here.mkdir()
        (here / "examples").symlink_to(ROOT / "examples")
        env = support.environment(PYTHONPATH=ROOT / "certify" / "python")
        done = subprocess.run(["/usr/bin/python3", "-B", "-c", block], cwd=here, env=env, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = re.fullmatch(r"1\.25601505459\d* (\d+)/360\n", done.stdout)
        self.assertTrue(found, done.stdout)
        self.assertGreaterEqual(int(found[1]), 300)  # 259 by the global constants alone

    def test_missing_program(self):
        before = os.environ["LIPCERT_BIN"]
        self.addCleanup(os.environ.__setitem__, "LIPCERT_BIN", before)
        os.environ["LIPCERT_BIN"] = str(self.folder)
        with self.assertRaisesRegex(lipcert.ProgramMissing, "LIPCERT_BIN"):
            lipcert.inspect(support.DIGITS)

    def test_notebook(self):
        env = support.environment(PYTHONPATH=ROOT / "certify" / "python", TMPDIR=self.folder)
        done = subprocess.run(["/usr/bin/python3", "-B", ROOT / "examples/python/notebook.py"], cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for words in ("L <= 1.2560150545", "accepted in part - not rechecked: sample-radii", "exit code 3: ", "0 radii refuted"):
            self.assertIn(words, done.stdout)

    def test_types(self):
        """Where mypy is installed: the module has types, all of them."""
        if not shutil.which("mypy"):
            self.skipTest("mypy is not installed")
        done = subprocess.run(["mypy", "--strict", "--cache-dir=/dev/null", "--exclude", "torch_layers", ROOT / "certify/python/lipcert"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_says_what_it_says(self):
        """Every public name is documented and exported on purpose."""
        for name in lipcert.__all__:
            self.assertTrue(getattr(lipcert, name).__doc__, name)


if __name__ == "__main__":
    support.main()
