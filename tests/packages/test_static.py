"""The checker as one static file: it runs where nothing else is, says what the dynamic one says, byte for byte, and reads no configuration of OpenSSL."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support

STATIC = pathlib.Path(os.environ["LIPCERT_BUILD"]) / "bin" / "lipverify-static"
CHROOT = ["chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
TIME = "2030-01-01T00:00:00Z"


class Static(support.Case):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        self.root.mkdir()
        shutil.copy(STATIC, self.root / "lipverify")
        shutil.copy(support.DIGITS, self.root / "digits.onnx")
        shutil.copy(support.DIGITS.with_name("digits_test.csv"), self.root / "digits.csv")
        secret, public = support.shared_key()
        shutil.copy(public, self.root / "key.pub.pem")
        self.certify(support.DIGITS, secret, name="root/digits.json")
        self.certify(support.DIGITS, secret, "--data", self.root / "digits.csv", "--label-column", "-1", "--eps", "1", name="root/radii.json")
        forged = support.statement(self.root / "digits.json")
        forged["predicate"]["claims"][0]["upper"] = {"exact": "0x1p-3", "decimal": "0.125"}
        shutil.move(support.forge(self.root / "digits.json", forged, secret, self.folder), self.root)

    cases = {"accepted": ["digits.json", "--model", "digits.onnx"],
             "accepted in part": ["radii.json", "--model", "digits.onnx", "--data", "digits.csv", "--audit", "7", "--seed", "3"],
             "rejected": ["forged.json", "--model", "digits.onnx"],
             "error": ["digits.json", "--model", "missing.onnx"]}

    def both(self, words, **more):
        """(dynamic, static in an empty root)"""
        words = [*words, "--public-key", "key.pub.pem", "--json", "--time", TIME]
        dynamic = support.run(support.LIPVERIFY, *words, cwd=self.root)
        static = subprocess.run([*CHROOT, self.root, "/lipverify", *words], capture_output=True, text=True, timeout=300, check=False, **more)
        return dynamic, static

    def test_empty_root(self):
        probe = subprocess.run([*CHROOT, self.root, "/lipverify", "--version"], capture_output=True, text=True, check=False)
        if "not permitted" in probe.stderr:
            self.skipTest("nobody but root may change the root here")
        self.assertEqual(probe.returncode, 0, probe.stderr)
        for verdict, words in self.cases.items():
            dynamic, static = self.both(words)
            self.assertIn(f'"verdict": "{verdict}"', dynamic.stdout)
            self.assertEqual((static.returncode, static.stdout, static.stderr), (dynamic.returncode, dynamic.stdout, dynamic.stderr))

    def test_no_configuration(self):
        """A configuration that takes all algorithms away stops the dynamic program, which is its system's, and does not reach the static one."""
        settings = self.write("openssl.cnf", "openssl_conf = init\n[init]\nproviders = list\n[list]\nnull = off\n[off]\nactivate = 1\n")
        words = ["digits.json", "--model", "digits.onnx", "--public-key", "key.pub.pem", "--json", "--time", TIME]
        env = support.environment(OPENSSL_CONF=settings)
        self.assertNotEqual(support.run(support.LIPVERIFY, *words, cwd=self.root, env=env).returncode, 0)
        done = support.run(STATIC, *words, cwd=self.root, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_one_small_file(self):
        self.assertLess(STATIC.stat().st_size, 15 * 10**6)
        headers = subprocess.run(["readelf", "--program-headers", "--dynamic", STATIC], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("INTERP", headers)
        self.assertNotIn("NEEDED", headers)


if __name__ == "__main__":
    if not STATIC.is_file():
        print(f"{STATIC.name} was not built: libcrypto.a and libz.a are missing")
        sys.exit(support.SKIPPED)
    support.main()
