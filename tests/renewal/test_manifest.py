"""A manifest is a file that somebody else may have written: whatever is wrong in it ends in one sentence with file, JSON pointer and remedy, and nothing is made.
`lipcert init` writes manifests that this reader and the schema take, and overwrites nothing."""

import copy
import json

import jsonschema

import renewal
import support

SCHEMA = json.loads((support.ROOT / "formats" / "manifest.schema.json").read_text())


class Manifest(renewal.Case):
    def refused(self, words, text=None, code=3):
        if text is not None:
            self.write("m.json", text)
        done = self.lipcert("renew", self.folder / "m.json", "--key", f"release={self.secret}", code=code)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        for character in done.stderr[:-1]:
            self.assertGreaterEqual(character, " ")
        self.assertEqual(list(self.folder.glob("*.lipcert.*")), [])
        return done.stderr

    def valid(self):
        return jsonschema.validators.validator_for(SCHEMA)(SCHEMA).is_valid(self.manifest)

    def test_the_good_one(self):
        jsonschema.validators.validator_for(SCHEMA).check_schema(SCHEMA)
        self.assertTrue(self.valid())
        self.assertEqual(self.renew("--dry-run")["toRenew"], 3)

    def test_each_member_wrong(self):
        """(path, value, words of the message, whether the schema sees it)"""
        entry, data = ["entries", 2], ["entries", 2, "data"]
        cases = [
            (["lipcertManifest"], 2, ["/lipcertManifest", "is not 1"], True),
            (["entrys"], [], ["/entrys", "nearest is 'entries'"], True),
            (["defaults", "keys"], "x", ["/defaults/keys", "nearest is 'key'"], True),
            (["defaults", "validityDays"], 0, ["/defaults/validityDays", "whole number"], True),
            (["entries"], [], ["/entries"], True),
            (["entries"], {}, ["/entries"], True),
            (["entries", 1], 7, ["/entries/1", "is not an object"], True),
            (entry + ["modle"], "x", ["/entries/2/modle", "nearest is 'model'"], True),
            (entry + ["a/b~c"], "x", ["/entries/2/a~1b~0c"], True),
            (entry + ["model"], 3, ["/entries/2/model", "is no text"], True),
            (entry + ["model"], "", ["/entries/2/model"], True),
            (entry + ["name"], "a", ["/entries/2/name", "earlier entry"], False),
            (entry + ["output"], "x/../a.lipcert.sigstore.json", ["/entries/2/output", "earlier entry"], False),
            (entry + ["output"], "./b.onnx", ["/entries/2/output", "is a model"], False),
            (entry + ["output"], "digits.csv", ["/entries/2/output"], False),
            (entry + ["output"], "m.json", ["/entries/2/output"], False),
            (entry + ["allowExternalData"], "yes", ["/entries/2/allowExternalData", "true nor false"], True),
            (entry + ["requirements"], "R", ["/entries/2/requirements", "list"], True),
            (entry + ["requirements"], [1], ["/entries/2/requirements"], True),
            (entry + ["maximumAgeDays"], -1, ["/entries/2/maximumAgeDays"], True),
            (entry + ["function"], {"inputShape": [0]}, ["/entries/2/function/inputShape/0"], True),
            (entry + ["function"], {"input": [1]}, ["/entries/2/function/input", "nearest is"], True),
            (data + ["samples"], None, ["/entries/2/data/samples"], True),
            (data + ["layout"], "HWC", ["/entries/2/data/layout", "NCHW, NHWC, NCWH"], True),
            (data + ["imageShape"], [1, 2], ["/entries/2/data/imageShape", "three"], True),
            (data + ["scale"], "1/0", ["/entries/2/data/scale", "no number"], False),
            (data + ["scale"], 1, ["/entries/2/data/scale"], True),
            (data + ["eps"], ["3", "1"], ["/entries/2/data/eps", "ascending"], False),
            (data + ["eps"], [], ["/entries/2/data/eps"], True),
            (data + ["labelColumn"], "last", ["/entries/2/data/labelColumn"], True),
            (data + ["limit"], 0, ["/entries/2/data/limit"], True),
            (entry + ["\x1b[2Jclear"], 1, ["/entries/2/<U+001B>[2Jclear"], True),
        ]
        good = copy.deepcopy(self.manifest)
        for path, value, words, seen in cases:
            with self.subTest(path=path, value=value):
                self.manifest = copy.deepcopy(good)
                place = self.manifest
                for part in path[:-1]:
                    place = place[part]
                place[path[-1]] = value
                self.save()
                self.refused(["m.json", *words])
                self.assertEqual(self.valid(), not seen)

    def test_required(self):
        good = copy.deepcopy(self.manifest)
        for member in ("name", "model", "output"):
            self.manifest = copy.deepcopy(good)
            del self.manifest["entries"][0][member]
            self.save()
            self.refused(["/entries/0", f"'{member}'"])
            self.assertFalse(self.valid())
        self.manifest = copy.deepcopy(good)
        del self.manifest["defaults"]["key"]
        self.save()
        self.refused(["/entries/0", "'key'"])

    def test_not_such_json(self):
        text = json.dumps(self.manifest)
        for wrong in ("", "{", text[:-1], "\ufeff" + text, text.replace('"lipcertManifest": 1', '"lipcertManifest": 1, "lipcertManifest": 1'),
                      text.replace("300", "300.0"), text.replace("300", "1e3"), "[" * 100000, text + text, "{\x1b}"):
            with self.subTest(wrong=wrong[:40]):
                self.refused(["m.json"], wrong)

    def test_names_that_a_terminal_would_obey(self):
        self.manifest["entries"][0]["name"] = "\x1b[31mred\nline"
        self.manifest["entries"][0]["model"] = "\x1b]0;x\x07.onnx"
        self.save()
        done = support.run(support.LIPCERT, "renew", self.folder / "m.json", "--dry-run")
        self.assertEqual(done.returncode, 3)
        self.assertEqual([c for c in done.stdout + done.stderr if c < " " and c != "\n"], [])
        self.assertEqual(len(done.stdout.splitlines()), 4)

    def test_hostile_places(self):
        """Paths lead nowhere that certify would not go."""
        (self.folder / "folder").mkdir()
        self.write("precious.txt", "mine")
        for output, code in (("folder", 2), ("precious.txt", 2), ("/dev/null", 2), ("nowhere/x.json", 2), ("key.pem", 2)):
            before = self.secret.read_bytes()
            self.manifest["entries"] = [{"name": "a", "model": "a.onnx", "output": output}]
            self.save()
            report = self.renew(code=code)
            self.assertEqual(report["failed"], 1, output)
            self.assertEqual((self.folder / "precious.txt").read_text(), "mine")
            self.assertEqual(self.secret.read_bytes(), before)
        self.manifest["entries"] = [{"name": "a", "model": "/dev/zero", "output": "a.json"}]
        self.save()
        self.assertEqual(self.renew(code=3)["failed"], 1)

    def test_options_of_the_other_kind(self):
        for option in (["--model", "a.onnx"], ["-o", "x"], ["--check"], ["--public-key", self.public]):
            done = self.lipcert("renew", self.folder / "m.json", *option, code=2)
            self.assertIn("is a manifest", done.stderr)
        for key in ("key.pem", "=key.pem", "release="):
            self.lipcert("renew", self.folder / "m.json", "--key", key, code=2)
        done = self.lipcert("renew", self.folder / "m.json", "--key", f"r={self.secret}", "--key", f"r={self.secret}", code=2)
        self.assertIn("given twice", done.stderr)

    def test_init(self):
        self.write("bad.onnx", b"nonsense")
        self.write("open.onnx", support.model([support.node("Relu", ["x"], "y")], [], (1, "n"), (1, "n")))
        (self.folder / "m.json").unlink()
        done = json.loads(self.lipcert("init", self.folder, "--json").stdout)
        self.assertEqual([m["model"] for m in done["models"]], ["a.onnx", "b.onnx", "digits.onnx"])
        self.assertEqual([m["model"] for m in done["leftOut"]], ["bad.onnx", "open.onnx"])
        self.assertTrue(all(m["reason"] for m in done["leftOut"]))
        path = self.folder / "lipcert.manifest.json"
        self.manifest = json.loads(path.read_text())
        self.assertTrue(self.valid())
        self.assertEqual(self.entry("digits")["data"], {"samples": "digits.csv", "labelColumn": -1})
        text = path.read_bytes()
        self.lipcert("init", self.folder, code=2)
        self.assertEqual(path.read_bytes(), text)
        path.rename(self.folder / "m.json")
        if not support.SANITIZED:
            self.assertEqual(self.renew()["renewed"], 3)
        (self.folder / "empty").mkdir()
        self.lipcert("init", self.folder / "empty", code=3)
        self.lipcert("init", self.folder / "none", code=3)
        sub = self.folder / "manifests"
        sub.mkdir()
        self.lipcert("init", self.folder, "-o", sub / "m.json")
        self.assertEqual(json.loads((sub / "m.json").read_text())["entries"][0]["model"], "../a.onnx")


if __name__ == "__main__":
    support.main()
