"""Hostile names: whatever a file, a path or an argument is called, no message of any command steers the terminal, forges a line or turns the writing
around; and --json stays one JSON object of ASCII."""

import itertools
import re

from faults_support import *

HOSTILE = "a\x1b[2J\x9b31m\u202eb\u2066c\u200b\nFORGED accepted\r\x07\x7f\u2028d"
IN_NAMES = "a\u202eb\u2066c\u200b\u2028d\u061ce"  # names in a model: controls are refused by both readers
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|^FORGED", re.M)


class Names(Faults):
    def setUp(self):
        super().setUp()
        self.checked = 0
        self.private, self.public = self.key()

    def run_clean(self, program, *arguments, json_wanted=False, **more):
        done = subprocess.run([str(program), *map(str, arguments)], env=environment(), capture_output=True, timeout=120, **more)
        self.assertGreaterEqual(done.returncode, 0)
        for stream in (done.stdout, done.stderr):
            text = stream.decode()  # UTF-8 at all
            found = FORBIDDEN.search(text)
            self.assertIsNone(found, f"{program} {arguments}: {text!r}")
        if json_wanted and done.stdout:
            json.loads(done.stdout.decode("ascii"))
        self.checked += 1
        return done

    def test_paths(self):
        folder = self.folder / HOSTILE.replace("/", "")
        folder.mkdir()
        invalid = self.folder / os.fsdecode(b"x\xff\x9b1m\nFORGED")
        invalid.mkdir()
        for place in (folder, invalid):
            model = place / f"m{HOSTILE}.onnx"
            model.write_bytes(SMALL)
            data = place / f"d{HOSTILE}.csv"
            data.write_bytes(self.data.read_bytes())
            junk = place / f"j{HOSTILE}"
            junk.write_bytes(b"\x1b[31m\nFORGED")
            absent = place / f"absent{HOSTILE}"
            cert = self.folder / "c.json"
            self.lipcert("certify", self.model, "--key", self.private, "-o", cert, *self.samples)
            shard = place / f"s{HOSTILE}"
            files = (model, junk, absent, place)
            for flags in ((), ("--json",)):
                wanted = bool(flags)
                for file in files:
                    self.run_clean(LIPCERT, "inspect", file, *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "certify", self.model, "--key", file, "-o", place / "o", *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "certify", file, "--key", self.private, "-o", place / f"o{HOSTILE}", *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "certify", self.model, "--key", self.private, "-o", file, *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "certify", self.model, "--key", self.private, "-o", place / "o", "--data", file, *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "certify", self.model, "--key", self.private, "-o", place / "o", "--data", self.data, "--labels", file, *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "merge", self.model, file, "--key", self.private, "-o", place / "o", *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "attack", self.model, "--data", file, *flags, json_wanted=wanted)
                    self.run_clean(LIPCERT, "attack", self.model, "--data", self.data, "--certificate", file, *flags, json_wanted=wanted)
                    self.run_clean(LIPVERIFY, file, "--model", self.model, "--public-key", self.public, *flags, json_wanted=wanted)
                    self.run_clean(LIPVERIFY, cert, "--model", file, "--public-key", self.public, *flags, json_wanted=wanted)
                    self.run_clean(LIPVERIFY, cert, "--model", self.model, "--public-key", file, *flags, json_wanted=wanted)
                    for option in ("--data", "--records"):
                        more = ("--data", self.data) if option == "--records" else ()
                        self.run_clean(LIPVERIFY, cert, "--model", self.model, "--public-key", self.public, option, file, *more, *flags, json_wanted=wanted)
                self.run_clean(LIPCERT, "certify", model, "-o", shard, "--data", data, "--label-column", "-1", "--shard", "0/1", *flags, json_wanted=wanted)
                made = place / f"made{HOSTILE}"
                self.run_clean(LIPCERT, "certify", model, "--key", self.private, "-o", made, "--data", data, "--label-column", "-1", "--allow-low-accuracy", "-v", *flags)
                self.run_clean(LIPVERIFY, made, "--model", model, "--public-key", self.public, "--data", data, "-v", *flags, json_wanted=wanted)
            self.run_clean(LIPCERT, "keygen", "--out", place / f"k{HOSTILE}")
            self.run_clean(LIPCERT, "keygen", "--out", place / f"k{HOSTILE}")
        self.assertGreater(self.checked, 200)

    def test_arguments(self):
        cert = self.folder / "c.json"
        for program, before in ((LIPCERT, ()), (LIPCERT, ("inspect",)), (LIPCERT, ("certify",)), (LIPCERT, ("merge",)), (LIPCERT, ("attack",)), (LIPCERT, ("keygen",)), (LIPVERIFY, ())):
            for argument, flags in itertools.product((HOSTILE, f"--{HOSTILE}", f"--out={HOSTILE}", f"--threads={HOSTILE}", f"--time={HOSTILE}", f"--audit={HOSTILE}"), ((), ("--json",))):
                self.run_clean(program, *before, argument, *flags, cwd=self.folder)  # `keygen --out` writes a key there
        for option in ("--scale", "--mean", "--std", "--eps", "--eps-unit", "--layout", "--format", "--shard", "--limit", "--input-shape", "--output", "--not-after", "--issuer",
                       "--requirement", "--image-shape", "--array-layout"):
            self.run_clean(LIPCERT, "certify", self.model, "--key", self.private, "-o", cert, *self.samples, f"{option}={HOSTILE}", cwd=self.folder)
            if cert.exists():  # the issuer's text
                self.run_clean(LIPVERIFY, cert, "--model", self.model, "--public-key", self.public, "--data", self.data, "-v")
                self.run_clean(LIPVERIFY, cert, "--model", self.model, "--public-key", self.public, "--data", self.data, "--json", json_wanted=True)
                cert.unlink()

    def test_names_in_files(self):
        names = {"good": ("Relu", IN_NAMES), "refused": ("NoSuchOperator", IN_NAMES), "control": ("Relu", HOSTILE), "operator": (HOSTILE, "n")}
        for name, (op, called) in names.items():
            model = self.write(f"{name}.onnx", globals()["model"]([node(op, ["x"], f"h{called}", called), node("Gemm", [f"h{called}", f"w{called}"], "y", f"g{called}")],
                                                                [tensor(f"w{called}", (2, 2), [1, 2, 3, 4])], (1, 2), (1, 2)))
            cert = self.folder / f"{name}.json"
            for flags in ((), ("--json",)):
                self.run_clean(LIPCERT, "inspect", model, *flags, json_wanted=bool(flags))
                self.run_clean(LIPCERT, "certify", model, "--key", self.private, "-o", cert, "-v", *flags)
                if cert.exists():
                    self.run_clean(LIPVERIFY, cert, "--model", model, "--public-key", self.public, "-v", *flags, json_wanted=bool(flags))
            self.assertEqual(cert.exists(), name == "good")
        # What a signer, or a stranger, writes into a certificate.
        cert, _ = self.certify(self.model, self.private, "--issuer", "nobody")
        content = statement(cert)

        def places(value, path=()):
            if isinstance(value, str):
                yield path
            for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
                yield from places(item, path + (key,))

        for path in list(places(content))[::3]:
            changed = json.loads(json.dumps(content))
            at = changed
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = HOSTILE
            forged = forge(cert, changed, self.private, self.folder)
            for flags in ((), ("--json",)):
                self.run_clean(LIPVERIFY, forged, "--model", self.model, "--public-key", self.public, "-v", *flags, json_wanted=bool(flags))
        # Texts in data, in a bundle and beside a key.
        for content in (f"1,2\n{HOSTILE},3\n", f"{{\"{HOSTILE}\": 1}}", json.dumps({HOSTILE: HOSTILE}), json.dumps({"lipcertShard": 2, HOSTILE: 1})):
            file = self.write("text", content)
            self.run_clean(LIPCERT, "certify", self.model, "--key", self.private, "-o", self.folder / "o", "--data", file, "--format", "csv")
            self.run_clean(LIPCERT, "merge", self.model, file, "--key", self.private, "-o", self.folder / "o")
            self.run_clean(LIPVERIFY, file, "--model", self.model, "--public-key", self.public)
        self.run_clean(LIPCERT, "certify", self.model, "--key", self.write("k", HOSTILE + self.private.read_text()), "-o", self.folder / "o")
        self.run_clean(LIPVERIFY, cert, "--model", self.model, "--public-key", self.write("p", HOSTILE + self.public.read_text()))


if __name__ == "__main__":
    main()
