"""`lipcert report` from outside: pages are well nested and load nothing, their figures are those of lipverify's JSON, names cannot break out, a rejected
certificate shows nothing as proved, and a comparison finds each change that was planted."""

import base64
import fractions
import gzip
import html.parser
import json
import pathlib
import re
import shutil
import struct
import sys
import zlib

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support  # noqa: E402

MODELS = support.ROOT / "examples" / "models"
MNIST = MODELS / "mnist.onnx"
DATA = MODELS / "mnist10k-images-idx3-ubyte.gz"
LABELS = MODELS / "mnist10k-labels-idx1-ubyte.gz"
SECTIONS = ["verdict", "meaning", "accuracy", "radii", "classes", "confusion", "gallery", "blocks", "data", "limits", "signer", "repeat", "argument", "citation"]
VOID = {"meta", "img", "br"}
EPOCH = "1790000000"


class Page(html.parser.HTMLParser):
    """Nesting, ids, texts by section, and everything that a browser could load or run."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.sections, self.tags, self.attributes, self.section = [], [], {}, [], [], None
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.take(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attributes)["id"]
            self.sections[self.section] = ""

    def handle_startendtag(self, tag, attributes):
        self.take(tag, attributes)

    def take(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()
        if tag == "section":
            self.section = None

    def handle_data(self, data):
        if self.section:
            self.sections[self.section] += data + " "

    def text(self, section):
        return re.sub(r"\s+", " ", self.sections[section].replace("\u202f", ""))


class Report(support.Case):
    @classmethod
    def setUpClass(cls):
        cls.secret, cls.public = support.shared_key()
        cls.made = support.shared_certificate(MNIST, "--data", DATA, "--labels", LABELS, "--scale", "1/255", "--eps", "36/255,0.5", "--limit", "120")
        assert cls.made.returncode == 0, cls.made.stderr

    def report(self, *options, certificate=None, model=MNIST, code=0, data=True, **more):
        """The page (parsed), its text, and what was printed."""
        out = self.folder / "report.html"
        given = ["--data", DATA, "--labels", LABELS] if data else []
        done = self.lipcert("report", certificate or self.made.path, "--model", model, "--public-key", self.public, "-o", out, *given, *options, code=code, **more)
        text = out.read_text(encoding="utf-8")
        return self.look(text), text, done

    def look(self, text):
        page = Page(text)
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertFalse({"script", "link", "iframe", "object", "embed", "base", "form", "foreignobject"} & set(page.tags))
        self.assertIn("default-src 'none'; style-src 'unsafe-inline'; img-src data:", [value for _, value in page.attributes])
        for name, value in page.attributes:
            self.assertFalse(name.startswith("on"), (name, value))
            if name == "href":
                self.assertIn(value[1:], page.ids)
            elif name == "src":
                self.assertTrue(value.startswith("data:image/png;base64,"), value[:40])
        self.assertIsNone(re.search(r"(?i)https?:|//[a-z]|url\(|@import", re.sub(r'src="data:image/png;base64,[^"]*"', "", text)))
        return page

    def verdict(self, *options, certificate=None):
        return json.loads(support.run(support.LIPVERIFY, certificate or self.made.path, "--model", MNIST, "--public-key", self.public, "--json", *options).stdout)

    def test_accepted(self):
        page, text, done = self.report()
        self.assertEqual(list(page.sections), SECTIONS)
        verdict = self.verdict("--data", DATA, "--labels", LABELS)
        self.assertEqual(verdict["verdict"], "accepted")
        claims = {c["id"]: c for c in verdict["claims"]}
        self.assertIn("Accepted", page.text("verdict"))
        self.assertNotIn("in part", page.text("verdict"))
        self.assertNotIn("Not all rechecked", " ".join(page.sections.values()))
        for number in (claims["lipschitz-global"]["upper"], claims["lipschitz-global"]["lower"], claims["lipschitz-pairs"]["largest"]):
            self.assertIn(number, page.text("meaning"))
        # The figures at the top are short, and still on the safe side.
        upper, lower = re.search(r"Lipschitz constant L \u2264 ([0-9.]+) and no smaller than ([0-9.]+) ", page.text("verdict")).groups()
        exact = {end: fractions.Fraction(claims["lipschitz-global"][end]) for end in ("upper", "lower")}
        self.assertTrue(exact["upper"] < fractions.Fraction(upper) < exact["upper"] * (1 + fractions.Fraction(1, 10**4)), upper)
        self.assertTrue(exact["lower"] > fractions.Fraction(lower) > exact["lower"] * (1 - fractions.Fraction(1, 10**4)), lower)
        samples = claims["sample-radii"]
        for count in samples["counts"]:
            share = "%d.%02d %%" % divmod(count["certifiedCorrect"] * 10000 // samples["total"], 100)
            self.assertIn(f"No image within {count['eps']} of {count['certified']} of the {samples['total']} ", page.text("meaning").replace("  ", " "))
            self.assertIn(f"{count['eps']} {count['certified']} {count['certifiedCorrect']} {share}", page.text("accuracy"))
            self.assertIn(f"Certified at eps {count['eps']} {share}", page.text("verdict"))
        for block in verdict["blocks"]:
            for name in ("id", "operator", "upper", "lower", "theorem"):
                self.assertIn(block[name], page.text("blocks"))
        for sentence in verdict["notCovered"] + verdict["notChecked"]:
            self.assertIn(sentence, page.text("limits"))
        for digest in (verdict["payloadSha256"], verdict["model"]["sha256"], verdict["model"]["graphDigest"]):
            self.assertIn(digest, page.text("repeat"))
        self.assertIn(verdict["key"]["fingerprint"], page.text("signer"))
        # Class by class from the records, read here by other code.
        record_file = next(self.made.path.parent.glob("*.lipcert.records")).read_bytes()
        records = [struct.unpack_from("<QIIdd", record_file, at) for at in range(0, len(record_file), 32)]
        for label in range(10):
            mine = [r for r in records if r[2] == label]
            right = [r for r in mine if r[1] == label and r[4] > 36 / 255]
            self.assertRegex(page.text("classes"), rf" {label} {len(mine)} [\d.]+ % [\d.]+ % \({len(right)}\) ")
        # The picture of the sample with the largest radius is its pixels.
        largest = max(records, key=lambda r: r[4])[0]
        import gzip
        pixels = gzip.decompress(DATA.read_bytes())[16 + 784 * largest:][:784]
        shown = re.search(rf'src="data:image/png;base64,([^"]+)" alt="sample {largest}"', text).group(1)
        png = base64.b64decode(shown)
        size = struct.unpack(">I", png[33:37])[0]
        raw = zlib.decompress(png[41:41 + size])
        self.assertEqual(b"".join(raw[29 * row + 1:29 * row + 29] for row in range(28)), pixels)
        self.assertLess(len(text), 2_000_000)
        self.assertIn(f"({len(text.encode())} bytes)", done.stdout)

    def test_same_bytes_again(self):
        pages = [self.report("--time", "2031-01-01T00:00:00Z", env=support.environment(SOURCE_DATE_EPOCH=EPOCH))[1] for _ in range(2)]
        self.assertEqual(pages[0], pages[1])
        self.assertIn("2026-09-21T14:13:20Z", pages[0])

    def test_bill_of_materials(self):
        """The entry for a CycloneDX bill: digests and figures are those of the verdict, and its parts name each other; tests/presets/run cyclonedx has the schema."""
        bill = self.folder / "bill.json"
        self.report("--cyclonedx", bill)
        verdict = self.verdict("--data", DATA, "--labels", LABELS)
        claims = {c["id"]: c for c in verdict["claims"]}
        told = json.loads(bill.read_text())
        self.assertEqual((told["bomFormat"], told["specVersion"]), ("CycloneDX", "1.6"))
        (model,), (evidence,) = told["components"], told["declarations"]["evidence"]
        self.assertEqual((model["type"], model["name"], model["hashes"]), ("machine-learning-model", "mnist.onnx", [{"alg": "SHA-256", "content": verdict["model"]["sha256"]}]))
        self.assertEqual(model["externalReferences"][0]["hashes"][0]["content"], support.sha256(self.made.path.read_bytes()))
        self.assertIn(verdict["payloadSha256"], evidence["description"])
        figures = {(m["type"], m["slice"].split(", eps ")[-1].split(" in ")[0]): m["value"] for m in model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]}
        everywhere = "all inputs, Euclidean norms, exact real arithmetic"
        self.assertEqual(figures["Lipschitz constant, certified upper bound", everywhere], claims["lipschitz-global"]["upper"])
        self.assertEqual(figures["Lipschitz constant, certified lower bound", everywhere], claims["lipschitz-global"]["lower"])
        for count in claims["sample-radii"]["counts"]:
            self.assertEqual(figures["certified accuracy", count["eps"]], f"{count['certifiedCorrect']}/120")
        declared = told["declarations"]["claims"]
        self.assertEqual([c["bom-ref"] for c in declared], [f"claim-{c['id']}" for c in verdict["claims"]])
        self.assertEqual({(c["target"], *c["evidence"]) for c in declared}, {(model["bom-ref"], evidence["bom-ref"])})
        self.assertLessEqual(set(verdict["notCovered"]), set(model["modelCard"]["considerations"]["technicalLimitations"]))
        self.assertNotIn("attestations", told["declarations"])  # of conformance: those are for others
        # Of these digits some are certified in a wrong class: the two figures differ.
        digits = support.shared_certificate(MODELS / "digits.onnx", "--data", MODELS / "digits_test.csv", "--label-column", "-1", "--eps", "1")
        self.lipcert("report", digits.path, "--model", MODELS / "digits.onnx", "--public-key", self.public, "--data", MODELS / "digits_test.csv", "-o", self.folder / "d.html",
                     "--cyclonedx", self.folder / "d.json")
        told = json.loads((self.folder / "d.json").read_text())["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
        values = {m["type"]: m["value"] for m in told}
        self.assertEqual((values["share with a certified decision"], values["certified accuracy"]), ("339/360", "337/360"))
        # In part: no figure about samples. Again: replaced, but nothing else is. Rejected: none.
        self.report("--cyclonedx", bill, "--no-samples", code=5)
        self.assertFalse(re.search(r'"[^"]*(accuracy|certified decision)"|claim-sample-radii', bill.read_text()))
        bill.unlink()
        self.report("--cyclonedx", bill, model=MODELS / "digits.onnx", code=1)
        self.assertFalse(bill.exists())
        other = self.write("other.json", '{"bomFormat": "CycloneDX"}')
        done = self.lipcert("report", self.made.path, "--model", MNIST, "--public-key", self.public, "--no-samples", "-o", self.folder / "r.html", "--cyclonedx", other, code=2)
        self.assertIn("exists and was not written by", done.stderr)

    def test_in_part(self):
        for options in (["--no-samples"], ["--audit", "5"]):
            page, text, _ = self.report(*options, code=5)
            self.assertIn("Accepted in part", page.text("verdict"))
            self.assertIn('class="verdict partial"', text)
            self.assertNotIn("Every claim", text)
            self.assertNotIn("Certified at eps", page.text("verdict"))
            for section in ("meaning", "accuracy", "radii", "classes", "confusion"):
                self.assertIn("Not all rechecked", page.text(section))

    def test_without_samples(self):
        plain = support.shared_certificate(MODELS / "digits.onnx")
        page, _, _ = self.report(certificate=plain.path, model=MODELS / "digits.onnx", data=False)
        self.assertEqual(list(page.sections), [s for s in SECTIONS if s not in ("accuracy", "radii", "classes", "confusion", "gallery", "data")])

    def rejected(self, certificate, model=MNIST, **more):
        page, text, _ = self.report(certificate=certificate, model=model, code=1, **more)
        self.assertEqual(list(page.sections), ["verdict", "repeat"])
        self.assertIn("Rejected", page.text("verdict"))
        self.assertIn('class="verdict rejected"', text)
        self.assertIn("Nothing in this certificate is shown as proved", page.text("verdict"))
        upper = support.statement(self.made.path)["predicate"]["claims"][0]["upper"]["decimal"]
        told = re.sub(r"<style>.*?</style>|<tbody>.*?</tbody>|<p class=.reason.>.*?</p>", "", text, flags=re.S)  # the reason and the failed checks name both numbers
        for word in ("Accepted", "accuracy", "Certified", "\u2264", "<svg", "<img", upper[:12]):
            self.assertNotIn(word, told)
        return page

    def test_rejected(self):
        for at, change in (("sig", lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="AAAA" + b["dsseEnvelope"]["signatures"][0]["sig"][4:])),
                           ("payload", lambda b: b["dsseEnvelope"].update(payload=b["dsseEnvelope"]["payload"][:400] + "AAAA" + b["dsseEnvelope"]["payload"][404:]))):
            bundle = json.loads(self.made.path.read_bytes())
            change(bundle)
            page = self.rejected(self.write(f"{at}.json", json.dumps(bundle)))
            self.assertIn("signature", page.text("verdict"))
        # A lie about a bound and a lie about a count, properly signed by the key's owner.
        for lie in ("bound", "count"):
            statement = support.statement(self.made.path)
            claims = statement["predicate"]["claims"]
            if lie == "bound":
                claims[0]["upper"] = {"exact": "0x1p-1", "decimal": "0.5"}
            else:
                claims[2]["counts"][0]["certifiedCorrect"] += 1
            path = support.forge(self.made.path, statement, self.secret, self.folder)
            for records in self.made.path.parent.glob("*.lipcert.records"):
                shutil.copy(records, self.folder)
            self.rejected(path)

    def test_policy(self):
        """Under a policy the page shows its demands, and proves nothing where one is not met, although the check itself holds."""
        for limit, code in (("1", 0), ("0.5", 1)):
            policy = self.write("policy.json", json.dumps({"formatVersion": 1, "issuers": [{"name": "us <b>", "publicKey": self.public.read_text()}],
                                                           "lipschitz": [{"output": "all", "max": limit}]}))
            out = self.folder / "policy.html"
            self.lipcert("report", self.made.path, "--model", MNIST, "--policy", policy, "-o", out, "--force", "--data", DATA, "--labels", LABELS, code=code)
            page = self.look(out.read_text(encoding="utf-8"))
            self.assertIn("Accepted" if code == 0 else "Rejected", page.text("verdict"))
            self.assertIn("/lipschitz/0/max", page.text("verdict"))
            if code == 0:
                self.assertIn("L <= 1", page.text("verdict"))
                self.assertNotIn(" no ", page.text("verdict").split("Demands of the policy")[1].split("What this does not say")[0])
            else:
                self.assertNotIn("blocks", page.sections)
                self.assertNotIn("meaning", page.sections)

    def test_no_verdict(self):
        out = self.folder / "report.html"
        arguments = ["report", self.made.path, "--model", MNIST, "--public-key", self.folder / "none.pem", "--data", DATA, "--labels", LABELS, "-o", out]
        self.assertRegex(self.lipcert(*arguments, code=3).stderr, r"^lipcert: error: There is no verdict to report on: .*none\.pem.*\.\n$")
        arguments[5] = self.public
        self.assertIn("give the file with --data", self.lipcert(*arguments[:6], "-o", out, code=2).stderr)
        alone = self.folder / "bin" / "lipcert"
        alone.parent.mkdir()
        shutil.copy(support.LIPCERT, alone)
        done = support.run(alone, *arguments)
        self.assertEqual(done.returncode, 3)
        self.assertIn("no lipverify beside this program; put it", done.stderr)
        # An answer that contradicts itself is no verdict.
        for answer, code in (("{}", 0), ('{"verdict":"accepted","exitCode":0}', 1), ('{"verdict":"accepted","exitCode":0,"claims":[],"blocks":[],"notCovered":[],"assumptions":[],"notChecked":[],'
                             '"checks":[{"id":"x","passed":false}]}', 0)):
            liar = alone.with_name("lipverify")
            liar.write_text(f"#!/bin/sh\necho '{answer}'\nexit {code}\n")
            liar.chmod(0o755)
            done = support.run(alone, *arguments)
            self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
            self.assertIn("cannot be understood", done.stderr)
        self.assertFalse(out.exists())
        # What is no report is not replaced.
        out.write_text("mine")
        self.assertIn("--force", self.lipcert(*arguments, code=2).stderr)
        self.assertEqual(out.read_text(), "mine")
        self.lipcert(*arguments, "--force")
        self.lipcert(*arguments)
        self.assertIn("--public-key", self.lipcert("report", self.made.path, "--model", MNIST, "-o", out, code=2).stderr)

    def test_what_is_never_replaced(self):
        """A private key, the certificate, the model, the data: not by a page and not by a goal structure, --force or not."""
        model, key = self.folder / "m.onnx", self.folder / "key.pem"
        shutil.copy(MODELS / "digits.onnx", model)
        shutil.copy(self.secret, key)
        certificate, _ = self.certify(model, key, "--no-recheck")
        public = self.folder / "trusted.pem"
        shutil.copy(self.public, public)
        for file in (key, certificate, model, public):
            before = file.read_bytes()
            for places in (["-o", file], ["-o", self.folder / "page.html", "--gsn", file]):
                done = support.run(support.LIPCERT, "report", certificate, "--model", model, "--public-key", public, "--force", *places)
                self.assertNotEqual(done.returncode, 0, done.args)
                self.assertEqual(file.read_bytes(), before, done.args)

    def test_other_outputs_and_records(self):
        """The outputs that a claim leaves out stand beside it, and the records that a repetition needs are named."""
        page, _, _ = self.report()
        name = support.statement(self.made.path)["predicate"]["claims"][2]["records"]["file"]
        self.assertIn(name, page.text("repeat"))
        self.assertNotIn("other outputs", page.text("limits"))
        model = self.write("two.onnx", support.graph([support.node("Relu", ["x"], "y"), support.node("Abs", ["x"], "z")], [], [("x", (1, 4))], [("y", (1, 4)), ("z", (1, 4))]))
        certificate, _ = self.certify(model, self.secret, "--output", "y", "--no-recheck")
        page, _, _ = self.report("--force", certificate=certificate, model=model, data=False)
        self.assertRegex(page.text("limits"), r"The issuer has chosen the output 'y'\. No claim is about the model's other outputs: z\.")

    def test_hostile_names(self):
        evil = "a\"'><script>alert(1)<img src=x onerror=y>&amp;\u202egnp.onnx"
        model = self.folder / evil
        shutil.copy(MODELS / "digits.onnx", model)
        issuer = "<svg onload=z>\"'&\u2066\u200b"
        certificate, _ = self.certify(model, self.secret, "--issuer", issuer, "--requirement", "</code><b>", "--no-recheck")
        dot = self.folder / "a.dot"
        page, text, _ = self.report("--gsn", dot, certificate=certificate, model=model, data=False)
        self.assertNotIn("<script", text)
        self.assertNotIn("<img", text)
        self.assertNotIn("<b>", text)
        self.assertNotRegex(text, r"<svg[^>]*onload")
        for mark in "\u202e\u2066\u200b":
            self.assertNotIn(mark, text)
        self.assertIn("a\"'><script>alert(1)<img src=x onerror=y>&amp;<U+202E>gnp.onnx", page.text("repeat"))
        self.assertIn("<svg onload=z>\"'&<U+2066><U+200B>", page.text("signer"))
        self.assertTrue(dot.read_text().startswith("digraph argument {"))

    def test_attack(self):
        flips = [{"index": 3, "from": support_class(self.made, 3), "to": 5, "distance": 0.2}]
        good = {"attacked": 120, "flipped": 1, "unit": "scaled pixel", "refuted": 0, "flips": flips}
        page, text, _ = self.report("--attack", self.write("attack.json", json.dumps(good)))
        self.assertIn("no certificate can be above", page.text("accuracy"))
        self.assertIn("becomes 5 at 0.2", page.text("gallery"))
        for name, change in (("unit", {"unit": "graph input"}), ("class", {"flips": [{**flips[0], "from": (flips[0]["from"] + 1) % 10}]}), ("sample", {"flips": [{**flips[0], "index": 120}]}),
                             ("radius", {"flips": [{**flips[0], "radius": 77.0}]}), ("more", {"attacked": 121})):
            out = self.folder / "refused.html"
            done = self.lipcert("report", self.made.path, "--model", MNIST, "--public-key", self.public, "--data", DATA, "--labels", LABELS, "-o", out, "--attack",
                                self.write(f"{name}.json", json.dumps({**good, **change})), code=3)
            self.assertIn("lipcert attack MODEL", done.stderr)
            self.assertFalse(out.exists())

    def test_flips_beside_their_samples(self):
        """The inputs that the attack found, as a data file of their own: they flip, they lie as far away as it says, and the page shows them."""
        array = self.folder / "flips.npy"
        arguments = ["attack", MNIST, "--data", DATA, "--certificate", self.made.path, "--limit", "6", "--steps", "2", "--list", "6", "--json", "--flips", array]
        result = json.loads(self.lipcert(*arguments).stdout)
        self.assertEqual(result["inputs"], {"file": "flips.npy", "sha256": support.sha256(array.read_bytes())})
        self.assertIn("exists", self.lipcert(*arguments, code=3).stderr)  # a data file is never replaced
        flips = numpy.load(array)
        self.assertEqual((flips.dtype, flips.shape), (numpy.dtype("<f8"), (len(result["flips"]), 1, 28, 28)))
        samples = numpy.frombuffer(gzip.decompress(DATA.read_bytes()), numpy.uint8, offset=16).reshape(-1, 28, 28)
        for values, flip in zip(flips, result["flips"], strict=True):
            distance = numpy.linalg.norm(values[0] - samples[flip["index"]]) / 255
            self.assertAlmostEqual(distance, flip["distance"], delta=1e-6 * flip["distance"])
        # Read back as data, they are classified as the attack says; at the boundary itself a radius may be 0 or undecided.
        made, _ = self.certify(MNIST, self.secret, "--data", array, "--scale", "1/255", "--no-recheck", name="flips.json")
        records = list(struct.iter_unpack("<QIIdd", next(self.folder.glob("*.lipcert.records")).read_bytes()))
        self.assertEqual(len(records), len(flips))
        for record, flip in zip(records, result["flips"]):
            self.assertIn(record[1], (flip["to"], 0xFFFFFFFF))
            self.assertLess(record[4], 1e-3)
        attack = self.write("attack.json", json.dumps(result))
        page, text, _ = self.report("--attack", attack)
        shown = [value for name, value in page.attributes if name == "alt" and value.startswith("the nearest flip found of sample ")]
        self.assertEqual(sorted(int(value.split()[-1]) for value in shown), sorted(flip["index"] for flip in result["flips"]))
        self.assertIn("on one scale of brightness", page.text("gallery"))
        # Without the file, with another one, or with a name that leads elsewhere there is no page.
        content = array.read_bytes()
        for change in (lambda: array.write_bytes(content[:-8] + bytes(8)), lambda: array.write_bytes(content[:-16]), array.unlink,
                       lambda: attack.write_text(json.dumps({**result, "inputs": {**result["inputs"], "file": "../flips.npy"}}))):
            array.write_bytes(content)
            change()
            out = self.folder / "refused.html"
            self.lipcert("report", self.made.path, "--model", MNIST, "--public-key", self.public, "--data", DATA, "--labels", LABELS, "-o", out, "--attack", attack, code=3)
            self.assertFalse(out.exists())

    def test_compare(self):
        def difference(after, *options, code=0):
            out = self.folder / "diff.html"
            done = self.lipcert("report", self.made.path, "--compare", after, "-o", out, "--json", *options, code=code)
            return json.loads(done.stdout), self.look(out.read_text(encoding="utf-8"))

        same, page = difference(self.made.path)
        self.assertTrue(same["samePayload"] and not same["changed"] and not same["changes"] and same["changedBlocks"] == 0)
        self.assertEqual(list(page.sections), ["verdict", "values", "blocks", "samples"])
        self.assertIn("Not rechecked", page.text("verdict"))
        records = next(self.made.path.parent.glob("*.lipcert.records")).read_bytes()

        def planted(change):
            statement = support.statement(self.made.path)
            change(statement, statement["predicate"])
            path = support.forge(self.made.path, statement, self.secret, self.folder)
            name = statement["predicate"]["claims"][2]["records"]["file"]
            (self.folder / name).write_bytes(records)
            return difference(path)[0]

        plants = {"sha256": lambda s, p: s["subject"][0]["digest"].update(sha256="0" * 64), "L at most": lambda s, p: p["claims"][0]["upper"].update(decimal="1.5"),
                  "version": lambda s, p: p["generator"].update(version="9.9.9"), "seed": lambda s, p: p["settings"].update(seed=7), "graphDigest": lambda s, p: p["model"].update(graphDigest="1" * 64),
                  "issuer": lambda s, p: p["issuance"].update(issuer="other"), "scale": lambda s, p: p["claims"][2]["data"].update(scale="1/256")}
        for name, change in plants.items():
            found = planted(change)
            self.assertEqual([c["name"] for c in found["changes"]], [name])
            self.assertEqual(found["changed"], name != "issuer")
        found = planted(lambda s, p: p["blocks"][3]["upper"].update(decimal="2"))
        self.assertEqual([(b["after"], [c["name"] for c in b["changes"]]) for b in found["blocks"] if b["kind"] != "same"], [("Conv_14", ["norm at most"])])
        found = planted(lambda s, p: p["blocks"].pop(4))
        self.assertEqual([(b["kind"], b["before"]) for b in found["blocks"] if b["kind"] != "same"], [("removed", "Concat_19")])
        found = planted(lambda s, p: p["blocks"].insert(2, p["blocks"][0] | {"id": "new", "operator": "activation"}))
        self.assertEqual([(b["kind"], b["after"]) for b in found["blocks"] if b["kind"] != "same"], [("added", "new")])

        # Sample by sample: one radius falls to zero, one class changes.
        changed = bytearray(records)
        robust = [k for k in range(len(records) // 32) if struct.unpack_from("<d", records, 32 * k + 24)[0] > 0.5]
        struct.pack_into("<d", changed, 32 * robust[0] + 24, 0.0)
        struct.pack_into("<I", changed, 32 * robust[1] + 8, 9 - struct.unpack_from("<I", records, 32 * robust[1] + 8)[0])
        statement = support.statement(self.made.path)
        import hashlib
        digest = hashlib.sha256(changed).hexdigest()
        statement["predicate"]["claims"][2]["records"].update(file=f"{digest}.lipcert.records", sha256=digest)
        (self.folder / f"{digest}.lipcert.records").write_bytes(changed)
        samples = difference(support.forge(self.made.path, statement, self.secret, self.folder))[0]["samples"]
        self.assertTrue(samples["bySample"])
        self.assertEqual([(e["gained"], e["lost"], e["firstLost"]) for e in samples["eps"]], [(0, 1, [robust[0]])] * 2)
        self.assertEqual(samples["classChanged"], 1)

        # Rechecked, where model and key are given: a forgery is no improvement.
        forged = support.statement(self.made.path)
        forged["predicate"]["claims"][0]["upper"] = {"exact": "0x1p-1", "decimal": "0.5"}
        path = support.forge(self.made.path, forged, self.secret, self.folder)
        found, page = difference(path, "--model", MNIST, "--public-key", self.public, "--data", DATA, "--labels", LABELS, code=1)
        self.assertEqual(found["verdicts"], ["accepted", "rejected"])
        self.assertIn("nothing of it is proved", page.text("verdict"))
        self.assertIn("taken at their word", self.lipcert("report", self.made.path, "--compare", self.made.path).stdout)


def support_class(made, index):
    records = next(made.path.parent.glob("*.lipcert.records")).read_bytes()
    return struct.unpack_from("<I", records, 32 * index + 8)[0]


if __name__ == "__main__":
    support.main()
