"""Local radii from outside (formats/SPEC.md, section 9): records and evidence against their digests, never below the global radii, accepted by the checker, refuted by no
attack and by no grid; and forged ones rejected: a larger radius, another sample's evidence, a swapped class, slopes and multipliers that are changed."""

import random
import unittest

from sample_support import *


def local_records(certificate):
    """[(index, class, label, margin, radius, rule, evidence bytes)], after checking both side files against the claim."""
    claim = claims(certificate)["sample-radii"]
    content = (certificate.parent / claim["records"]["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == claim["records"]["sha256"] and len(content) == claim["records"]["bytes"] == 40 * claim["total"]
    assert merkle([content[k:k + 40] for k in range(0, len(content), 40)]).hex() == claim["records"]["merkleRoot"]
    rows_ = list(struct.iter_unpack("<QIIddII", content))
    told = claim["evidence"].get("local")
    proof = (certificate.parent / told["file"]).read_bytes() if told else b""
    assert len(proof) == sum(r[6] for r in rows_)
    parts, at = [], 0
    for row in rows_:
        parts.append(proof[at:at + row[6]])
        at += row[6]
    if told:
        assert hashlib.sha256(proof).hexdigest() == told["sha256"] and len(proof) == told["bytes"] > 0
        assert merkle(parts).hex() == told["merkleRoot"]
    return [(*row[:6], part) for row, part in zip(rows_, parts)]


def write_records(case, certificate, rows_, name, change=None):
    """The certificate with these records and their evidence, every digest and count as it should be, properly signed."""
    statement = payload(certificate)
    claim = next(c for c in statement["predicate"]["claims"] if c["kind"] == "sample-radii")
    leaves = [struct.pack("<QIIddII", *r[:6], len(r[6])) for r in rows_]
    content, proof = b"".join(leaves), b"".join(r[6] for r in rows_)
    digest = hashlib.sha256(content).hexdigest()
    folder = case.folder / name
    folder.mkdir()
    (folder / f"{digest}.lipcert.records").write_bytes(content)
    claim["records"] = {"file": f"{digest}.lipcert.records", "bytes": len(content), "sha256": digest, "merkleRoot": merkle(leaves).hex()}
    claim["evidence"] = {"theorem": "layer-dual"}
    if proof:
        digest = hashlib.sha256(proof).hexdigest()
        (folder / f"{digest}.lipcert.local").write_bytes(proof)
        claim["evidence"]["local"] = {"file": f"{digest}.lipcert.local", "bytes": len(proof), "sha256": digest, "merkleRoot": merkle([r[6] for r in rows_]).hex()}
    unit = min(abs(Fraction(std)) for std in claim["data"]["std"]) if claim.get("epsUnit") == "scaled pixel" else 1
    for count in claim["counts"]:
        robust = [r for r in rows_ if math.isinf(r[4]) or Fraction(r[4]) * unit > Fraction(count["eps"])]
        count.update(certified=len(robust), certifiedCorrect=sum(r[1] == r[2] for r in robust))
    if change:
        change(claim)
    return forge(certificate, statement, case.private, folder)


class Local(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.private, self.public = self.key()
        self.data = self.write("data.csv", csv(rows(12 if SANITIZED else 40, seed=5)))

    def made(self, *options, network=DIGITS, data=None, name="cert.json"):
        return self.certify(network, self.private, "--data", data or self.data, *options, name=name)

    def check(self, certificate, code=0, network=DIGITS, data=None, more=()):
        return self.lipverify(certificate, "--model", network, "--public-key", self.public, "--data", data or self.data, *more, code=code)

    def test_better_than_global(self):
        before, _ = self.made("--radii", "global", name="global.json")
        path, out = self.made("--radii", "local")
        old, new = records(before), local_records(path)
        self.assertEqual([r[:4] for r in old], [r[:4] for r in new])
        self.assertTrue(all(r[4] >= o[4] for o, r in zip(old, new)))
        for o, r in zip(old, new):
            self.assertIn(r[5], (0, 1))
            self.assertTrue(r[5] == 1 or r[4] == o[4])
        local = [r for r in new if r[5] == 1]
        self.assertGreater(len(local), len(new) // 2)
        self.assertTrue(all(len(r[6]) < 100000 for r in new))
        ratios = sorted(r[4] / o[4] for o, r in zip(old, new) if o[4] > 0)
        print(f"local radii: {len(local)} of {len(new)}, median {ratios[len(ratios) // 2]:.2f} of the global ones, largest {ratios[-1]:.2f}")
        self.assertGreater(ratios[len(ratios) // 2], 1.3)
        self.assertEqual((out["samples"]["radii"], out["samples"]["local"]), ("layer-dual", len(local)))
        done = self.check(path)
        self.assertTrue(done.stdout.startswith("accepted"), done.stdout)
        self.check(path, code=5, more=("--audit", "7"))
        attack = self.lipcert("attack", DIGITS, "--data", self.data, "--certificate", path, "--json")
        report = json.loads(attack.stdout)
        self.assertEqual(report["refuted"], 0)
        self.assertLessEqual(report["largestRatio"], 1)

    @unittest.skipIf(SANITIZED, "the same code as in the other tests")
    def test_decided_at_eps(self):
        """With --eps a radius is found out at those numbers only: the counts are the same as those of radii to 1 %, but for samples within 1 % of them."""
        path, _ = self.made("--radii", "local", "--eps", "0.5,1,2", name="eps.json")
        exact, _ = self.made("--radii", "local", name="exact.json")
        wanted = [math.nextafter(float(Fraction(e)), math.inf) for e in ("0.5", "1", "2")]
        decided, free = local_records(path), local_records(exact)
        for d, f in zip(decided, free):
            if d[5] == 1:
                self.assertTrue(any(abs(d[4] - w) < 1e-12 for w in wanted), d[4])
            for w in wanted:
                if not 0.98 * w < f[4] < 1.02 * w:
                    self.assertEqual(d[4] >= w, f[4] >= w, (d, f, w))
        self.check(path)

    @unittest.skipIf(SANITIZED, "the same code as in the other tests")
    def test_same_bytes(self):
        one, _ = self.made("--radii", "local", "--threads", "1", name="one.json")
        two, _ = self.made("--radii", "local", "--threads", "3", name="two.json")
        self.assertEqual(local_records(one), local_records(two))

    def test_forgeries(self):
        path, _ = self.made("--radii", "local", "--eps", "0.5")
        exact, _ = self.made("--radii", "local", name="exact.json")
        good = local_records(exact)
        self.check(write_records(self, exact, good, "same"))
        with_proof = [k for k, r in enumerate(good) if r[6]]
        self.assertGreater(len(with_proof), 2)
        k = with_proof[0]

        def rejected(name, rows_, change=None, says=None):
            done = self.check(write_records(self, exact, rows_, name, change), code=1)
            self.assertTrue(done.stdout.startswith("rejected"), done.stdout)
            if says:
                self.assertIn(says, done.stdout + done.stderr)

        def with_row(at, **members):
            names = ("index", "predicted", "label", "margin", "radius", "rule", "evidence")
            return [tuple(members.get(n, v) for n, v in zip(names, r)) if i == at else r for i, r in enumerate(good)]
        rejected("larger", with_row(k, radius=good[k][4] * 1.05))
        rejected("much larger", with_row(k, radius=good[k][4] * 50))
        rejected("infinite", with_row(k, radius=math.inf))
        rejected("no proof", with_row(k, evidence=b""))
        rejected("global rule", with_row(k, rule=0, evidence=b""))
        rejected("another rule", with_row(k, rule=2))
        rejected("cut", with_row(k, evidence=good[k][6][:-1]))
        rejected("longer", with_row(k, evidence=good[k][6] + b"\0"))
        rejected("another class", with_row(k, predicted=(good[k][1] + 1) % 10))
        other = with_proof[1]
        self.assertNotEqual(good[k][6], good[other][6])
        rejected("another sample", with_row(k, evidence=good[other][6]))
        rejected("another order", [good[1], good[0], *good[2:]])
        rejected("no file", good, lambda c: c["evidence"].pop("local"))
        rejected("other theorem", good, lambda c: c["evidence"].update(theorem="margin-over-lipschitz"))
        rejected("range", good, lambda c: c.update(inputRange={"low": "0", "high": "16"}))
        # A changed byte of the evidence is a rejection, or proves the same radius another way: then it is right, whoever wrote it.
        chance = random.Random(3)
        outcomes = {0: 0, 1: 0}
        for turn in range(8 if SANITIZED else 24):
            bad = bytearray(good[k][6])
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            certificate = write_records(self, exact, with_row(k, evidence=bytes(bad)), f"flip{turn}")
            done = run(LIPVERIFY, certificate, "--model", DIGITS, "--public-key", self.public, "--data", self.data)
            self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
            outcomes[done.returncode] += 1
        print("one bit of the evidence changed:", outcomes)
        self.assertGreater(outcomes[1], 0)
        # What is smaller needs no new proof, and the claim of the other file is untouched.
        self.check(write_records(self, exact, with_row(k, radius=good[k][4] * 0.5), "smaller"))
        self.check(path)

    def test_range(self):
        path, out = self.made("--radii", "local", "--input-range", "0,16", name="range.json")
        free, _ = self.made("--radii", "local", name="free.json")
        claim = claims(path)["sample-radii"]
        self.assertEqual(claim["inputRange"], {"low": "0", "high": "16"})
        self.assertIn("with 0 <= y std_c + mean_c <= 16 in every entry", claim["formula"])
        self.assertEqual(out["samples"]["inputRange"], {"low": "0", "high": "16"})
        done = self.check(path)
        self.assertIn("0 <= y std_c + mean_c <= 16", done.stdout)
        better = sum(r[4] > 1.05 * f[4] for r, f in zip(local_records(path), local_records(free)))
        self.assertGreater(better, 0 if SANITIZED else 4)
        # Radii that hold in the range only are no radii without it.
        done = self.check(write_records(self, free, local_records(path), "outside"), code=1)
        report = json.loads(self.lipcert("attack", DIGITS, "--data", self.data, "--certificate", path, "--json").stdout)
        self.assertEqual((report["refuted"], report["inputRange"]), (0, {"low": "0", "high": "16"}))
        self.lipcert("certify", DIGITS, "--key", self.private, "-o", self.folder / "x.json", "--data", self.data, "--radii", "global", "--input-range", "0,16", code=2)
        self.lipcert("certify", DIGITS, "--key", self.private, "-o", self.folder / "x.json", "--data", self.data, "--input-range", "1,0", code=2)

    @unittest.skipIf(SANITIZED, "the same code as in the other tests")
    def test_shards(self):
        """Shards and their merge give the bytes of one run."""
        for options in ((), ("--eps", "0.5,1")):
            whole, _ = self.made("--radii", "local", *options, name="whole.json")
            shards = []
            for part in range(3):
                shard = self.folder / f"shard{part}"
                self.lipcert("certify", DIGITS, "-o", shard, "--data", self.data, "--radii", "local", "--shard", f"{part}/3", "--force", *options)
                shards.append(shard)
            merged = self.folder / "merged.json"
            self.lipcert("merge", DIGITS, *shards, "--key", self.private, "-o", merged, "--force", *options)
            self.assertEqual(local_records(whole), local_records(merged))
            self.assertEqual(claims(whole)["sample-radii"], claims(merged)["sample-radii"])
            self.check(merged)
        self.lipcert("merge", DIGITS, *shards, "--key", self.private, "-o", merged, "--force", "--eps", "0.3", code=2)
        other = self.folder / "other"
        self.lipcert("certify", DIGITS, "-o", other, "--data", self.data, "--radii", "local", "--shard", "0/3", "--input-range", "0,16", *options)
        self.lipcert("merge", DIGITS, other, *shards[1:], "--key", self.private, "-o", merged, "--force", *options, code=3)

    def test_grid_of_the_ball(self):
        """Networks with two inputs: every certified ball is sampled densely, its rim included, in integers."""
        chance = random.Random(7)
        for turn in range(1 if SANITIZED else 4):
            hidden = 6 + 4 * turn
            weights = [[[chance.randrange(-64, 65) / 32 for _ in range(2)] for _ in range(hidden)],
                       [[chance.randrange(-64, 65) / 32 for _ in range(hidden)] for _ in range(hidden)],
                       [[chance.randrange(-64, 65) / 32 for _ in range(hidden)] for _ in range(3)]]
            network = self.write(f"net{turn}.onnx", dense(weights))
            whole = [[[round(32 * w) for w in row] for row in layer] for layer in weights]
            points = [[chance.randrange(-64, 65) / 16 for _ in range(2)] for _ in range(16)]
            data = self.write(f"points{turn}.csv", csv(points))
            path, _ = self.certify(network, self.private, "--data", data, "--radii", "local", name=f"net{turn}.json")
            self.check(path, network=network, data=data)
            local = 0
            for point, record in zip(points, local_records(path)):
                _, c, _, _, radius, rule, _ = record
                if c == NONE or math.isinf(radius):
                    continue
                local += rule
                for a in range(72):
                    for share in (0.25, 0.5, 0.75, 0.9, 0.99, 1 - 2**-30):
                        y = [round((p + share * radius * turned(a * math.pi / 36)) * 2**40) for p, turned in zip(point, (math.cos, math.sin))]
                        for layer in whole[:-1]:
                            y = [max(0, sum(w * v for w, v in zip(row, y))) for row in layer]
                        f = [sum(w * v for w, v in zip(row, y)) for row in whole[-1]]
                        self.assertTrue(all(f[c] > f[j] for j in range(3) if j != c), (turn, point, radius, a, share, f))
            self.assertGreater(local, 3)


if __name__ == "__main__":
    main()
