"""Same model, program, kernel, settings and time: the same bytes, whatever the number of threads, the folder or the environment."""

import json
import random
import shutil

import support
from support import DIGITS


def wide_network():
    """300-200-120-5: enough work for every thread to get a share."""
    r = random.Random(3)
    return support.dense([[[r.gauss(0, 0.1) for _ in range(n)] for _ in range(m)] for n, m in ((300, 200), (200, 120), (120, 5))])


class Determinism(support.Case):
    def test_bytes(self):
        key, _ = self.key("ed25519")  # deterministic signatures: the whole file can be compared
        fixed = {"SOURCE_DATE_EPOCH": 1700000000}
        for model in (DIGITS, self.write("wide.onnx", wide_network())):
            first, _ = self.certify(model, key, "--threads", "1", env=support.environment(**fixed), name="1.json")
            wanted = first.read_bytes()
            elsewhere = self.folder / f"elsewhere-{model.stem}"
            elsewhere.mkdir()
            shutil.copy(model, elsewhere)
            for name, options, env, path in (("2.json", ["--threads", "2"], {}, model), ("7.json", ["--threads", "7"], {}, model),
                                             ("all.json", [], {}, model), ("verbose.json", ["-v"], {}, model),
                                             ("blas.json", [], {"OPENBLAS_NUM_THREADS": 2, "OMP_NUM_THREADS": 2}, model),
                                             ("locale.json", [], {"LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo"}, model),
                                             ("moved.json", [], {}, elsewhere / model.name)):
                made, _ = self.certify(path, key, *options, env=support.environment(**fixed, **env), name=name)
                self.assertEqual(made.read_bytes(), wanted, f"{model.name} {name}")

    def test_payload_is_the_same_under_ecdsa(self):
        key, _ = self.key()
        env = support.environment(SOURCE_DATE_EPOCH=1700000000)
        a, _ = self.certify(DIGITS, key, env=env, name="a.json")
        b, _ = self.certify(DIGITS, key, env=env, name="b.json")
        self.assertEqual(support.payload_bytes(a), support.payload_bytes(b))
        self.assertNotEqual(a.read_bytes(), b.read_bytes())  # ECDSA signatures are random

    def test_time_and_issuance(self):
        key, public_key = self.key()
        a, _ = self.certify(DIGITS, key, env=support.environment(SOURCE_DATE_EPOCH=1700000000), name="a.json")
        b, _ = self.certify(DIGITS, key, "--issuer", "Prüfstelle 7", "--not-after", "2039-12-31T23:59:59Z", "--requirement", "REQ-1",
                            "--requirement", "REQ-2", env=support.environment(SOURCE_DATE_EPOCH=2000000000), name="b.json")
        first, second = support.statement(a), support.statement(b)
        self.assertEqual(first["predicate"].pop("issuance"),
                         {"issuer": "", "issuedAt": "2023-11-14T22:13:20Z", "notAfter": None, "requirements": []})
        self.assertEqual(second["predicate"].pop("issuance"),
                         {"issuer": "Prüfstelle 7", "issuedAt": "2033-05-18T03:33:20Z", "notAfter": "2039-12-31T23:59:59Z",
                          "requirements": ["REQ-1", "REQ-2"]})
        self.assertEqual(first, second)

    def test_payload_tells_nothing_about_the_machine(self):
        import getpass
        import socket
        key, _ = self.key()
        path, _ = self.certify(DIGITS, key)
        text = support.payload_bytes(path).decode()
        for secret in (str(self.folder), str(support.ROOT), socket.gethostname(), "--key", "key.pem"):
            self.assertNotIn(secret, text)
        self.assertNotIn(f'"{getpass.getuser()}"', text)
        self.assertNotRegex(text, r'"seconds"|"time"')
        # No floating-point literal, no insignificant whitespace.
        def no_float(literal):
            raise AssertionError(f"floating-point literal {literal}")
        json.loads(text, parse_float=no_float)
        self.assertEqual(json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False), text)


if __name__ == "__main__":
    support.main()
