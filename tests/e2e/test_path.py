"""The path of the quick start, with both kinds of keys, encrypted or not: keygen, inspect, certify, lipverify, and a stranger's check of the
signature with nothing but the openssl command line."""

import json
import os
import shutil
import stat
import subprocess

import numpy

import support
from support import DIGITS


def digits_matrices():
    """The linear parts of the shipped network, the division by 16 folded into the first."""
    found = support.initialisers_of(DIGITS)
    matrices = [numpy.array(values).reshape(shape) for name, (shape, values) in found.items() if name.endswith(".weight")]
    matrices[0] = matrices[0] / found["scale"][1][0]
    return matrices


class Path(support.Case):
    def check(self, algorithm, key, public_key, **more):
        path, printed = self.certify(DIGITS, key, **more)
        report = json.loads(self.lipverify(path, "--model", DIGITS, "--public-key", public_key, "--json").stdout)
        self.assertEqual(report["verdict"], "accepted")
        self.assertEqual(report["exitCode"], 0)
        self.assertTrue(all(c["passed"] for c in report["checks"]))
        self.assertTrue(support.openssl_verifies(path, public_key, algorithm, self.folder))
        fingerprint = json.loads(path.read_bytes())["dsseEnvelope"]["signatures"][0]["keyid"]
        self.assertEqual(printed["keyFingerprint"], fingerprint)
        self.assertEqual(printed["payloadSha256"], support.sha256(support.payload_bytes(path)))
        hint = json.loads(path.read_bytes())["verificationMaterial"]["publicKey"]["hint"]
        self.assertEqual(hint, support.sha256(public_key.read_bytes()))

        _, other = self.key(algorithm, "other" + algorithm)
        self.assertFalse(support.openssl_verifies(path, other, algorithm, self.folder))
        self.lipverify(path, "--model", DIGITS, "--public-key", other, code=1)
        return path, printed

    def test_p256(self):
        self.check("p256", *self.key("p256"))

    def test_ed25519(self):
        self.check("ed25519", *self.key("ed25519"))

    def test_private_key_is_for_its_owner(self):
        key, public_key = self.key()
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        self.assertEqual(support.openssl("pkey", "-in", key, "-pubout").stdout, public_key.read_text())

    def test_encrypted(self):
        for algorithm in ("p256", "ed25519"):
            key = self.folder / f"safe-{algorithm}.pem"
            env = support.environment(LIPCERT_PASSPHRASE="correct horse")
            self.lipcert("keygen", "--out", key, "--algorithm", algorithm, "--encrypt", env=env)
            self.assertIn("ENCRYPTED", key.read_text())
            public_key = self.folder / f"safe-{algorithm}.pub.pem"
            opened = support.openssl("pkey", "-in", key, "-passin", "pass:correct horse", "-pubout")
            self.assertEqual(opened.stdout, public_key.read_text(), opened.stderr)
            self.check(algorithm, key, public_key, env=env)

            reading, writing = os.pipe()
            os.write(writing, b"correct horse\n")
            os.close(writing)
            self.certify(DIGITS, key, "--passphrase-fd", str(reading), pass_fds=[reading], name="by-fd.json")
            os.close(reading)
            for wrong in ("correct hors", "correct horse "):
                done = self.lipcert("certify", DIGITS, "--key", key, "-o", self.folder / "no.json", code=3,
                                    env=support.environment(LIPCERT_PASSPHRASE=wrong))
                self.assertIn("the passphrase is wrong", done.stderr)
            self.assertFalse((self.folder / "no.json").exists())

    def test_a_key_of_openssl(self):
        for algorithm, options in (("p256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("ed25519", ["-algorithm", "ed25519"])):
            key, public_key = self.folder / f"o-{algorithm}.pem", self.folder / f"o-{algorithm}.pub.pem"
            self.assertEqual(support.openssl("genpkey", *options, "-out", key).returncode, 0)
            self.assertEqual(support.openssl("pkey", "-in", key, "-pubout", "-out", public_key).returncode, 0)
            self.check(algorithm, key, public_key)

    def test_numbers_against_numpy(self):
        """Norms of the folded matrices in float64 (good to 1e-13) against both ends of every block, of the network and of all pairs."""
        key, _ = self.key()
        path, printed = self.certify(DIGITS, key)
        matrices = digits_matrices()
        norms = [numpy.linalg.norm(m, 2) for m in matrices]
        dense = [b for b in printed["blocks"] if b["operator"] == "dense"]
        self.assertEqual(len(dense), 3)
        for block, norm in zip(dense, norms):
            self.assertGreaterEqual(float(block["bound"]), norm * (1 - 1e-13))
            self.assertLessEqual(float(block["bound"]), norm * (1 + 1e-10))
            self.assertLessEqual(float(block["lower"]), norm * (1 + 1e-13))
            self.assertGreaterEqual(float(block["lower"]), norm * (1 - 1e-6))
        product = numpy.prod(norms)
        upper, lower = float(printed["lipschitz"]), float(printed["lipschitzLower"])
        self.assertGreaterEqual(upper, product * (1 - 1e-13))
        self.assertLessEqual(upper, product * (1 + 1e-9))
        # The lower end is the derivative of one linear region: an honest search finds a good part of the product here.
        self.assertGreater(lower, 0.3 * upper)
        self.assertLessEqual(lower, upper)
        before = norms[0] * norms[1]
        claim = next(c for c in support.statement(path)["predicate"]["claims"] if c["kind"] == "pair-lipschitz")
        self.assertEqual(claim["classes"], 10)
        k = 0
        for i in range(10):
            for j in range(i + 1, 10):
                true = numpy.linalg.norm(matrices[-1][i] - matrices[-1][j]) * before
                claimed = float.fromhex(claim["upper"]["exact"][k])
                self.assertGreaterEqual(claimed, true * (1 - 1e-13))
                self.assertLessEqual(claimed, true * (1 + 1e-9))
                self.assertGreaterEqual(float(claim["upper"]["decimal"][k]), claimed * (1 - 1e-16))
                k += 1
        self.assertEqual(k, len(claim["upper"]["exact"]))

    def test_the_certificate_that_ships(self):
        """The format is a promise: what an earlier version signed stays accepted."""
        models = support.ROOT / "examples" / "models"
        done = self.lipverify(models / "mnist.lipcert.sigstore.json", "--model", models / "mnist.onnx", "--public-key", models / "mnist.pub.pem",
                              "--time", "2026-12-01T00:00:00Z", "--json")  # no clock decides whether the test passes
        report = json.loads(done.stdout)
        self.assertEqual(report["verdict"], "accepted")
        claim = support.statement(models / "mnist.lipcert.sigstore.json")["predicate"]["claims"][0]
        self.assertLessEqual(float.fromhex(claim["upper"]["exact"]), 1)

    def test_inspect(self):
        seen = json.loads(self.lipcert("inspect", DIGITS, "--json").stdout)
        self.assertIs(seen["supported"], True)
        self.assertEqual(seen["refused"], [])
        self.assertEqual(seen["input"]["shape"], [1, 64])
        self.assertEqual(seen["input"]["symbolic"], [0])
        self.assertEqual(seen["output"]["shape"], [1, 10])
        self.assertEqual(seen["parameters"], 1 + 65 * 32 + 33 * 32 + 33 * 10)
        self.assertEqual([n["operator"] for n in seen["nodes"]], ["Div", "Gemm", "Relu", "Gemm", "Relu", "Gemm"])
        self.assertEqual([b["operator"] for b in seen["blocks"]], ["dense", "activation", "dense", "activation", "dense"])
        self.assertEqual(seen["model"]["sha256"], support.sha256(DIGITS.read_bytes()))
        key, _ = self.key()
        path, _ = self.certify(DIGITS, key)
        self.assertEqual(support.statement(path)["predicate"]["model"]["graphDigest"], seen["graphDigest"])
        text = self.lipcert("inspect", DIGITS).stdout
        for name in ("/dense1/Gemm", "dense-gram-psd", "32 x 64", "supported: every node"):
            self.assertIn(name, text)

    def test_table_and_summary(self):
        key, _ = self.key()
        done = self.lipcert("certify", DIGITS, "--key", key, "-o", self.folder / "c.json", "-v")
        for words in ("dense-gram-psd", "elementwise-slope", "norm at least", "L            at most 1.25", "class pairs  45 of 10 classes"):
            self.assertIn(words, done.stdout)
        self.assertEqual(done.stderr, "")  # no progress bar where there is no terminal
        printed = self.lipcert("certify", DIGITS, "--key", key, "-o", self.folder / "c.json", "-v", "--json")
        json.loads(printed.stdout)  # exactly one object
        self.assertIn("dense-gram-psd", printed.stderr)

    def test_progress_bar_on_a_terminal(self):
        """Long work draws a bar on standard error when that is a terminal, and wipes it; standard output stays clean."""
        n = 3000
        weights = numpy.random.default_rng(5).standard_normal((n, n)).astype("<f4").tobytes()
        model = self.write("large.onnx", support.model([support.node("MatMul", ["x", "w"], "y", "mm")], [support.tensor("w", (n, n), weights)],
                                                       (1, n), (1, n)))
        key, _ = self.key()
        main_end, terminal = os.openpty()
        done = subprocess.Popen([support.LIPCERT, "certify", model, "--key", key, "-o", self.folder / "c.json", "--json"],
                                env=support.environment(TERM="xterm"), stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        drawn = b""
        while True:
            try:
                part = os.read(main_end, 4096)
            except OSError:  # the other side has closed
                break
            if not part:
                break
            drawn += part
        os.close(main_end)
        json.loads(done.communicate()[0])
        self.assertEqual(done.returncode, 0)
        self.assertRegex(drawn.decode(), r"\[#*\.*\] +\d+ %  \w+")
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), drawn[-40:])

    def test_renewal_replaces_a_certificate_and_nothing_else(self):
        key, _ = self.key()
        first, _ = self.certify(DIGITS, key, env=support.environment(SOURCE_DATE_EPOCH=1700000000))
        old = first.read_bytes()
        again, _ = self.certify(DIGITS, key, env=support.environment(SOURCE_DATE_EPOCH=1700000001))
        self.assertNotEqual(old, again.read_bytes())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["cert.json", "key.pem", "key.pub.pem"])
        diary = self.write("diary.txt", "dear diary")
        self.lipcert("certify", DIGITS, "--key", key, "-o", diary, code=2)
        self.assertEqual(diary.read_text(), "dear diary")
        self.lipcert("certify", DIGITS, "--key", key, "-o", diary, "--force")
        self.assertIn("sigstore", diary.read_text())

    def test_recheck(self):
        """The checker beside the generator looks at a certificate before anybody else can; what it does not accept is not written."""
        key, public_key = self.key()
        path, printed = self.certify(DIGITS, key)
        self.assertEqual(printed["recheck"], "accepted")
        self.assertIn(f"payload {printed['payloadSha256']}", printed["recheckVerdict"])
        path, printed = self.certify(DIGITS, key, "--no-recheck")
        self.assertEqual((printed["recheck"], printed["recheckVerdict"]), ("skipped", None))
        text = self.lipcert("certify", DIGITS, "--key", key, "-o", path).stdout
        self.assertRegex(text, r"(?m)^recheck      accepted  L <= ")
        self.assertRegex(self.lipcert("certify", DIGITS, "--key", key, "-o", path, "--no-recheck").stdout, r"(?m)^recheck      skipped")
        # Samples: up to 100 all of them, of more 100; those of shards have no data here.
        for count, word, seen in ((100, "accepted", "samples all 100 rechecked"), (101, "accepted in part", "samples 100 of 101 audited")):
            data = self.write(f"{count}.csv", "".join(",".join(str((7 * i * k) % 17) for k in range(64)) + "\n" for i in range(count)))
            _, printed = self.certify(DIGITS, key, "--data", data, name=f"{count}.json")
            self.assertEqual(printed["recheck"], word)
            self.assertIn(seen, printed["recheckVerdict"])
        self.lipcert("certify", DIGITS, "-o", self.folder / "0.shard", "--data", data, "--shard", "0/1")
        merged = json.loads(self.lipcert("merge", DIGITS, self.folder / "0.shard", "--key", key, "-o", self.folder / "m.json", "--json").stdout)
        self.assertEqual(merged["recheck"], "accepted in part")
        self.assertIn("samples NOT RECHECKED", merged["recheckVerdict"])

        # A copy of the generator alone, then beside programs that are called lipverify.
        beside = self.folder / "bin"
        beside.mkdir()
        lipcert = beside / "lipcert"
        shutil.copy(support.LIPCERT, lipcert)
        out = self.folder / "beside" / "c.json"
        out.parent.mkdir()
        command = [lipcert, "certify", DIGITS, "--key", key, "-o", out, "--json", "--data", data]
        env = support.environment(SOURCE_DATE_EPOCH=1700000000, LIPCERT_PASSPHRASE="correct horse")

        def attempt(*options):
            for file in out.parent.iterdir():
                file.unlink()
            return support.run(*command, *options, env=env)
        done = attempt()
        self.assertEqual(json.loads(done.stdout)["recheck"], "no lipverify beside lipcert")
        alone = support.payload_bytes(out)
        program = self.write("bin/lipverify", "#!/bin/sh\nexit 0\n")
        self.assertEqual(json.loads(attempt().stdout)["recheck"], "no lipverify beside lipcert")  # nobody may run it
        program.chmod(0o755)
        self.assertEqual(json.loads(attempt().stdout)["recheck"], "accepted")
        self.assertEqual(support.payload_bytes(out), alone)
        self.assertEqual(json.loads(attempt("--no-recheck").stdout)["recheck"], "skipped")
        for script, reason in (("echo 'lipverify: warning: w' >&2; echo 'lipverify: block-upper of t does not hold' >&2; exit 1", "does not accept it: block-upper of t does not hold"),
                               ("exit 2", "ended with 2"), ("exit 3", "ended with 3"), ("kill -9 $$", "ended with 137"), ("yes lipverify: no | head -n 99999 >&2; exit 1", "accept it: no"),
                               ('[ -z "$LIPCERT_PASSPHRASE" ] && cat "$1" >/dev/null && exit 4; exit 0', "ended with 4")):
            program.write_text(f"#!/bin/sh\n{script}\n")
            done = attempt()
            self.assertEqual(done.returncode, 4, script)
            self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z")
            self.assertIn(reason, done.stderr)
            self.assertIn("--no-recheck", done.stderr)
            self.assertEqual((done.stdout, sorted(out.parent.iterdir())), ("", []))
        # Nor has it the descriptor that the passphrase came from.
        reading, writing = os.pipe()
        os.write(writing, b"correct horse\nnothing else\n")
        os.close(writing)
        program.write_text(f"#!/bin/sh\n[ -e /proc/$$/fd/{reading} ] && exit 4; exit 0\n")
        self.assertEqual(support.run(*command, "--passphrase-fd", str(reading), env=support.environment(), pass_fds=[reading]).returncode, 0)
        os.close(reading)
        program.write_text("no program at all\n")
        self.assertEqual((attempt().returncode, sorted(out.parent.iterdir())), (4, []))
        # 5 is an acceptance only where less was asked for; an older certificate and its records stay as they are.
        program.write_text("#!/bin/sh\necho accepted in part; exit 5\n")
        self.assertEqual(json.loads(attempt().stdout)["recheck"], "accepted in part")
        before = {p.name: p.read_bytes() for p in out.parent.iterdir()}
        self.assertEqual(len(before), 3)  # certificate, records, evidence of local radii
        self.assertEqual(support.run(*command[:-2], "--force", env=env).returncode, 4)
        program.write_text("#!/bin/sh\nexit 1\n")
        self.assertEqual(support.run(*command, "--force", env=env).returncode, 4)
        self.assertEqual({p.name: p.read_bytes() for p in out.parent.iterdir()}, before)

    def test_external_data(self):
        weights = support.struct.pack("<4f", 3, 0, 0, 4)
        self.write("weights.bin", weights)
        model = self.write("m.onnx", support.model([support.node("Gemm", ["x", "w"], "y", "g", transB=1)],
                                                   [support.external_tensor("w", (2, 2), "weights.bin")], (1, 2), (1, 2)))
        key, public_key = self.key()
        self.assertIn("allow-external-data", self.lipcert("certify", model, "--key", key, "-o", self.folder / "c.json", code=3).stderr)
        path, printed = self.certify(model, key, "--allow-external-data")
        self.assertEqual(support.statement(path)["predicate"]["model"]["externalFiles"],
                         [{"name": "weights.bin", "bytes": 16, "sha256": support.sha256(weights)}])
        self.assertAlmostEqual(float(printed["lipschitz"]), 4, delta=1e-9)
        self.lipverify(path, "--model", model, "--public-key", public_key, "--allow-external-data")
        self.write("weights.bin", support.struct.pack("<4f", 3, 0, 0, 5))
        self.lipverify(path, "--model", model, "--public-key", public_key, "--allow-external-data", code=1)


if __name__ == "__main__":
    support.main()
