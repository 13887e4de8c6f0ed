"""Networks in the .nnet format through both programs: certified like the ONNX graph that they stand for, which is written here with numbers that Python
parses; and texts that are none, which both refuse."""

import json
import pathlib
import struct

import numpy

import support


def text_of(means, ranges, layers, head="// a comment\n// another\n", comma=",", end="\n"):
    """Numbers are given as texts."""
    sizes = [len(means) - 1] + [len(w) for w, _ in layers]
    lines = [[len(layers), sizes[0], sizes[-1], max(sizes)], sizes, [0], ["0"] * sizes[0], ["1"] * sizes[0], means, ranges]
    for weights, offset in layers:
        lines += weights + [[b] for b in offset]
    return head + "".join(",".join(map(str, line)) + comma + end for line in lines)


def doubles(name, values):
    values = numpy.asarray(values, "<f8")
    return b"".join(support.field(1, d) for d in values.shape) + support.field(2, 11) + support.field(8, name) + support.field(9, values.tobytes())


def double_info(name, shape):
    return support.value_info(name, shape).replace(support.field(1, support.FLOAT) + support.field(2, b"".join(support.field(1, support.field(1, d)) for d in shape)),
                                                   support.field(1, 11) + support.field(2, b"".join(support.field(1, support.field(1, d)) for d in shape)))


def twin_of(means, ranges, layers):
    """The ONNX graph of formats/nnet.md."""
    means, ranges = [float(v) for v in means], [float(v) for v in ranges]
    initialisers = [doubles("means", means[:-1]), doubles("ranges", ranges[:-1])]
    nodes = [support.node("Sub", ["input", "means"], "centred", "centred"), support.node("Div", ["centred", "ranges"], "z0", "z0")]
    for k, (weights, offset) in enumerate(layers, 1):
        initialisers += [doubles(f"W{k}", [[float(v) for v in row] for row in weights]), doubles(f"b{k}", [float(v) for v in offset])]
        nodes.append(support.node("Gemm", [f"z{k - 1}", f"W{k}", f"b{k}"], f"y{k}", f"y{k}", transB=1))
        if k < len(layers):
            nodes.append(support.node("Relu", [f"y{k}"], f"z{k}", f"z{k}"))
    initialisers += [doubles("range", ranges[-1:]), doubles("mean", means[-1:])]
    nodes += [support.node("Mul", [f"y{len(layers)}", "range"], "scaled", "scaled"), support.node("Add", ["scaled", "mean"], "output", "output")]
    graph = (b"".join(support.field(1, n) for n in nodes) + support.field(2, "test") + b"".join(support.field(5, i) for i in initialisers)
             + support.field(11, double_info("input", (1, len(means) - 1))) + support.field(12, double_info("output", (1, len(layers[-1][0])))))
    return support.field(1, 8) + support.field(7, graph) + support.field(8, support.field(2, 13))


def random_network(seed, sizes, form):
    random = numpy.random.default_rng(seed)

    def numbers(*shape):
        return numpy.vectorize(form, otypes=[object])(random.normal(size=shape)).tolist()
    layers = [(numbers(b, a), numbers(b)) for a, b in zip(sizes, sizes[1:])]
    return numbers(sizes[0] + 1), [form(v) for v in random.uniform(0.5, 900, sizes[0] + 1)], layers


class Nnet(support.Case):
    def setUp(self):
        super().setUp()
        self.secret, self.public = self.key()

    def certified(self, name, content):
        path = self.write(name, content)
        certificate, printed = self.certify(path, self.secret, name=name + ".json")
        done = self.lipverify(certificate, "--model", path, "--public-key", self.public, "--json")
        self.assertEqual(json.loads(done.stdout)["verdict"], "accepted")
        return printed, support.statement(certificate)["predicate"]["model"]

    def test_like_the_graph_that_it_stands_for(self):
        forms = [lambda v: f"{v:.5e}", lambda v: f"{v:+.17f}", lambda v: f"{v:.6f}".replace("0.", "."), lambda v: f"{v:.30f}E-3"]
        for seed, form in enumerate(forms):
            parts = random_network(seed, [5, 8, 6, 3], form)
            text = text_of(*parts, head="" if seed == 1 else "// header, with a comma\n", comma="" if seed == 2 else ",", end="\r\n" if seed == 3 else "\n")
            printed, model = self.certified(f"{seed}.nnet", text)
            twin, twin_model = self.certified(f"{seed}.onnx", twin_of(*parts))
            self.assertEqual((model["format"], twin_model["format"]), ("nnet", "onnx"))
            for member in ("graphDigest", "input", "output"):
                self.assertEqual(model[member], twin_model[member])
            for member in ("lipschitz", "lipschitzLower", "blocks"):
                self.assertEqual(printed[member], twin[member])
            # The function itself, with the normalisation: difference quotients.
            means, ranges, layers = [[float(v) for v in parts[0]], [float(v) for v in parts[1]],
                                     [(numpy.array(w, float), numpy.array(b, float)) for w, b in parts[2]]]

            def f(x):
                z = (x - means[:-1]) / ranges[:-1]
                for k, (w, b) in enumerate(layers):
                    z = w @ z + b if k + 1 == len(layers) else numpy.maximum(w @ z + b, 0)
                return z * ranges[-1] + means[-1]
            random = numpy.random.default_rng(seed)
            best = 0
            for _ in range(200):
                x, v = random.normal(size=5) * ranges[:-1], random.normal(size=5) * ranges[:-1]
                best = max(best, numpy.linalg.norm(f(x + v) - f(x)) / numpy.linalg.norm(v))
            self.assertGreaterEqual(float(printed["lipschitz"]), best)
            self.assertGreater(float(printed["lipschitzLower"]), 0)

    def test_decimals_are_rounded_to_the_nearest_double(self):
        """Halfway cases, subnormal numbers, the largest one, many digits: both readers find the bits that Python finds."""
        hard = ["9007199254740993", "9007199254740992.99999999999999999999999999", "9007199254740995", "1.00000000000000011102230246251565404236316680908203125",
                "1.00000000000000011102230246251565404236316680908203124", "1.00000000000000011102230246251565404236316680908203126", "4.9e-324", "2.4e-324",
                "2.5e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623158e+308", "0.1", "-0", "00.5E-00",
                "123456789012345678901234567890e-29", "1e-400", "." + "3" * 900]
        unit = ["1"] * 2
        layers = [([["1"]] * len(hard), hard), ([["0"] * len(hard)], ["1"])]
        text = text_of(["0", "0"], unit, layers)
        printed, model = self.certified("hard.nnet", text)
        twin, twin_model = self.certified("hard.onnx", twin_of(["0", "0"], unit, layers))
        self.assertEqual(model["graphDigest"], twin_model["graphDigest"])

    def test_texts_that_are_none(self):
        means, ranges, layers = random_network(5, [2, 3, 1], lambda v: f"{v:.3f}")
        good = text_of(means, ranges, layers)
        self.certified("good.nnet", good)
        lines = good.splitlines(keepends=True)

        def with_line(number, line):
            return "".join(lines[:number] + [line] + lines[number + 1:])
        first = 2  # after the comments
        bad = {
            "empty": "", "comments alone": "// nothing\n", "cut off": good[:len(good) // 2], "one line less": "".join(lines[:-1]), "one line more": good + "1,\n",
            "no layers": with_line(first, "0,2,1,3,\n"), "not an integer": with_line(first, "2.0,2,1,3,\n"), "signed": with_line(first, "+2,2,1,3,\n"),
            "too many layers": with_line(first, "999999999,2,1,3,\n"), "three fields": with_line(first, "2,2,1,\n"), "two commas": with_line(first, "2,2,1,3,,\n"),
            "other inputs": with_line(first, "2,3,1,3,\n"), "size 0": with_line(first + 1, "2,0,1,\n"), "range 0": with_line(first + 6, "1,0.0,1,\n"),
            "range that rounds to 0": with_line(first + 6, "1,1,1e-400,\n"), "few means": with_line(first + 5, "1,1,\n"), "a word": with_line(first + 7, "nan,1,\n"),
            "infinite": with_line(first + 7, "inf,1,\n"), "hexadecimal": with_line(first + 7, "0x1,1,\n"), "too large": with_line(first + 7, "1.8e308,1,\n"),
            "exponent": with_line(first + 7, "1e401,1,\n"), "no exponent": with_line(first + 7, "1e,1,\n"), "two points": with_line(first + 7, "1.0.0,1,\n"),
            "no digits": with_line(first + 7, ".,1,\n"), "space inside": with_line(first + 7, "1 2,1,\n"), "long": with_line(first + 7, "0" * 1101 + ",1,\n"),
            "comment inside": with_line(first + 7, "// 1,1,\n"), "not ASCII": good.replace("comment", "comm\u00e9nt"), "carriage return": good.replace("comment", "com\rment"),
            "null": good.replace("comment", "com\0ment"), "empty line inside": with_line(first + 7, "\n" + lines[first + 7]),
        }
        certificate = self.folder / "good.nnet.json"
        for name, text in bad.items():
            with self.subTest(name):
                path = self.write("bad.nnet", text.encode())
                done = self.lipcert("certify", path, "--key", self.secret, "-o", self.folder / "bad.json", code=3)
                self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z")
                self.assertFalse((self.folder / "bad.json").exists())
                # The checker by itself: a certificate that names these bytes.
                statement = support.statement(certificate)
                statement["subject"][0]["digest"]["sha256"] = support.sha256(text.encode())
                statement["predicate"]["model"]["bytes"] = len(text.encode())
                forged = support.forge(certificate, statement, self.secret, self.folder)
                done = self.lipverify(forged, "--model", path, "--public-key", self.public, code=3)
                self.assertIn("nnet", done.stdout + done.stderr)

    def test_the_format_is_part_of_the_claim(self):
        """A text is no ONNX file and an ONNX file no text, whatever their names are: the certificate says how the bytes are read."""
        parts = random_network(6, [2, 3, 1], lambda v: f"{v:.3f}")
        self.certified("a.nnet", text_of(*parts))
        self.certified("a.onnx", twin_of(*parts))
        for name, other in (("a.nnet", "onnx"), ("a.onnx", "nnet"), ("a.onnx", "onnx2")):
            statement = support.statement(self.folder / f"{name}.json")
            statement["predicate"]["model"]["format"] = other
            forged = support.forge(self.folder / f"{name}.json", statement, self.secret, self.folder)
            done = support.run(support.LIPVERIFY, forged, "--model", self.folder / name, "--public-key", self.public)
            self.assertIn(done.returncode, (1, 3), done.stdout + done.stderr)


if __name__ == "__main__":
    support.main()
