"""Bad input at the command line: the right exit code, one sentence on standard error, nothing on standard output, nothing written."""

import json
import math
import os
import struct
import subprocess

import support
from support import DIGITS


class BadInput(support.Case):
    def listing(self):
        return {p.name: (p.read_bytes() if p.is_file() else None) for p in self.folder.rglob("*")}

    def refused(self, code, part, *arguments, env=None, stdout_allowed=False, **more):
        """Runs lipcert; `part` must occur in its sentence."""
        before = self.listing()
        done = support.run(support.LIPCERT, *arguments, env=env, **more)
        what = f"{arguments}: {done.stderr}"
        self.assertEqual(done.returncode, code, what)
        self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z", what)
        self.assertIn(part, done.stderr, what)
        if not stdout_allowed:
            self.assertEqual(done.stdout, "", what)
        self.assertEqual(self.listing(), before, what)
        return done

    def certify_refused(self, code, part, model, *options, key=None, out="cert.json", **more):
        if key is None:
            key = self.folder / "key.pem"
            if not key.exists():
                self.key()
        return self.refused(code, part, "certify", model, "--key", key, "-o", self.folder / out, *options, **more)

    def test_usage(self):
        for arguments, part in (
                ([], "--help"), (["frobnicate"], "frobnicate"), (["inspect"], "MODEL"), (["inspect", "a", "b"], "b"),
                (["certify", DIGITS], "--out"), (["certify", DIGITS, "--out", "c"], "--key"), (["certify", DIGITS, "--key", "k"], "--out"), (["keygen"], "--out"),
                (["keygen", "--out", "k", "--algorithm", "rsa"], "rsa"), (["--frob"], "--frob"),
                (["keygen", "--out", "k", "--out", "l"], "--out"), (["certify", DIGITS, "--key"], "--key")):
            self.refused(2, part, *arguments, cwd=self.folder)

    def test_another_norm_is_refused(self):
        self.certify_refused(2, "--norm", DIGITS, "--norm", "linf")
        self.certify_refused(2, "--input-norm", DIGITS, "--input-norm=l1")

    def test_option_values(self):
        for value in ("0", "-1", "x", "1.5", "100000"):
            self.certify_refused(2, "--threads", DIGITS, "--threads", value)
        for value in ("tomorrow", "2030-02-30T00:00:00Z", "2030-1-1T00:00:00Z", "2030-01-01", "2030-01-01T00:00:00+01:00",
                      "2030-01-01T00:00:00Zjunk", "2030-01-01T00:00:60Z"):
            self.certify_refused(2, "--not-after", DIGITS, "--not-after", value)
        self.certify_refused(2, "not later", DIGITS, "--not-after", "2001-01-01T00:00:00Z")
        for value in ("abc", "-1", "", "1.5", " 1", "99999999999999999999", "253402300800"):
            self.certify_refused(2, "SOURCE_DATE_EPOCH", DIGITS, env=support.environment(SOURCE_DATE_EPOCH=value))
        self.certify_refused(2, "UTF-8", DIGITS, "--issuer", os.fsdecode(b"\xff"))
        self.certify_refused(2, "UTF-8", DIGITS, "--requirement", os.fsdecode(b"\xc0\x80"))

    def test_file_names(self):
        strange = os.fsdecode(b"\xff.onnx")
        (self.folder / strange).write_bytes(DIGITS.read_bytes())
        self.key()
        for arguments in (["inspect", strange], ["inspect", strange, "--json"], ["certify", strange, "--key", "key.pem", "-o", "c.json"]):
            done = subprocess.run([support.LIPCERT, *arguments], cwd=self.folder, env=support.environment(), capture_output=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"MODEL is not UTF-8", done.stderr)
            self.assertEqual(done.stdout, b"")

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([support.LIPCERT, "inspect", str(DIGITS)], env=support.environment(), stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 4)
        self.assertEqual(done.stderr, "lipcert: error: Standard output cannot be written (closed, or the disk is full?), so the answer is not whole; a file that was made is.\n")

    def test_models(self):
        good = DIGITS.read_bytes()
        one = support.tensor("w", (1, 2), [1, 2])
        gemm = support.node("Gemm", ["x", "w"], "y", "the gemm", transB=1)
        for name, content, part in (
                ("empty.onnx", b"", "empty.onnx"),
                ("text.onnx", b"not a model, by any means\n" * 20, "text.onnx"),
                ("cut.onnx", good[:-1], "cut.onnx"),
                ("half.onnx", good[:len(good) // 2], "half.onnx"),
                ("twice.onnx", good + good, "twice.onnx"),
                ("pool.onnx", support.model([support.node("MaxPool", ["x"], "y", "the pool")], [], (1, 1, 4, 4), (1, 1, 4, 4)), "the pool"),
                ("nan.onnx", support.model([gemm], [support.tensor("w", (1, 2), [1, math.nan])], (1, 2), (1, 1)), "w"),
                ("inf.onnx", support.model([gemm], [support.tensor("w", (1, 2), [1, math.inf])], (1, 2), (1, 1)), "w"),
                ("short.onnx", support.model([gemm], [support.tensor("w", (1, 2), struct.pack("<f", 1))], (1, 2), (1, 1)), "w"),
                ("huge.onnx", support.model([gemm], [support.tensor("w", (2**32, 2**32), [1, 2])], (1, 2), (1, 1)), "w"),
                ("loop.onnx", support.model([support.node("Add", ["x", "b"], "a", "add"), support.node("Relu", ["a"], "b", "r"), gemm], [one], (1, 2),
                                            (1, 1)), "in a circle"),
                ("square.onnx", support.model([support.node("Mul", ["x", "x"], "y", "the square")], [], (1, 2), (1, 2)), "the square"),
                ("gate.onnx", support.model([support.node("Relu", ["x"], "r", "r"), support.node("Mul", ["x", "r"], "y", "the gate")], [], (1, 2),
                                            (1, 2)), "the gate"),
                ("jump.onnx", support.model([support.node("Sign", ["x"], "y", "the jump")], [], (1, 2), (1, 2)), "the jump"),
                ("shape.onnx", support.model([gemm], [support.tensor("w", (1, 3), [1, 2, 3])], (1, 2), (1, 1)), "the gemm"),
                ("opset.onnx", support.model([gemm], [one], (1, 2), (1, 1), opset=7), "opset"),
                ("outside.onnx", support.model([gemm], [support.external_tensor("w", (1, 2), "../../secret.bin")], (1, 2), (1, 1)), "external")):
            path = self.write(name, content)
            done = self.certify_refused(3, part, path)
            self.assertIn(name, done.stderr)
            seen = self.refused(3, name, "inspect", path, "--json", stdout_allowed=True)
            report = json.loads(seen.stdout)
            self.assertIs(report["supported"], False)
            self.assertTrue(report["refused"], name)
            for refusal in report["refused"]:
                self.assertTrue(refusal["reason"])
                self.assertIn("node", refusal)
        inspected = json.loads(self.refused(3, "not supported", "inspect", self.folder / "pool.onnx", "--json", stdout_allowed=True).stdout)
        self.assertEqual([(r["node"], r["operator"]) for r in inspected["refused"]], [("the pool", "MaxPool")])

    def test_paths(self):
        self.certify_refused(3, "absent.onnx", self.folder / "absent.onnx")
        self.certify_refused(3, str(self.folder), self.folder)
        self.refused(3, "absent.onnx", "inspect", self.folder / "absent.onnx")
        self.certify_refused(2, "no/such", DIGITS, out="no/such/cert.json")
        (self.folder / "folder").mkdir()
        self.certify_refused(2, "not a regular file", DIGITS, out="folder")
        self.write("notes.txt", "notes")
        self.certify_refused(2, "--force", DIGITS, out="notes.txt")
        copy = self.write("copy.onnx", DIGITS.read_bytes())
        self.certify_refused(2, "is the model or the key", copy, "--force", out="copy.onnx")
        self.certify_refused(2, "is the model or the key", copy, "--force", out="key.pem")
        os.link(copy, self.folder / "hard.onnx")
        os.symlink(copy, self.folder / "soft.onnx")
        self.certify_refused(2, "is the model or the key", copy, "--force", out="hard.onnx")
        self.certify_refused(2, "is the model or the key", copy, "--force", out="soft.onnx")

    def test_keys(self):
        key, public_key = self.key()
        self.certify_refused(3, "absent.pem", DIGITS, key=self.folder / "absent.pem")
        self.certify_refused(3, "is a public key", DIGITS, key=public_key)
        self.certify_refused(3, "not a PEM private key", DIGITS, key=DIGITS)
        self.certify_refused(3, str(self.folder), DIGITS, key=self.folder)
        env = support.environment(LIPCERT_PASSPHRASE="open sesame")
        self.lipcert("keygen", "--out", self.folder / "safe.pem", env=env)
        self.certify_refused(2, "LIPCERT_PASSPHRASE", DIGITS, key=self.folder / "safe.pem")
        self.certify_refused(3, "passphrase is wrong", DIGITS, key=self.folder / "safe.pem", env=support.environment(LIPCERT_PASSPHRASE="sesame"))
        self.certify_refused(2, "is empty", DIGITS, key=self.folder / "safe.pem", env=support.environment(LIPCERT_PASSPHRASE=""))
        self.certify_refused(2, "file descriptor 63", DIGITS, "--passphrase-fd", "63", key=self.folder / "safe.pem")
        self.certify_refused(2, "--passphrase-fd", DIGITS, "--passphrase-fd", "-1", key=self.folder / "safe.pem")

    def test_keygen(self):
        self.key()
        self.refused(2, "never overwritten", "keygen", "--out", self.folder / "key.pem")
        (self.folder / "key.pem").unlink()
        self.refused(2, "key.pub.pem exists", "keygen", "--out", self.folder / "key.pem")
        self.refused(2, "--encrypt", "keygen", "--out", self.folder / "new.pem", "--encrypt")
        self.refused(3, "no/such", "keygen", "--out", self.folder / "no/such/key.pem")

    def test_many_keygens_for_one_name(self):
        """One of them wins, and its two files belong together: no key is overwritten, not even between looking and writing."""
        racing = [subprocess.Popen([support.LIPCERT, "keygen", "--out", "key.pem"], cwd=self.folder, env=support.environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(24)]
        outcomes = [(one.communicate(), one.returncode) for one in racing]
        self.assertEqual(sum(code == 0 for _, code in outcomes), 1)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["key.pem", "key.pub.pem"])
        self.assertEqual(support.openssl("pkey", "-in", self.folder / "key.pem", "-pubout").stdout, (self.folder / "key.pub.pem").read_text())

    def test_a_full_disk_leaves_nothing(self):
        """The write fails half-way (file size limit of 4 KiB): the old certificate stays whole, no temporary file stays."""
        import resource
        import signal
        key, _ = self.key()
        path, _ = self.certify(DIGITS, key)
        before = self.listing()

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        done = support.run(support.LIPCERT, "certify", DIGITS, "--key", key, "-o", path, preexec_fn=limit)
        self.assertIn(done.returncode, (3, 4))
        self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z")
        self.assertEqual(self.listing(), before)


if __name__ == "__main__":
    support.main()
