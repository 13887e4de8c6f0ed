"""Certified radii from outside: the claim against its records, formats that hold the same samples, and one sentence for every kind of bad data."""

import unittest

from sample_support import *


class Samples(Case):
    def certify_data(self, *options, name="cert.json"):
        if not hasattr(self, "private"):
            self.private, self.public = self.key()
        return self.certify(DIGITS, self.private, *options, name=name)

    def refuse(self, *options, code=3, says=()):
        """Certification is refused with one sentence, and nothing is left behind."""
        if not hasattr(self, "private"):
            self.private, self.public = self.key()
        before = sorted(p.name for p in self.folder.rglob("*"))
        done = self.lipcert("certify", DIGITS, "--key", self.private, "-o", self.folder / "refused.json", *options, code=code)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("lipcert: error: "), done.stderr)
        for part in says:
            self.assertIn(part, done.stderr)
        self.assertEqual(before, sorted(p.name for p in self.folder.rglob("*")))

    def test_claim(self):
        labels = [k % 10 for k in range(300)]
        data = self.write("data.csv", csv(rows(300), labels))
        path, out = self.certify_data("--data", data, "--label-column", "-1", "--eps", "0,0.05,36/255,1", "--allow-low-accuracy")
        claim, all_records = check_counts(self, path)
        self.assertEqual(list(claim), ["id", "kind", "formula", "data", "selection", "total", "correct", "undecided", "labelled", "counts", "records",
                                       "evidence"])
        self.assertEqual(list(claim["data"]), ["format", "files", "samples", "layout", "scale", "mean", "std", "labelColumn"])
        self.assertEqual(claim["data"]["files"], [{"role": "samples", "name": "data.csv", "bytes": data.stat().st_size,
                                                   "sha256": hashlib.sha256(data.read_bytes()).hexdigest()}])
        self.assertEqual(claim["data"]["labelColumn"], 64)
        self.assertEqual([r[2] for r in all_records], labels)
        self.assertEqual(out["samples"]["total"], 300)
        self.assertEqual(out["samples"]["correct"], claim["correct"])
        self.assertEqual([{"eps": e["eps"], "certified": e["certified"], "certifiedCorrect": e["certified_correct"]} for e in out["samples"]["eps"]],
                         claim["counts"])
        # r <= margin / L_cj for the nearest rival: at most margin over the smallest pair constant of the class.
        pairs = claims(path)["pair-lipschitz"]["upper"]["exact"]
        place = {}
        for k, (i, j) in enumerate((i, j) for i in range(10) for j in range(i + 1, 10)):
            place[i, j] = place[j, i] = Fraction(float.fromhex(pairs[k]))
        self.assertTrue(any(r[4] > 0 for r in all_records))
        for _, c, _, margin, radius in all_records:
            if c != NONE:
                self.assertTrue(any(Fraction(radius) * place[c, j] >= Fraction(margin) * (1 - Fraction(1, 2**40)) for j in range(10) if j != c) or radius > 0)
                self.assertTrue(Fraction(radius) * max(place[c, j] for j in range(10) if j != c) >= Fraction(margin) * (1 - Fraction(1, 2**40)))
        # The claim is about real arithmetic, and the certificate says what that leaves open.
        predicate = payload(path)["predicate"]
        self.assertEqual(predicate["semantics"]["arithmetic"], "real")
        self.assertTrue(any("loating-point inference" in sentence for sentence in predicate["notCovered"]))

    def test_schema(self):
        import copy
        import jsonschema
        schema = json.loads((ROOT / "formats" / "certificate.schema.json").read_text())
        validator = jsonschema.validators.validator_for(schema)(schema)
        data = self.write("data.csv", csv(rows(12), [1] * 12))
        path, _ = self.certify_data("--data", data, "--label-column", "-1", "--eps", "1e-2,36/255", "--mean", "-0.5", "--std", "1e1")
        good = payload(path)
        self.assertEqual([e.message for e in validator.iter_errors(good)], [])

        def invalid(change):
            statement = copy.deepcopy(good)
            change(next(c for c in statement["predicate"]["claims"] if c["kind"] == "sample-radii"))
            self.assertFalse(validator.is_valid(statement))
        invalid(lambda c: c.pop("total"))
        invalid(lambda c: c.update(extra=1))
        invalid(lambda c: c["data"].update(layout="WHCN"))
        invalid(lambda c: c["data"].update(scale="0x1p+0"))
        invalid(lambda c: c["counts"][0].update(eps="-1"))
        invalid(lambda c: c["records"].update(file="../x"))
        invalid(lambda c: c.update(formula="all is well"))
        invalid(lambda c: c.update(epsUnit="pixel"))
        invalid(lambda c: c["data"].update(arrayLayout="NCHW"))
        invalid(lambda c: c["data"].update(imageShape=[1, 8]))

    @unittest.skipUnless(LIPVERIFY, "lipverify is not built")
    def test_checker_accepts(self):
        """The integer checker accepts whatever is claimed, without any tolerance: multi-class, one output, sigmoids, real and decimal data."""
        self.private, self.public = self.key()
        labels = [k % 2 for k in range(40)]
        plane = dense([[[0.5, -1.25, 2], [1, 1, 1]], [[1, -0.75]]])
        linear = dense([[[0.5, -1.25, 2]]])
        sigmoid = model([node("MatMul", ["x", "W"], "a"), node("Sigmoid", ["a"], "y")], [tensor("W", (3, 2), [1, -2, 0.5, 0.25, 3, -1])], (1, 3), (1, 2))
        small = self.write("small.csv", csv([[v / 7 for v in s] for s in rows(40, 3)], labels))
        for name, content in {"plane": plane, "linear": linear, "sigmoid": sigmoid}.items():
            network = self.write(name + ".onnx", content)
            path, _ = self.certify(network, self.private, "--data", small, "--label-column", "-1", "--mean", "0.1,1/3,2", "--std", "1,3,0.7", "--eps", "0.01",
                                   "--allow-low-accuracy", name=name + ".json")
            self.lipverify(path, "--model", network, "--public-key", self.public, "--data", small)
        data = self.write("data.csv", csv(rows(60), [k % 10 for k in range(60)]))
        path, _ = self.certify_data("--data", data, "--label-column", "-1", "--scale", "1/3", "--eps", "0.1", "--allow-low-accuracy")
        self.lipverify(path, "--model", DIGITS, "--public-key", self.public, "--data", data)
        done = self.lipverify(path, "--model", DIGITS, "--public-key", self.public, "--data", data, "--audit", "5", code=5)
        self.assertTrue(done.stdout.startswith("accepted in part  "), done.stdout)
        self.lipverify(path, "--model", DIGITS, "--public-key", self.public, "--data", data, "--audit", "60")  # all of them

    @unittest.skipUnless(LIPVERIFY, "lipverify is not built")
    def test_samples_that_nobody_recomputed(self):
        """Radii forged to 1e9, with records, digests and counts that fit, signed with the right key: without the data nobody can see it, so there is no
        acceptance without them; who leaves the samples out by name is told so by word and exit code."""
        data = self.write("data.csv", csv(rows(12)))
        path, _ = self.certify_data("--data", data, "--eps", "1")
        check = [path, "--model", DIGITS, "--public-key", self.public]

        def report(certificate, *options, code):
            done = self.lipverify(certificate, *check[1:], *options, "--json", code=code)
            out = json.loads(done.stdout)
            self.assertEqual(out["exitCode"], code)
            return out
        statement = payload(path)
        claim = statement["predicate"]["claims"][-1]
        content = b"".join(struct.pack("<QIIdd", *r[:4], 1e9) for r in records(path))
        digest = hashlib.sha256(content).hexdigest()
        self.write(digest + ".lipcert.records", content)
        claim["records"].update(file=digest + ".lipcert.records", sha256=digest, merkleRoot=merkle([content[k:k + 32] for k in range(0, len(content), 32)]).hex())
        claim["counts"][0].update(certified=12)
        forged = forge(path, statement, self.private, self.folder)
        for certificate in (path, forged):
            out = report(certificate, code=2)
            self.assertEqual(out["verdict"], "error")
            self.assertIn("--data", out["error"])
            self.assertIn("--no-samples", out["error"])
            out = report(certificate, "--no-samples", code=5)
            self.assertEqual((out["verdict"], out["claimsNotRechecked"], out["error"]), ("accepted in part", ["sample-radii"], None))
            text = self.lipverify(certificate, *check[1:], "--no-samples", code=5).stdout
            self.assertRegex(text, "(?m)^accepted in part  .*samples NOT RECHECKED")
            self.assertRegex(text, "(?m)^claimed     for every selected sample")
        out = report(path, "--data", data, code=0)
        self.assertEqual((out["verdict"], out["claimsNotRechecked"]), ("accepted", []))
        for k in (1, 11):
            out = report(path, "--data", data, "--audit", k, code=5)
            self.assertEqual((out["verdict"], out["claimsNotRechecked"]), ("accepted in part", ["sample-radii"]))
        self.assertEqual(report(path, "--data", data, "--audit", 12, code=0)["verdict"], "accepted")
        self.assertEqual(report(path, "--data", data, "--audit", 1000, code=0)["verdict"], "accepted")
        for options in (["--data", data], ["--data", data, "--audit", 1]):
            self.assertEqual(report(forged, *options, code=1)["verdict"], "rejected")
        for options in (["--data", data], ["--labels", data], ["--data", data, "--audit", 1]):
            report(path, "--no-samples", *options, code=2)
        # Records that do not fit are a rejection, whoever looks at samples.
        (self.folder / (digest + ".lipcert.records")).write_bytes(content[:-1] + b"\1")
        report(forged, "--no-samples", code=1)
        # Where there are no samples, none is left out.
        plain, _ = self.certify_data(name="plain.json")
        self.assertEqual(report(plain, "--no-samples", code=0)["verdict"], "accepted")

    def test_text(self):
        data = self.write("data.csv", csv(rows(5)))
        private, _ = self.key()
        done = self.lipcert("certify", DIGITS, "--key", private, "-o", self.folder / "c.json", "--data", data, "--eps", "0.1")
        self.assertIn("floating-point inference is not covered", done.stdout)
        self.assertIn("samples      5", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_larger_than_the_checker_reads(self):
        """A line or an image that lipverify would refuse is refused before anything is certified."""
        import zlib

        def chunk(kind, content):
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        (self.folder / "images").mkdir()
        self.write("images/a.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16385, 1, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(bytes(16386))) + chunk(b"IEND", b""))
        private, _ = self.key()
        for data, reason in ((self.folder / "images", "a.png: cannot be used, it has a side of more than 16384 pixels"),
                             (self.write("long.csv", b"0," * 2**25 + b"0\n"), "has a line of more than 2^26 bytes")):
            done = self.lipcert("certify", DIGITS, "--key", private, "-o", self.folder / "c.json", "--data", data, code=3)
            self.assertIn(reason, done.stderr)
            self.assertFalse((self.folder / "c.json").exists())

    def test_formats_agree(self):
        """The same pixels in every format that can hold them give the same records; so do the same numbers spelt otherwise."""
        import zlib
        samples = rows(20)
        labels = [k % 10 for k in range(20)]
        flat = [v for s in samples for v in s]
        any_labels = "--allow-low-accuracy"

        def png(pixels):
            def chunk(kind, content):
                return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
            lines = b"".join(b"\0" + bytes(pixels[8 * r:8 * r + 8]) for r in range(8))
            return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")

        label_idx = self.write("labels-idx1", idx([20], labels))
        label_txt = self.write("labels.txt", "".join(f"{l}\n" for l in labels))
        label_npy = self.write("labels.npy", npy("<i8", (20, 1), struct.pack("<20q", *labels)))
        reference, _ = self.certify_data("--data", self.write("a", idx([20, 8, 8], flat)), "--labels", label_idx, "--scale", "1/3", any_labels, name="a.json")
        expected = claims(reference)["sample-radii"]["records"]
        halves = [Fraction(v, 2) for v in flat]
        for name, options in {
            "gz": ("--data", self.write("b.gz", gzip.compress(idx([20, 64], flat))), "--labels", label_txt, "--scale", "1/3"),
            "csv": ("--data", self.write("c.csv", csv(samples, labels)), "--label-column", "64", "--scale", "2/6"),
            "csv2": ("--data", self.write("d.csv", "\n".join(",".join(f"{float(v):.3e}" for v in s) for s in samples)), "--labels", label_npy, "--std", "3"),
            "npy8": ("--data", self.write("e.npy", npy("|u1", (20, 8, 8), bytes(flat))), "--labels", label_idx, "--scale", "1/3"),
            "npyf": ("--data", self.write("f.npy", npy("<f4", (20, 1, 8, 8), struct.pack("<1280f", *map(float, halves)))), "--labels", label_idx, "--scale",
                     "2/3", "--mean", "0.0"),
        }.items():
            path, _ = self.certify_data(*options, any_labels, name=name + ".json")
            self.assertEqual(claims(path)["sample-radii"]["records"], expected, name)
        folder = self.folder / "images"
        for k, pixels in enumerate(samples):
            (folder / str(labels[k])).mkdir(parents=True, exist_ok=True)
            (folder / str(labels[k]) / f"{k:03}.png").write_bytes(png(pixels))
        path, _ = self.certify_data("--data", folder, "--scale", "1/3", any_labels, name="png.json")
        by_index = sorted(range(20), key=lambda k: f"{labels[k]}/{k:03}.png")
        self.assertEqual([r[1:] for r in records(path)], [records(reference)[k][1:] for k in by_index])
        # Transposed pixels are another point, and transposing them back is not.
        turned = [s[8 * (k % 8) + k // 8] for s in samples for k in range(64)]
        path, _ = self.certify_data("--data", self.write("t", idx([20, 8, 8], turned)), "--labels", label_idx, "--scale", "1/3", "--layout", "NCWH", any_labels, name="t.json")
        self.assertEqual(claims(path)["sample-radii"]["records"], expected)
        path, _ = self.certify_data("--data", self.folder / "t", "--labels", label_idx, "--scale", "1/3", any_labels, name="t2.json")
        self.assertNotEqual(claims(path)["sample-radii"]["records"], expected)

    def test_same_bytes(self):
        data = self.write("data.csv", csv(rows(40)))
        private, _ = self.key("ed25519")
        texts = []
        for threads in ("1", "3"):
            path, _ = self.certify(DIGITS, private, "--data", data, "--threads", threads, "--eps", "0.1", env=environment(SOURCE_DATE_EPOCH=1700000000))
            texts.append(path.read_bytes())
        self.assertEqual(texts[0], texts[1])

    def test_limit(self):
        data = self.write("data.csv", csv(rows(30)))
        path, _ = self.certify_data("--data", data, "--limit", "7", "--eps", "0.1")
        claim, _ = check_counts(self, path)
        self.assertEqual(claim["total"], 7)
        self.assertEqual(claim["data"]["samples"], 30)
        self.refuse("--data", data, "--limit", "31", code=2, says=["--limit 31", "30 samples"])
        self.refuse("--data", data, "--limit", "0", code=2)

    def test_chance(self):
        labels = [(7 * k + 3) % 10 for k in range(200)]
        data = self.write("data.csv", csv(rows(200), labels))
        self.refuse("--data", data, "--label-column", "-1", says=["of 200 samples", "10 classes", "--layout NCWH", "--scale", "--allow-low-accuracy"])
        path, _ = self.certify_data("--data", data, "--label-column", "-1", "--allow-low-accuracy")
        self.lipverify(path, "--model", DIGITS, "--public-key", self.public, "--data", data)  # the claim is true all the same
        done = self.lipcert("certify", DIGITS, "--key", self.private, "-o", self.folder / "c.json", "--data", data, "--label-column", "-1",
                            "--allow-low-accuracy")
        self.assertIn("warning", done.stderr)
        # Labels that the network meets are no guesses, and one of ten wrong is none either.
        right = [r[1] for r in records(path)]
        self.certify_data("--data", self.write("right.csv", csv(rows(200), [c if k % 10 else (c + 1) % 10 for k, c in enumerate(right)])),
                          "--label-column", "-1", name="right.json")

    def plain(self, model, name, *options):
        """(claim, records) of a certificate that the checker accepts."""
        path, out = self.certify(model, self.private, *options, name=name)
        data = options[options.index("--data") + 1]
        self.lipverify(path, "--model", model, "--public-key", self.public, "--data", data)
        claim, all_records = check_counts(self, path)
        self.assertEqual(out["samples"]["epsUnit"], claim.get("epsUnit", "graph input"))
        return claim, all_records

    def test_units(self):
        """Pixels on one line, f(x) = x: the distance to the other decision is |v / 10 - 1/20| in scaled pixels, five times that in the graph's input."""
        self.private, self.public = self.key()
        line = self.write("line.onnx", dense([[[1]]]))
        data = self.write("line.csv", csv([[v] for v in range(1, 11)]))
        truth = [abs(Fraction(v, 10) - Fraction(1, 20)) for v in range(1, 11)]
        scaled = ("--data", data, "--scale", "1/10", "--mean", "1/20", "--std", "-0.2", "--eps", "0.06,3/10")
        claim, _ = self.plain(line, "p.json", *scaled)
        self.assertEqual(claim["epsUnit"], "scaled pixel")
        self.assertEqual([c["certified"] for c in claim["counts"]], [sum(t > e for t in truth) for e in (Fraction(6, 100), Fraction(3, 10))])
        graph, _ = self.plain(line, "g.json", *scaled, "--eps-unit", "graph")
        self.assertEqual(graph["epsUnit"], "graph input")
        self.assertEqual([c["certified"] for c in graph["counts"]], [sum(5 * t > e for t in truth) for e in (Fraction(6, 100), Fraction(3, 10))])
        self.assertNotEqual(graph["counts"], claim["counts"])
        self.assertEqual(graph["records"], claim["records"])  # their radii are in units of the graph's input
        unscaled, _ = self.plain(line, "u.json", "--data", data, "--eps", "1")
        self.assertNotIn("epsUnit", unscaled)
        # Text: both programs name the unit.
        done = self.lipcert("certify", line, "--key", self.private, "-o", self.folder / "t.json", *scaled)
        self.assertIn("eps in scaled pixels (v * scale, before mean and std)", done.stdout)
        self.assertIn("eps 3/10 (scaled pixel): 7 certified", self.lipverify(self.folder / "t.json", "--model", line, "--public-key", self.public, "--data", data).stdout)
        verdict = json.loads(self.lipverify(self.folder / "g.json", "--model", line, "--public-key", self.public, "--data", data, "--json").stdout)
        self.assertEqual(verdict["claims"][-1]["epsUnit"], "graph input")
        done = self.lipcert("certify", line, "--key", self.private, "-o", self.folder / "t.json", "--data", data, "--eps", "1")
        self.assertIn("eps in units of the graph's input", done.stdout)
        # A deviation for each feature, f(x) = x_1 + x_2: what is certified in scaled pixels is at most the true distance, |f| / ||(1/s_1, 1/s_2)||.
        plane = self.write("plane.onnx", dense([[[1, 1]]]))
        points = rows(30, 2, seed=4)
        deviations = (Fraction(1, 5), Fraction(2))
        claim, _ = self.plain(plane, "c.json", "--data", self.write("plane.csv", csv(points)), "--mean", "8", "--std", "1/5,2", "--eps", "0.2,1,2")
        for count in claim["counts"]:
            true = sum((abs((a - 8) / deviations[0] + (b - 8) / deviations[1])) ** 2 > Fraction(count["eps"]) ** 2 * sum(1 / d**2 for d in deviations)
                       for a, b in points)
            self.assertLessEqual(count["certified"], true)
        self.assertGreater(claim["counts"][0]["certified"], 0)

    def test_array_layouts(self):
        """Images of one set in either order, for a model of either order: the same records, or a refusal that names the option."""
        import numpy
        self.private, self.public = self.key()
        random = numpy.random.default_rng(7)
        weights = [tensor("w", (4, 3, 3, 3), random.normal(size=108)), tensor("v", (64, 5), random.normal(size=320)), tensor("s", (2,), b"")]
        weights[2] = field(1, 2) + field(2, 7) + field(8, "s") + field(9, struct.pack("<2q", 1, -1))  # INT64

        def network(name, first, shape):
            nodes = first + [node("Conv", ["a", "w"], "c", pads=[1, 1, 1, 1]), node("Relu", ["c"], "r"), node("Reshape", ["r", "s"], "f"), node("MatMul", ["f", "v"], "y")]
            return self.write(name, model(nodes, weights, shape, (1, 5)))
        channels_first = network("first.onnx", [node("Identity", ["x"], "a")], (1, 3, 4, 4))
        channels_last = network("last.onnx", [node("Transpose", ["x"], "a", perm=[0, 3, 1, 2])], (1, 4, 4, 3))
        images = random.integers(0, 256, (12, 3, 4, 4), dtype=numpy.uint8)
        turned = images.transpose(0, 2, 3, 1)
        first = self.write("first.npy", npy("|u1", images.shape, images.tobytes()))
        last = self.write("last.npy", npy("|u1", turned.shape, turned.tobytes()))
        scaling = ("--scale", "1/255", "--mean", "0.4,0.5,0.6", "--std", "0.2,0.25,0.3", "--eps", "1/255")

        def refuse(model, *options, says, code=3):
            done = self.lipcert("certify", model, "--key", self.private, "-o", self.folder / "no.json", *options, code=code)
            self.assertIn(says, done.stderr)
            self.assertFalse((self.folder / "no.json").exists())

        claim, expected = self.plain(channels_first, "ff.json", "--data", first, *scaling)
        self.assertTrue(any(r[4] > 0 for r in expected))
        self.assertNotIn("arrayLayout", claim["data"])
        refuse(channels_first, "--data", last, "--scale", "1/255", says="--array-layout NHWC")
        claim, found = self.plain(channels_first, "fl.json", "--data", last, "--array-layout", "NHWC", *scaling)
        self.assertEqual((claim["data"]["arrayLayout"], found), ("NHWC", expected))
        refuse(channels_last, "--data", first, "--scale", "1/255", says="--layout NHWC")
        _, of_last = self.plain(channels_last, "lf.json", "--data", first, "--layout", "NHWC", *scaling)
        self.assertEqual([r[1] for r in of_last], [r[1] for r in expected])
        for one, other in zip(of_last, expected):
            self.assertLess(abs(one[4] - other[4]), 1e-6 * other[4])
        claim, found = self.plain(channels_last, "ll.json", "--data", last, "--layout", "NHWC", *scaling)
        self.assertEqual((claim["data"]["arrayLayout"], found), ("NHWC", of_last))
        self.plain(channels_last, "l.json", "--data", last, "--scale", "1/255")  # as it is
        # Rows of a CSV, in either order.
        by_channel = self.write("first.csv", csv(images.reshape(12, 48).tolist()))
        by_pixel = self.write("last.csv", csv(turned.reshape(12, 48).tolist()))
        claim, found = self.plain(channels_first, "cf.json", "--data", by_channel, *scaling)
        self.assertEqual((claim["data"]["imageShape"], found), ([3, 4, 4], expected))
        _, found = self.plain(channels_first, "cl.json", "--data", by_pixel, "--array-layout", "NHWC", *scaling)
        self.assertEqual(found, expected)
        _, found = self.plain(channels_last, "cll.json", "--data", by_pixel, "--layout", "NHWC", "--array-layout", "NHWC", *scaling)
        self.assertEqual(found, of_last)
        refuse(channels_last, "--data", by_pixel, "--layout", "NHWC", *scaling, says="--array-layout", code=2)
        refuse(channels_first, "--data", by_channel, "--image-shape", "3,2,8", "--scale", "1/255", says="3 x 2 x 8")
        # A flat model has no shape; then --image-shape says it.
        flat = self.write("flat.onnx", dense([random.normal(size=(3, 48)).tolist()]))
        _, expected = self.plain(flat, "nf.json", "--data", first, *scaling)
        for name, options in {"a": ("--data", by_channel, "--image-shape", "3,4,4"), "b": ("--data", last, "--array-layout", "NHWC"),
                              "c": ("--data", by_pixel, "--image-shape", "3,4,4", "--array-layout", "NHWC")}.items():
            claim, found = self.plain(flat, name + ".json", *options, *scaling)
            self.assertEqual(found, expected)
        refuse(flat, "--data", by_channel, *scaling, says="--image-shape", code=2)
        refuse(flat, "--data", first, "--layout", "NHWC", says="--array-layout", code=2)
        refuse(flat, "--data", first, "--image-shape", "3,4,4", says="have a shape", code=2)
        # The falsifier reads the same images, with a certificate and without one.
        path = self.folder / "fl.json"
        found = json.loads(self.lipcert("attack", channels_first, "--data", last, "--certificate", path, "--json", "--list", "12").stdout)
        alone = json.loads(self.lipcert("attack", channels_first, "--data", last, "--array-layout", "NHWC", *scaling[:6], "--json", "--list", "12").stdout)
        self.assertEqual(found["refuted"], 0)
        self.assertEqual({f["index"]: f["distance"] for f in found["flips"]}, {f["index"]: f["distance"] for f in alone["flips"]})

    def test_bad_data(self):
        good = csv(rows(3))
        self.refuse("--data", self.write("nan.csv", good.replace("\n", ",1\n").replace(",1\n", "\n", 2)), says=["nan.csv"])
        self.refuse("--data", self.write("n.csv", good + ",".join(["1"] * 63 + ["NaN"]) + "\n"), says=["line 4", "NaN"])
        self.refuse("--data", self.write("wide.csv", csv(rows(3, 65))), says=["65 entries", "64", "--label-column"])
        self.refuse("--data", self.write("shape", idx([2, 9, 9], [0] * 162)), says=["81 entries", "64"])
        packed = gzip.compress(idx([2, 8, 8], [1] * 128))
        self.refuse("--data", self.write("cut.gz", packed[:-9]), says=["cut.gz", "cut off"])
        self.refuse("--data", self.write("short", idx([2, 8, 8], [1] * 127)), says=["ends inside sample 1"])
        data = self.write("good", idx([2, 8, 8], [1] * 128))
        self.refuse("--data", data, "--labels", self.write("l1", idx([3], [1, 2, 3])), says=["more labels than the 2 samples"])
        self.refuse("--data", data, "--labels", self.write("l2", idx([1], [1])), says=["only 1 labels"])
        self.refuse("--data", data, "--labels", self.write("l3", idx([2], [1, 10])), says=["sample 1", "label 10", "10 outputs"])
        self.refuse("--data", data, "--labels", data, says=["one dimension"])
        self.refuse("--data", self.folder / "absent.csv", says=["absent.csv", "cannot be opened"])
        self.refuse("--data", DIGITS, says=["not recognised"])

    def test_bad_options(self):
        data = self.write("good", idx([2, 8, 8], [1] * 128))
        self.refuse("--data", data, "--scale", "0", code=2, says=["--scale"])
        self.refuse("--data", data, "--scale", "a/b", code=2, says=["a/b"])
        self.refuse("--data", data, "--std", "0/5", code=2, says=["--std"])
        self.refuse("--data", data, "--mean", "1,2", code=2, says=["--mean", "1 channel"])
        self.refuse("--data", data, "--eps", "0.3,0.1", code=2, says=["ascending"])
        self.refuse("--data", data, "--eps", "-1", code=2, says=["negative"])
        self.refuse("--data", data, "--eps", "x", code=2, says=["'x'"])
        self.refuse("--data", data, "--label-column", "3", code=2, says=["CSV"])
        self.refuse("--data", data, "--layout", "WHCN", code=2)
        self.refuse("--data", data, "--array-layout", "NHWC", code=2, says=["order of its own"])
        self.refuse("--data", data, "--image-shape", "1,8", code=2)
        self.refuse("--data", data, "--image-shape", "1,0,8", code=2)
        self.refuse("--data", data, "--eps-unit", "metre", code=2)
        self.refuse("--eps-unit", "pixel", code=2, says=["--data"])
        self.refuse("--eps", "0.1", code=2, says=["--data"])
        content = data.read_bytes()
        for arguments in (("--key", self.private), ("--shard", "0/1")):
            self.lipcert("certify", DIGITS, *arguments, "-o", data, "--data", data, "--force", code=2)
            self.assertEqual(data.read_bytes(), content)
        self.refuse("--data", data, "--shard", "1/2", code=2, says=["not signed"])
        self.refuse("--data", data, "--shard", "2/2", code=2)


if __name__ == "__main__":
    main()
