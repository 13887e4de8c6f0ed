"""Keys: which are refused and with what advice, what decrypting one may cost, who may read one, and that no output replaces one."""

import shutil
import stat
import time

from faults_support import *

COSIGN = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\neyJrZGYiOnsibmFtZSI6InNjcnlwdCJ9fQ==\n-----END ENCRYPTED COSIGN PRIVATE KEY-----\n"
OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n"


def der(tag, *parts):
    content = b"".join(parts)
    size = bytes([len(content)]) if len(content) < 128 else bytes([0x82]) + len(content).to_bytes(2, "big")
    return bytes([tag]) + size + content


def integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([40 * first + second])
    for number in rest:
        digits = [number & 127]
        while number := number >> 7:
            digits.append(number & 127 | 128)
        out += bytes(reversed(digits))
    return der(6, out)


def encrypted(kdf):
    """EncryptedPrivateKeyInfo of PBES2 with this key derivation."""
    cipher = der(0x30, oid("2.16.840.1.101.3.4.1.42"), der(4, bytes(16)))
    body = der(0x30, der(0x30, oid("1.2.840.113549.1.5.13"), der(0x30, kdf, cipher)), der(4, bytes(144)))
    return "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + base64.encodebytes(body).decode() + "-----END ENCRYPTED PRIVATE KEY-----\n"


def pbkdf2(rounds):
    return der(0x30, oid("1.2.840.113549.1.5.12"), der(0x30, der(4, bytes(16)), integer(rounds), der(0x30, oid("1.2.840.113549.2.9"), der(5))))


def scrypt(n, r, p):
    return der(0x30, oid("1.3.6.1.4.1.11591.4.11"), der(0x30, der(4, bytes(16)), integer(n), integer(r), integer(p)))


class Keys(Faults):
    def certify_with(self, key, *options, code=3, out="cert.json", **more):
        before = self.listing()
        done = self.lipcert("certify", self.model, "--key", key, "-o", self.folder / out, *options, code=code, **more)
        if code != 0:
            self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z")
            self.assertEqual(self.listing(), before)
        return done

    def test_kinds(self):
        private, public = self.key()
        key = private.read_text()
        for name, content, advice in (
                ("cosign.key", COSIGN, "cosign import-key-pair"), ("sigstore.key", COSIGN.replace("COSIGN", "SIGSTORE"), "cosign import-key-pair"),
                ("ssh.key", OPENSSH, "ssh-keygen -p -m PKCS8"), ("two.pem", key + key, "holds 2 keys"), ("both.pem", key + public.read_text(), "a file of its own"),
                ("mixed.pem", OPENSSH + key, "ssh-keygen")):
            self.assertIn(advice, self.certify_with(self.write(name, content)).stderr)
        if shutil.which("ssh-keygen"):  # what the advice says works
            made = self.folder / "id"
            subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", "256", "-N", "", "-f", made], check=True)
            self.assertIn("ssh-keygen", self.certify_with(made).stderr)
            subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PKCS8", "-N", "", "-f", made], check=True, capture_output=True)
            openssl("pkcs8", "-topk8", "-nocrypt", "-in", made, "-out", made.with_suffix(".pem"))
            self.certify_with(made if b"BEGIN PRIVATE" in made.read_bytes() else made.with_suffix(".pem"), code=0)

    def test_cost_of_decrypting(self):
        env = environment(LIPCERT_PASSPHRASE="secret")
        for kdf, part in ((pbkdf2(2 ** 31 - 1), "2147483647 rounds"), (pbkdf2(10 ** 7 + 1), "10000001 rounds"), (pbkdf2(2 ** 80), "rounds"), (scrypt(2 ** 14, 8, 2 ** 20), "scrypt"),
                          (scrypt(2 ** 30, 8, 1), "scrypt"), (scrypt(2 ** 63, 2, 1), "scrypt"), (der(0x30, oid("1.2.3.4"), der(5)), "not known")):
            start = time.monotonic()
            done = self.certify_with(self.write("costly.pem", encrypted(kdf)), env=env)
            self.assertLess(time.monotonic() - start, 8)
            self.assertIn(part, done.stderr)
            self.assertIn("openssl pkcs8", done.stderr)
        self.assertIn("passphrase is wrong", self.certify_with(self.write("cheap.pem", encrypted(pbkdf2(1000))), env=env).stderr)
        self.key(name="plain")
        for name, option in (("pbkdf2", ("-iter", "600000")), ("scrypt", ("-scrypt",))):  # what openssl writes is read
            path = self.folder / f"{name}.pem"
            done = openssl("pkcs8", "-topk8", "-in", self.folder / "plain.pem", "-out", path, "-passout", "pass:secret", *option)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.certify_with(path, code=0, env=env)

    def test_readable_by_others(self):
        private, _ = self.key()
        self.assertEqual(self.certify_with(private, code=0).stderr, "")
        for mode in (0o640, 0o604, 0o620, 0o644):
            private.chmod(mode)
            self.assertRegex(self.certify_with(private, code=0).stderr, r"\Alipcert: warning: [^\n]*chmod 600[^\n]*\.\n\Z")

    def test_no_output_replaces_a_key(self):
        private, public = self.key()
        other, _ = self.key(name="other")
        kinds = {"plain": other.read_text(), "cosign": COSIGN, "ssh": OPENSSH, "ec": "-----BEGIN EC PRIVATE KEY-----\n", "late": "#" * 65530 + other.read_text(),
                 "putty": "PuTTY-User-Key-File-3: ssh-ed25519\n", "encrypted": encrypted(pbkdf2(1000))}
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", other, "-outform", "DER", "-out", self.folder / "der")
        kinds["der"] = (self.folder / "der").read_bytes()
        for name, content in kinds.items():
            target = self.write(name, content)
            self.assertIn("never replaced", self.certify_with(private, "--force", code=2, out=name).stderr)
            link = self.folder / f"{name}.link"
            link.symlink_to(target.name)
            self.assertIn("never replaced", self.certify_with(private, "--force", code=2, out=link.name).stderr)
            before = self.listing()
            self.lipcert("certify", self.model, "-o", target, "--data", self.data, "--label-column", "-1", "--shard", "0/1", "--force", code=2)
            self.assertEqual(self.listing(), before)
        self.write("notes", "notes\n")
        self.certify_with(private, "--force", code=0, out="notes")
        self.certify_with(private, "--force", code=0, out=public.name)  # a public key can be had again

    def test_a_key_that_comes_later(self):
        """It is put there while the certificate is made: looked at again when it is published."""
        private, _ = self.key()
        slow = self.write("slow.csv", "".join(f"{k % 97},{k % 89}\n" for k in range(150000)))
        for force in ((), ("--force",)):
            out = self.folder / "late.json"
            process = subprocess.Popen([LIPCERT, "certify", self.model, "--key", private, "-o", out, "--data", slow, "--no-recheck", *force], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
            while process.poll() is None and not any(p.name.startswith(".lipcert-records") for p in self.folder.iterdir()):
                time.sleep(0.002)
            out.write_text(COSIGN)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 2, err)
            self.assertEqual(out.read_text(), COSIGN)
            self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(".")], [])

    def test_keygen(self):
        private, _ = self.key()
        self.assertEqual(stat.S_IMODE(private.stat().st_mode), 0o600)
        before = self.listing()
        self.lipcert("keygen", "--out", private, code=2)
        self.assertEqual(self.listing(), before)


if __name__ == "__main__":
    main()
