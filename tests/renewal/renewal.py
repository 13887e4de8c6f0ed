"""What the renewal tests share: a folder with two small networks, digits with data, a key and a manifest."""

import json
import os
import shutil

import support
from support import DIGITS

DATA = DIGITS.parent / "digits_test.csv"
DAY = 86400
START = 1_800_000_000
BUNDLE = '{"mediaType":"application/vnd.dev.sigstore.bundle'


def at(seconds):
    return support.environment(SOURCE_DATE_EPOCH=seconds)


class Case(support.Case):
    def setUp(self):
        super().setUp()
        self.secret, self.public = self.key()
        self.write("a.onnx", support.dense([[[1, 2], [3, 4]], [[1, -1]]]))
        self.write("b.onnx", support.dense([[[2, 0], [0, 1]], [[1, 1]]]))
        shutil.copy(DIGITS, self.folder / "digits.onnx")
        rows = DATA.read_text().splitlines(keepends=True)
        self.write("digits.csv", "".join(rows[:40]))
        self.manifest = {"lipcertManifest": 1,
                         "defaults": {"key": "release", "issuer": "tests", "validityDays": 300, "maximumAgeDays": 90},
                         "entries": [{"name": n, "model": f"{n}.onnx", "output": f"{n}.lipcert.sigstore.json"} for n in ("a", "b", "digits")]}
        self.manifest["entries"][2]["data"] = {"samples": "digits.csv", "labelColumn": -1, "eps": ["1", "3"]}
        self.save()

    def save(self):
        return self.write("m.json", json.dumps(self.manifest))

    def entry(self, name):
        return next(e for e in self.manifest["entries"] if e["name"] == name)

    def output(self, name):
        return self.folder / f"{name}.lipcert.sigstore.json"

    def renew(self, *options, code=0, now=START, keys=None):
        """What --json printed."""
        keys = ["--key", f"release={self.secret}"] if keys is None else keys
        done = self.lipcert("renew", self.folder / "m.json", *keys, "--json", *options, code=code, env=at(now))
        return json.loads(done.stdout)

    def states(self, report):
        return {e["name"]: (e["state"], sorted({r["kind"] for r in e["reasons"]})) for e in report["entries"]}

    def marks(self):
        """Content and time of every certificate."""
        return {p.name: (p.read_bytes(), os.stat(p).st_mtime_ns, os.stat(p).st_ino) for p in self.folder.glob("*.lipcert.*")}

    def accepted(self, name, now=START):
        data = ["--data", self.folder / "digits.csv"] if name == "digits" else []
        when = ["--time", self.time(now)]
        self.lipverify(self.output(name), "--model", self.folder / f"{name}.onnx", "--public-key", self.public, *data, *when)

    @staticmethod
    def time(seconds):
        import datetime
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
