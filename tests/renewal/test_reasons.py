"""What changed is renewed, and nothing else: every reason alone, with what is unchanged left byte for byte and time for time; kills, damage, keys, failures."""

import json
import shutil
import signal
import subprocess
import tempfile
import time

import renewal
import support
from renewal import DAY, START
from support import LIPCERT


class Reasons(renewal.Case):
    made = None  # a folder with all certificates: made once, copied for every test

    def setUp(self):
        super().setUp()
        if Reasons.made is None:
            self.assertEqual(self.states(self.renew()), {n: ("renewed", ["missing"]) for n in ("a", "b", "digits")})
            Reasons.made = tempfile.TemporaryDirectory(prefix="lipcert-renewal-")
            shutil.copytree(self.folder, Reasons.made.name, dirs_exist_ok=True)
        shutil.copytree(Reasons.made.name, self.folder, dirs_exist_ok=True)
        self.before = self.marks()

    def only(self, name, kinds, now=START):
        """Exactly this entry is to be renewed, for these reasons; a dry run says so and does nothing; then it is done, and then there is nothing to do."""
        expected = {n: ("unchanged", []) for n in ("a", "b", "digits")}
        dry = self.renew("--dry-run", now=now)
        self.assertEqual(self.states(dry), {**expected, name: ("to renew", kinds)})
        self.assertEqual(self.marks(), {**self.before, **{k: v for k, v in self.marks().items() if k not in self.before}})
        stood = self.marks()
        self.assertEqual(self.states(self.renew(now=now)), {**expected, name: ("renewed", kinds)})
        for file, mark in stood.items():
            if not file.startswith(name + ".") and not file.endswith(".records"):
                self.assertEqual(self.marks()[file], mark, f"{file} was touched")
        self.accepted(name, now)
        self.assertEqual(self.states(self.renew(now=now)), expected)

    def test_nothing(self):
        self.assertEqual(self.renew()["renewed"], 0)
        self.assertEqual(self.marks(), self.before)
        for name in ("a", "b", "digits"):
            self.accepted(name)

    def test_model(self):
        self.write("a.onnx", support.dense([[[1, 2], [3, 5]], [[1, -1]]]))
        self.only("a", ["model"])

    def test_data(self):
        text = (self.folder / "digits.csv").read_text().splitlines(keepends=True)
        self.write("digits.csv", "".join(text[1:] + text[:1]))
        self.only("digits", ["data"])

    def test_settings(self):
        self.entry("b")["issuer"] = "somebody else"
        self.save()
        self.only("b", ["settings"])

    def test_every_setting(self):
        digits = self.entry("digits")
        for member, value in (("requirements", ["R1"]), ("validityDays", 10)):
            kept = dict(digits)
            digits[member] = value
            self.save()
            self.assertEqual(self.states(self.renew("--dry-run"))["digits"], ("to renew", ["settings"]), member)
            digits.clear()
            digits.update(kept)
        data = digits["data"]
        for change in ({"eps": ["1"]}, {"eps": ["1", "3.5"]}, {"epsUnit": "pixel"}, {"limit": 10}, {"scale": "1/2", "epsUnit": "graph"}, {"mean": ["1"], "epsUnit": "graph"},
                       {"std": ["2"], "epsUnit": "graph"}, {"labelColumn": 0}):
            kept = dict(data)
            data.update(change)
            self.save()
            if "labelColumn" in change:  # another column is a label: not one that fits
                done = support.run(LIPCERT, "renew", self.folder / "m.json", "--dry-run", "--json", env=renewal.at(START))
                report = json.loads(done.stdout)
                self.assertNotEqual(self.states(report)["digits"][0], "unchanged")
            else:
                self.assertEqual(self.states(self.renew("--dry-run"))["digits"], ("to renew", ["settings"]), change)
            data.clear()
            data.update(kept)
        for same in ({"format": "csv"}, {"labelColumn": 64}, {"limit": 40}, {"scale": "1"}, {"layout": "NCHW"}, {"eps": ["+1", "3"]}):
            kept = dict(data)
            data.update(same)
            self.save()
            self.assertEqual(self.renew("--dry-run")["unchanged"], 3, same)
            data.clear()
            data.update(kept)
        del digits["data"]
        self.save()
        self.assertEqual(self.states(self.renew("--dry-run"))["digits"], ("to renew", ["settings"]))

    def test_age(self):
        self.entry("a")["maximumAgeDays"] = 10
        self.save()
        self.assertEqual(self.renew("--dry-run", now=START + 10 * DAY)["toRenew"], 0)
        self.only("a", ["age"], START + 10 * DAY + 1)

    def test_expired(self):
        for entry in self.manifest["entries"]:
            entry["maximumAgeDays"] = 2000
            entry["validityDays"] = 1000
        self.save()
        self.renew()
        self.entry("b")["validityDays"] = 5
        self.save()
        self.renew()
        self.before = self.marks()
        self.only("b", ["expired"], START + 5 * DAY)

    def test_tool(self):
        payload = support.statement(self.output("b"))
        payload["predicate"]["generator"]["version"] = "0.0.9"
        shutil.copy(support.forge(self.output("b"), payload, self.secret, self.folder), self.output("b"))
        self.before = self.marks()
        self.only("b", ["tool"])

    def test_missing(self):
        self.output("a").unlink()
        self.before = self.marks()
        self.only("a", ["missing"])

    def test_key(self):
        other, public = self.key(name="other")
        self.entry("a")["key"] = "other"
        self.save()
        keys = ["--key", f"release={self.secret}", "--key", f"other={other}"]
        report = self.renew(keys=keys)
        self.assertEqual(self.states(report)["a"], ("renewed", ["key"]))
        self.assertEqual(report["unchanged"], 2)
        self.lipverify(self.output("a"), "--model", self.folder / "a.onnx", "--public-key", public, "--time", self.time(START))

    def test_damaged(self):
        whole = self.output("b").read_bytes()
        bundle = json.loads(whole)
        payload = support.statement(self.output("b"))
        payload["predicate"]["claims"][0]["upper"]["decimal"] = "0.5"
        forged = json.loads(support.forge(self.output("b"), payload, self.secret, self.folder).read_text())
        forged["dsseEnvelope"]["signatures"] = bundle["dsseEnvelope"]["signatures"]  # a changed payload under the old signature
        empty = support.forge(self.output("b"), {"_type": "https://in-toto.io/Statement/v1"}, self.secret, self.folder).read_bytes()
        compact = json.dumps(forged, separators=(",", ":")).encode()
        for content in (whole[:len(whole) // 2], b"", compact, empty):
            self.write("b.lipcert.sigstore.json", content)
            with self.subTest(content=content[:20]):
                # json.dumps of `empty` has blanks that no certificate of ours begins with: that file is not taken for one, and stays
                if content == empty:
                    report = self.renew(code=2)
                    self.assertEqual(self.states(report)["b"], ("failed", ["damaged"]))
                    self.assertEqual(self.output("b").read_bytes(), empty)
                    continue
                self.before = self.marks()
                self.only("b", ["damaged"])

    def test_records(self):
        records = next(self.folder.glob("*.records"))
        kept = records.read_bytes()
        records.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        self.assertEqual(self.states(self.renew())["digits"], ("renewed", ["records"]))
        self.accepted("digits")
        next(self.folder.glob("*.records")).unlink()
        self.assertEqual(self.states(self.renew())["digits"], ("renewed", ["records"]))
        self.accepted("digits")

    def test_one_failure_stops_nobody(self):
        self.write("a.onnx", b"\x00")
        self.write("b.onnx", support.dense([[[2, 0], [0, 3]], [[1, 1]]]))
        report = self.renew(code=3)
        states = self.states(report)
        self.assertEqual((states["a"][0], states["b"], states["digits"][0]), ("failed", ("renewed", ["model"]), "unchanged"))
        self.assertIn("a.onnx", report["entries"][0]["error"])
        self.assertEqual(self.marks()["a.lipcert.sigstore.json"], self.before["a.lipcert.sigstore.json"])
        self.assertEqual(report["exitCode"], 3)

    def test_data_that_are_met_as_by_guessing(self):
        """What cannot be made leaves the old certificate and no records."""
        lines = (self.folder / "digits.csv").read_text().splitlines()
        self.write("digits.csv", "\n".join(",".join(l.split(",")[:-1] + ["0"]) for l in lines) + "\n")
        report = self.renew(code=3)
        self.assertEqual(self.states(report)["digits"][0], "failed")
        self.assertIn("allow-low-accuracy", report["entries"][2]["error"])
        self.assertEqual(self.marks(), self.before)

    def test_a_key_is_missing(self):
        self.assertEqual(self.renew(keys=[])["unchanged"], 3)
        self.output("a").unlink()
        report = self.renew(keys=[], code=2)
        self.assertEqual(self.states(report)["a"], ("failed", ["missing"]))
        self.assertIn("--key release=FILE", report["entries"][0]["error"])
        self.assertFalse(self.output("a").exists())
        self.assertEqual(self.states(self.renew("--dry-run", keys=[]))["a"], ("to renew", ["missing"]))

    def test_key_from_the_environment(self):
        self.output("a").unlink()
        env = renewal.at(START)
        env["SIGNING"] = self.secret.read_text()
        self.lipcert("renew", self.folder / "m.json", "--key", "release=env:SIGNING", env=env)
        self.accepted("a")
        done = self.lipcert("renew", self.folder / "m.json", "--key", "release=env:NOT_SET", code=2)
        self.assertIn("NOT_SET", done.stderr)

    def test_parts(self):
        for name in ("a", "b", "digits"):
            self.output(name).unlink()
        self.assertEqual(list(self.states(self.renew("--part", "0/3"))), ["a"])
        self.assertEqual(list(self.states(self.renew("--only", "digits"))), ["digits"])
        self.assertEqual(self.states(self.renew()), {"a": ("unchanged", []), "b": ("renewed", ["missing"]), "digits": ("unchanged", [])})
        done = self.lipcert("renew", self.folder / "m.json", "--only", "c", code=2)
        self.assertIn("'c' is the name of no entry", done.stderr)
        self.lipcert("renew", self.folder / "m.json", "--part", "3/3", code=2)

    def test_the_job_array_of_the_examples(self):
        for name in ("a", "b", "digits"):
            self.output(name).unlink()
        script = support.ROOT / "examples" / "scale-out" / "slurm" / "renew.sh"
        for task in (2, 0):
            done = support.run(script, 3, self.folder / "m.json", "--key", f"release={self.secret}",
                               env={**renewal.at(START), "LIPCERT": LIPCERT, "SLURM_ARRAY_TASK_ID": str(task)})
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.states(self.renew()), {"a": ("unchanged", []), "b": ("renewed", ["missing"]), "digits": ("unchanged", [])})
        self.assertEqual(support.run(script, 3).returncode, 2)

    def test_same_bytes_however_many_jobs(self):
        payloads = {n: support.payload_bytes(self.output(n)) for n in ("a", "b", "digits")}
        for name in payloads:
            self.output(name).unlink()
        self.renew("--jobs", 3)
        self.assertEqual(payloads, {n: support.payload_bytes(self.output(n)) for n in payloads})

    def test_text(self):
        self.output("a").unlink()
        done = self.lipcert("renew", self.folder / "m.json", "--key", f"release={self.secret}", env=renewal.at(START))
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertIn("3 of 3 entries: 1 renewed, 2 unchanged, 0 failed", lines[-1])


class Kills(renewal.Case):
    def many(self, count):
        for i in range(count):
            shutil.copy(self.folder / "digits.onnx", self.folder / f"n{i}.onnx")
        self.manifest["entries"] = [{"name": f"n{i}", "model": f"n{i}.onnx", "output": f"n{i}.lipcert.sigstore.json"} for i in range(count)]
        self.save()

    def command(self):
        return [LIPCERT, "renew", str(self.folder / "m.json"), "--key", f"release={self.secret}", "--json"]

    def test_killed_and_resumed(self):
        self.many(12)
        running = subprocess.Popen(self.command(), env=renewal.at(START), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + 60
        while len(list(self.folder.glob("n*.lipcert.sigstore.json"))) < 3 and time.time() < deadline:
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
        self.assertEqual(running.wait(), -signal.SIGKILL)
        there = sorted(self.folder.glob("n*.lipcert.sigstore.json"))
        self.assertTrue(3 <= len(there) < 12, "the kill came too late to show anything")
        for path in there:  # whole, every one
            self.lipverify(path, "--model", self.folder / (path.name.split(".")[0] + ".onnx"), "--public-key", self.public, "--time", self.time(START))
        stood = self.marks()
        report = self.renew()
        self.assertEqual((report["unchanged"], report["renewed"]), (len(there), 12 - len(there)))
        for path in there:
            self.assertEqual(self.marks()[path.name], stood[path.name])

    def test_two_writers(self):
        self.many(8)
        both = [subprocess.Popen(self.command(), env=renewal.at(START), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        for process in both:
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
        self.assertEqual(self.renew()["unchanged"], 8)
        for i in range(8):
            self.lipverify(self.output(f"n{i}"), "--model", self.folder / f"n{i}.onnx", "--public-key", self.public, "--time", self.time(START))
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(".")], [])


if __name__ == "__main__":
    support.main()
