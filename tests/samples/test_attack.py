"""The falsifier from outside: an honest certificate stands, a forged radius is refuted with exit code 1."""

import base64
import shutil

from sample_support import *


class Attack(Case):
    def setUp(self):
        super().setUp()
        self.private, self.public = self.key()
        self.data = self.write("data.csv", csv(rows(24)))

    def attack(self, *options, code=0):
        return json.loads(self.lipcert("attack", DIGITS, "--data", self.data, "--json", *options, code=code).stdout)

    def test_honest_certificate(self):
        path, _ = self.certify(DIGITS, self.private, "--data", self.data)
        out = self.attack("--certificate", path, "--list", "24")
        self.assertEqual(out["refuted"], 0)
        self.assertEqual(out["attacked"], 24 - claims(path)["sample-radii"]["undecided"])
        self.assertEqual(out["flipped"], out["attacked"])
        self.assertTrue(0 < out["largestRatio"] < 1, out)
        radius = {r[0]: r[4] for r in records(path)}
        for flip in out["flips"]:
            self.assertGreaterEqual(flip["distance"], radius[flip["index"]])
        # Deterministic, whatever the number of threads.
        again = self.attack("--certificate", path, "--list", "24", "--threads", "3")
        self.assertEqual(out["flips"], again["flips"])
        # Without a certificate the flips are the same.
        alone = self.attack("--list", "24")
        self.assertEqual({f["index"]: f["distance"] for f in alone["flips"]}, {f["index"]: f["distance"] for f in out["flips"]})

    def test_units(self):
        """With one deviation a scaled pixel is a fixed part of the graph's unit; with several, each flip has its own length in either."""
        def flips(certificate, data, model, *options):
            done = self.lipcert("attack", model, "--data", data, "--certificate", certificate, "--json", "--list", "24", *options)
            out = json.loads(done.stdout)
            self.assertEqual(out["refuted"], 0)
            return out, {f["index"]: f for f in out["flips"]}

        path, _ = self.certify(DIGITS, self.private, "--data", self.data, "--std", "-0.2")
        out, pixel = flips(path, self.data, DIGITS)
        self.assertEqual(out["unit"], "scaled pixel")
        out, graph = flips(path, self.data, DIGITS, "--eps-unit", "graph")
        self.assertEqual(out["unit"], "graph input")
        self.assertEqual(sorted(pixel), sorted(graph))
        radius = {r[0]: r[4] for r in records(path)}
        for index, flip in graph.items():
            self.assertEqual(flip["radius"], radius[index])
            for what in ("distance", "radius"):
                self.assertLess(abs(pixel[index][what] - 0.2 * flip[what]), 1e-9 * flip[what])
            self.assertLessEqual(Fraction(pixel[index]["radius"]), Fraction(radius[index]) / 5)
        text = self.lipcert("attack", DIGITS, "--data", self.data, "--certificate", path).stdout
        self.assertIn("distances and radii in scaled pixels", text)
        # f(x) = x_1 + x_2 with deviations 1/5 and 2: the nearest flip in the graph's input moves both entries alike.
        plane = self.write("plane.onnx", dense([[[1, 1]]]))
        points = self.write("plane.csv", csv(rows(8, 2, seed=4)))
        path, _ = self.certify(plane, self.private, "--data", points, "--std", "1/5,2", "--mean", "8", name="plane.json")
        _, pixel = flips(path, points, plane)
        _, graph = flips(path, points, plane, "--eps-unit", "graph")
        for index, flip in graph.items():
            self.assertAlmostEqual(pixel[index]["distance"] / flip["distance"], math.sqrt((0.2**2 + 2**2) / 2), places=4)
            self.assertAlmostEqual(pixel[index]["radius"], 0.2 * flip["radius"])

    def test_forged_radius(self):
        path, _ = self.certify(DIGITS, self.private, "--data", self.data)
        nearest = {f["index"]: f["distance"] for f in self.attack("--certificate", path, "--list", "24")["flips"]}
        member = claims(path)["sample-radii"]["records"]
        content = bytearray((self.folder / member["file"]).read_bytes())
        victim = next(iter(nearest))
        struct.pack_into("<d", content, 32 * victim + 24, nearest[victim] * 1.001)
        self.forge(path, bytes(content))
        out = self.attack("--certificate", path, code=1)
        self.assertEqual(out["refuted"], 1)
        self.assertEqual(out["flips"][0]["index"], victim)
        text = self.lipcert("attack", DIGITS, "--data", self.data, "--certificate", path, code=1).stdout
        self.assertIn("REFUTED", text)
        # A wrong class is a flip at distance zero.
        wrong = bytearray(content)
        struct.pack_into("<d", wrong, 32 * victim + 24, 1e-9)
        struct.pack_into("<I", wrong, 32 * victim + 8, (struct.unpack_from("<I", wrong, 32 * victim + 8)[0] + 1) % 10)
        self.forge(path, bytes(wrong))
        self.assertEqual(self.attack("--certificate", path, code=1)["refuted"], 1)

    def forge(self, path, content):
        """Other records under the same certificate; its signature no longer holds, which the attack does not look at."""
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / (digest + ".lipcert.records")).write_bytes(content)
        bundle = json.loads(path.read_text())
        statement = payload(path)
        for claim in statement["predicate"]["claims"]:
            if claim["kind"] == "sample-radii":
                claim["records"].update(file=digest + ".lipcert.records", sha256=digest)
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        path.write_text(json.dumps(bundle))

    def test_refusals(self):
        path, _ = self.certify(DIGITS, self.private, "--data", self.data)
        plain, _ = self.certify(DIGITS, self.private, name="plain.json")

        def refuse(*arguments, code=3, says=""):
            done = self.lipcert("attack", *arguments, code=code)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

        refuse(DIGITS, "--data", self.data, "--certificate", plain, says="nothing about samples")
        refuse(DIGITS, "--data", self.write("o.csv", csv(rows(24, seed=3))), "--certificate", path, says="not the data")
        refuse(DIGITS, "--data", self.data, "--certificate", path, "--scale", "1/2", code=2, says="leave those options out")
        refuse(DIGITS, "--data", self.data, "--certificate", self.data)
        refuse(DIGITS, code=2, says="--data")
        copy = self.folder / "copy.onnx"
        copy.write_bytes(DIGITS.read_bytes() + b"\x12\x01x")  # producer_name
        refuse(copy, "--data", self.data, "--certificate", path)
        moved = self.folder / "elsewhere"
        moved.mkdir()
        shutil.copy(path, moved / "cert.json")
        refuse(DIGITS, "--data", self.data, "--certificate", moved / "cert.json", says=".lipcert.records")


if __name__ == "__main__":
    main()
