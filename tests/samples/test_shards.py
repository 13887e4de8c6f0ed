"""Shards: merged they are the certificate of one run, whatever was killed on the way; and nothing that does not fit together is merged."""

import os
import signal
import subprocess
import time

from sample_support import *


class Shards(Case):
    def setUp(self):
        super().setUp()
        self.private, self.public = self.key("ed25519")
        self.data = self.write("data.csv", csv(rows(101), [k % 10 for k in range(101)]))
        self.env = environment(SOURCE_DATE_EPOCH=1700000000)

    def shard(self, i, n, name=None, data=None, model=DIGITS, *options, **more):
        path = self.folder / (name or f"{i}of{n}.shard")
        done = self.lipcert("certify", model, "-o", path, "--data", data or self.data, "--label-column", "-1", "--shard", f"{i}/{n}", "--radii", "global", "--json", *options, **more)
        return path, json.loads(done.stdout)

    def merge(self, shards, *options, code=0, name="merged.json"):
        path = self.folder / name
        done = self.lipcert("merge", DIGITS, *shards, "--key", self.private, "-o", path, *options, env=self.env, code=code)
        return path, done

    def test_same_as_one_run(self):
        whole, _ = self.certify(DIGITS, self.private, "--data", self.data, "--label-column", "-1", "--eps", "0.1,1/5", "--allow-low-accuracy", env=self.env)
        for n in (1, 4, 7):
            shards = [self.shard(i, n)[0] for i in range(n)]
            merged, done = self.merge(reversed(shards), "--eps", "0.1,1/5", "--allow-low-accuracy", name=f"merged{n}.json")
            self.assertEqual(payload(merged), payload(whole))
            self.assertEqual(merged.read_bytes(), whole.read_bytes())
            self.assertIn("samples      101", done.stdout)
        check_counts(self, merged)

    def test_limit(self):
        shards = [self.shard(i, 3, None, None, DIGITS, "--limit", "50")[0] for i in range(3)]
        merged, _ = self.merge(shards, "--allow-low-accuracy")
        whole, _ = self.certify(DIGITS, self.private, "--data", self.data, "--label-column", "-1", "--limit", "50", "--allow-low-accuracy", env=self.env)
        self.assertEqual(payload(merged), payload(whole))

    def test_units_and_accuracy(self):
        """eps is counted when shards are merged, in the unit of a single run; and only all samples together show whether labels are met."""
        options = ("--scale", "1/2", "--std", "0.2,0.5")
        points = self.write("points.csv", csv(rows(30, 2), [k % 2 for k in range(30)]))
        plane = self.write("plane.onnx", dense([[[1, -1], [-1, 1]]]))
        shards = [self.shard(i, 2, None, points, plane, *options)[0] for i in range(2)]
        for name, unit in {"usual": (), "pixel": ("--eps-unit", "pixel"), "graph": ("--eps-unit", "graph")}.items():
            merged = self.folder / f"{name}.json"
            self.lipcert("merge", plane, *shards, "--key", self.private, "-o", merged, "--eps", "1,3", *unit, "--allow-low-accuracy", env=self.env)
            whole, _ = self.certify(plane, self.private, "--data", points, "--label-column", "-1", *options, "--eps", "1,3", *unit, "--allow-low-accuracy",
                                    env=self.env)
            self.assertEqual(payload(merged), payload(whole))
            check_counts(self, merged)
        counts = [claims(self.folder / f"{name}.json")["sample-radii"]["counts"] for name in ("usual", "pixel", "graph")]
        self.assertEqual(counts[0], counts[1])
        self.assertNotEqual(counts[0], counts[2])
        done = self.lipcert("merge", plane, *shards, "--key", self.private, "-o", self.folder / "low.json", code=3)
        self.assertIn("--allow-low-accuracy", done.stderr)
        self.assertFalse((self.folder / "low.json").exists())
        for option in (("--eps-unit", "graph"), ("--allow-low-accuracy",)):
            done = self.lipcert("certify", plane, "-o", self.folder / "x.shard", "--data", points, "--label-column", "-1", "--shard", "0/2", *option, code=2)
            self.assertIn("lipcert merge", done.stderr)

    def test_repeated_and_resumed(self):
        path, first = self.shard(1, 3)
        self.assertEqual((first["first"], first["count"], first["reused"]), (33, 34, False))
        content, when = path.read_bytes(), path.stat().st_mtime_ns
        _, again = self.shard(1, 3)
        self.assertTrue(again["reused"])
        self.assertEqual((path.read_bytes(), path.stat().st_mtime_ns), (content, when))
        # Half a shard, or another run's, is not taken for a result.
        path.write_bytes(content[:-20])
        self.lipcert("certify", DIGITS, "-o", path, "--data", self.data, "--label-column", "-1", "--shard", "1/3", code=2)
        other = self.write("other.csv", csv(rows(101, seed=2), [1] * 101))
        path.write_bytes(content)
        self.lipcert("certify", DIGITS, "-o", path, "--data", other, "--label-column", "-1", "--shard", "1/3", code=2)
        path.unlink()
        self.shard(1, 3)
        self.assertEqual(path.read_bytes(), content)

    def test_killed(self):
        """Killed at any moment, a shard leaves nothing that looks like a result, and running it again gives the bytes of an undisturbed run."""
        count = 20000
        big = self.write("big.csv", csv(rows(200)) * (count // 200))
        command = [LIPCERT, "certify", str(DIGITS), "-o", str(self.folder / "k.shard"), "--data", str(big), "--shard", "0/1"]
        killed = 0
        for delay in (0.05, 0.2, 0.5, 1.0):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            if process.wait() == -signal.SIGKILL:
                killed += 1
                self.assertFalse((self.folder / "k.shard").exists())
        self.assertGreater(killed, 0)
        self.assertEqual(subprocess.run(command, stdout=subprocess.DEVNULL).returncode, 0)
        content = (self.folder / "k.shard").read_bytes()
        (self.folder / "k.shard").unlink()
        self.assertEqual(subprocess.run(command, stdout=subprocess.DEVNULL).returncode, 0)
        self.assertEqual((self.folder / "k.shard").read_bytes(), content)

    def test_refusals(self):
        shards = [self.shard(i, 3)[0] for i in range(3)]

        def refuse(paths, *says, code=3, options=()):
            before = sorted(p.name for p in self.folder.iterdir())
            _, done = self.merge(paths, *options, code=code)
            for part in says:
                self.assertIn(part, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertEqual(before, sorted(p.name for p in self.folder.iterdir()))

        refuse(shards[:2], "gap", "shard 2 of 3")
        refuse(shards + [shards[1]], "overlaps")
        refuse([shards[0], shards[1], self.shard(1, 2)[0]], "division into 2")
        other = self.write("other.csv", csv(rows(101, seed=2), [1] * 101))
        refuse([shards[0], shards[1], self.shard(2, 3, "o.shard", other)[0]], "other data")
        refuse([shards[0], shards[1], self.shard(2, 3, "s.shard", None, DIGITS, "--scale", "1/2")[0]], "scaling")
        refuse([shards[0], shards[1], self.shard(2, 3, "l.shard", None, DIGITS, "--limit", "60")[0]], "limit")
        refuse([shards[0], shards[1], self.data])
        refuse(shards, "ascending", code=2, options=("--eps", "2,1"))

        def altered(change, name):
            json_text = json.loads(shards[2].read_text())
            change(json_text)
            del json_text["sha256"]  # by somebody who knows how shards are made
            json_text["sha256"] = sha256(json.dumps(json_text, separators=(",", ":")).encode())
            return self.write(name, json.dumps(json_text, separators=(",", ":")))

        refuse([shards[0], shards[1], altered(lambda s: s.update(model="0" * 64), "m.shard")], "another model")
        refuse([shards[0], shards[1], altered(lambda s: s.update(graphDigest="0" * 64), "g.shard")], "another model")
        refuse([shards[0], shards[1], altered(lambda s: s.update(configuration="0" * 64), "c.shard")], "bounds")
        refuse([shards[0], shards[1], altered(lambda s: s.update(first=s["first"] - 1), "f.shard")], "order")
        refuse([shards[0], shards[1], altered(lambda s: s.update(count=s["count"] - 1), "n.shard")], "records")
        refuse([altered(lambda s: s["data"].update(samples=10), f"d{i}.shard") for i in range(3)][:1], "gap")

    def test_no_key(self):
        done = self.lipcert("merge", DIGITS, self.shard(0, 1)[0], "-o", self.folder / "m.json", code=2)
        self.assertIn("--key", done.stderr)


if __name__ == "__main__":
    main()
