"""What a small file may cost: models of a hundred bytes with shapes of 2^27 entries, constants that grow, windows of a million entries, chains of thousands
of nodes, certificates that ask for a million frequencies. Each ends soon, in little memory, or with a sentence."""

import numpy

from faults_support import *

MEMORY = 1 << 30
SECONDS = 10  # of processor time: a busy machine is no fault


def filled(name, shape, value=0.5):
    """(node, initialiser): a tensor of this shape, all of one value, that the graph computes."""
    sizes = field(1, len(shape)) + field(2, 7) + field(8, f"{name}.shape") + field(9, b"".join(struct.pack("<q", n) for n in shape))
    content = field(1, 1) + field(2, FLOAT) + field(9, struct.pack("<f", value))
    attribute_ = field(1, "value") + field(5, content) + field(20, 4)
    return field(1, f"{name}.shape") + field(2, name) + field(4, "ConstantOfShape") + field(5, attribute_), sizes


def integers(name, values):
    return field(1, len(values)) + field(2, 7) + field(8, name) + field(9, b"".join(struct.pack("<q", n) for n in values))


def chain(kind, count):
    """`count` nodes of one kind in a row, or of pairs of branches."""
    nodes, at = [], "x"
    for k in range(count if kind != "diamond" else count // 3):
        out = f"v{k}"
        if kind == "diamond":
            nodes += [node("Neg", [at], f"a{k}"), node("Identity", [at], f"b{k}"), node("Add", [f"a{k}", f"b{k}"], out)]
        else:
            nodes.append(node("Identity" if kind == "identity" else "Add", [at] if kind == "identity" else [at, "c"], out))
        at = out
    return model([*nodes, node("Neg", [at], "y")], [tensor("c", (1, 4), [1, 2, 3, 4])] if kind == "add" else [], (1, 4), (1, 4))


def wide(size):
    return model([node("Relu", ["x"], "a"), node("Neg", ["a"], "b"), node("Abs", ["b"], "y")], [], (1, size), (1, size))


def dense(size):
    """A matrix whose norm takes a checker's time, and the distances of all its rows."""
    random = numpy.random.default_rng(1)
    weight = tensor("w", (size, size), random.uniform(-1, 1, size=(size, size)).astype("<f4").tobytes())
    return model([node("Gemm", ["x", "w"], "y", transB=1)], [weight], (1, size), (1, size))


def max_pool(size):
    n = 2 * size
    return model([node("MaxPool", ["x"], "y", kernel_shape=[size, size], strides=[1, 1])], [], (1, 1, n, n), (1, 1, n - size + 1, n - size + 1))


def l2_pool(size):
    n = 2 * size
    return model([node("Pow", ["x", "two"], "q"), node("AveragePool", ["q"], "p", kernel_shape=[size, size]), node("Sqrt", ["p"], "y")], [tensor("two", (), [2.0])],
                 (1, 1, n, n), (1, 1, n - size + 1, n - size + 1))


def padded(size):
    return model([node("Pad", ["x", "p"], "y")], [integers("p", [0, 0, 0, size - 1])], (1, 1), (1, size))


def products(size):
    (a, ai), (b, bi) = filled("a", (size, 1)), filled("b", (1, size))
    return model([a, b, node("MatMul", ["a", "b"], "w"), node("MatMul", ["w", "w"], "v0"), node("MatMul", ["w", "v0"], "v1"), node("MatMul", ["x", "v1"], "y")], [ai, bi],
                 (1, size), (1, size))


def doubled(count):
    """Constants of 2^count entries, sixty of them."""
    (first, sizes) = filled("c0", (1,))
    nodes = [first] + [node("Concat", [f"c{k}", f"c{k}"], f"c{k + 1}", axis=0) for k in range(count)]
    nodes += [node("Concat", [f"c{count}", f"c{count}"], f"d{k}", axis=0) for k in range(60)]
    nodes += [node("ReduceSum", [f"d{k}"], f"s{k}", keepdims=0) for k in range(60)]
    at = "x"
    for k in range(60):
        nodes.append(node("Mul", [at, f"s{k}"], f"m{k}" if k < 59 else "y"))
        at = f"m{k}"
    return model(nodes, [sizes], (1, 1), (1, 1), opset=12)


def repeated(count):
    """An input of 64 entries, `count` times in a row, and that `count` times."""
    return model([node("Concat", ["x"] * count, "a", axis=1), node("Concat", ["a"] * count, "b", axis=1), node("ReduceMean", ["b"], "y", axes=[1])], [], (1, 64), (1, 1))


# name -> (what a size makes, a size that is checked in no time, the hostile size, the input's shape)
KINDS = {"wide": (wide, 8, 1 << 27, lambda n: [1, n]), "max_pool": (max_pool, 2, 1024, lambda n: [1, 1, 2 * n, 2 * n]),
         "l2_pool": (l2_pool, 2, 256, lambda n: [1, 1, 2 * n, 2 * n]), "padded": (padded, 4, 1 << 28, lambda n: [1, 1]),
         "products": (products, 4, 8192, lambda n: [1, n]), "doubled": (doubled, 2, 23, lambda n: [1, 1])}


class Cost(Faults):
    def setUp(self):
        super().setUp()
        self.private, self.public = self.key()

    def cheap(self, program, *arguments):
        """Runs a program, which ends soon and in little memory."""
        report = self.folder / "usage"
        code = ("import resource, subprocess, sys\n"
                "done = subprocess.run(sys.argv[2:])\n"
                "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
                "open(sys.argv[1], 'w').write(f'{used.ru_maxrss} {used.ru_utime + used.ru_stime}')\n"
                "sys.exit(done.returncode if done.returncode >= 0 else 99)\n")
        done = run(sys.executable, "-c", code, report, program, *arguments)
        kilobytes, self.seconds = report.read_text().split()
        self.assertLess(float(self.seconds), SECONDS, arguments)
        self.assertLess(int(kilobytes) * 1024, MEMORY, arguments)
        self.assertIn(done.returncode, (0, 1, 3, 4, 5), done.stderr)
        if done.returncode not in (0, 5):
            self.assertRegex(done.stderr, r"\Alip(cert: error|verify): [^\n]+\n\Z")
        return done

    def forged(self, cert, big, old, new):
        """What a trusted signer might write: the small model's certificate, about the big one."""
        spaces = [f"R^({' x '.join(map(str, shape))})" for shape in (old, new)]
        content = json.loads(payload_bytes(cert).decode().replace(*spaces))
        content["predicate"]["model"]["input"]["shape"] = new
        content["subject"][0]["digest"]["sha256"] = sha256(big.read_bytes())
        content["predicate"]["model"]["bytes"] = big.stat().st_size
        return forge(cert, content, self.private, self.folder)

    def test_hostile_shapes(self):
        """Both programs refuse, before they take memory, what the same graph with small sizes is certified for."""
        for name, (make, small, hostile, shape) in KINDS.items():
            model = self.write("model.onnx", make(small))
            cert, _ = self.certify(model, self.private, "--no-recheck")
            self.lipverify(cert, "--model", model, "--public-key", self.public)
            big = self.write("model.onnx", make(hostile))
            self.assertLess(big.stat().st_size, 1 << 16)
            for command in (("inspect", big), ("inspect", big, "--json"), ("certify", big, "--key", self.private, "-o", self.folder / "o"),
                            ("certify", big, "-o", self.folder / "o", "--data", self.data, "--shard", "0/1"), ("attack", big, "--data", self.data)):
                done = self.cheap(LIPCERT, *command)
                self.assertEqual(done.returncode, 4, f"{name}: {done.stderr}")
                self.assertRegex(done.stderr, "--max-(work|memory)", name)
            forged = self.forged(cert, big, shape(small), shape(hostile))
            done = self.cheap(LIPVERIFY, forged, "--model", big, "--public-key", self.public)
            self.assertEqual(done.returncode, 4, f"{name}: {done.stderr}")
            self.assertRegex(done.stderr, "--max-(work|memory)", name)

    def test_repeated_entries(self):
        """Two nodes that name one value a thousand times make 2^26 entries of 64: nothing is listed."""
        cert, _ = self.certify(self.write("model.onnx", repeated(2)), self.private, "--no-recheck")
        big = self.write("model.onnx", repeated(1024))
        for command in (("inspect", big), ("inspect", big, "--json"), ("certify", big, "--key", self.private, "-o", self.folder / "o"), ("attack", big, "--data", self.data)):
            done = self.cheap(LIPCERT, *command)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertLess(float(self.seconds), 2)
            self.assertIn("2^24 entries", done.stdout + done.stderr)
        done = self.cheap(LIPVERIFY, self.forged(cert, big, [1, 64], [1, 64]), "--model", big, "--public-key", self.public)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("--max-memory", done.stderr)

    def test_small_files(self):
        """A certificate and a model of a few kB get 1900 MB and 50 seconds of processor time, unless more is allowed; both limits hold whatever was counted before."""
        small = self.write("model.onnx", wide(8))
        cert, _ = self.certify(small, self.private, "--no-recheck")
        big = self.write("model.onnx", wide(1 << 24))  # counted: 3 GB
        forged = self.forged(cert, big, [1, 8], [1, 1 << 24])
        check = ("--model", big, "--public-key", self.public)
        self.assertIn("more than the 1811 of --max-memory", self.cheap(LIPVERIFY, forged, *check).stderr)
        slow = self.write("model.onnx", dense(1024))  # three seconds of one processor
        cert, _ = self.certify(slow, self.private, "--no-recheck", name="slow.json")
        listing = self.listing()
        for out in ((), ("--json",), ("--json", "--junit", self.folder / "junit.xml")):
            done = self.cheap(LIPVERIFY, cert, *check, "--threads", "1", "--max-seconds", "1", *out)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertRegex(done.stderr, "the 1 seconds of processor time of --max-seconds")
            self.assertEqual("exitCode" in done.stdout, bool(out))
            if out:
                self.assertEqual(json.loads(done.stdout)["exitCode"], 4)
            after = self.listing()
            after.pop("usage", None)
            listing.pop("usage", None)
            self.assertEqual(after, listing)
        self.lipverify(cert, *check)
        self.lipverify(cert, *check, "--max-seconds", "0", code=2)

    def test_budget_options(self):
        self.lipcert("inspect", self.model, "--max-memory", "200", "--max-work", "1")
        wide_one = self.write("wide.onnx", wide(1 << 20))
        self.assertIn("--max-work", self.lipcert("inspect", wide_one, "--max-work", "1", code=4).stderr)
        self.assertIn("--max-memory", self.lipcert("inspect", wide_one, "--max-memory", "100", code=4).stderr)
        self.lipcert("inspect", wide_one)
        cert, _ = self.certify(wide_one, self.private, "--no-recheck")
        for option, value in (("--max-work", "1"), ("--max-memory", "100")):
            self.assertIn(option, self.lipverify(cert, "--model", wide_one, "--public-key", self.public, option, value, code=4).stderr)
            self.lipcert("inspect", self.model, option, "0", code=2)
            self.lipverify(cert, "--model", wide_one, "--public-key", self.public, option, "0", code=2)

    def test_chains(self):
        """Linear in the number of nodes: ten times as many take at most thirty times as long."""
        for kind in ("identity", "add", "diamond"):
            took = []
            for count in (1500, 15000):
                path = self.write("chain.onnx", chain(kind, count))
                self.assertEqual(self.cheap(LIPCERT, "inspect", path).returncode, 0)
                took.append(float(self.seconds))
                self.assertEqual(self.cheap(LIPCERT, "certify", path, "--key", self.private, "-o", self.folder / "c.json", "--no-recheck").returncode, 0)
                self.assertEqual(self.cheap(LIPVERIFY, self.folder / "c.json", "--model", path, "--public-key", self.public).returncode, 0)
            self.assertLess(took[1], 30 * max(took[0], 0.05), kind)

    def test_grid(self):
        """A few digits in a certificate ask for a million frequencies."""
        path = self.write("conv.onnx", model([node("Conv", ["x", "w"], "y", kernel_shape=[1, 2], pads=[0, 1, 0, 1])], [tensor("w", (1, 1, 1, 2), [0.5, -0.25])], (1, 1, 4, 5), (1, 1, 4, 6)))
        cert, _ = self.certify(path, self.private)
        content = statement(cert)
        block = content["predicate"]["blocks"][0]
        block["operator"] = "convolution"
        block["method"]["theorem"] = "conv-bernstein"
        block["upper"] = rigorous(1000.0, True)
        block["lower"] = rigorous(0.0, False)
        block["lowerEvidence"] = {"theorem": "zero"}
        for grid, refused in (([64, 64], False), ([4096, 4096], True), ([2 ** 20, 2], True)):
            block["evidence"] = {"grid": grid, "shift": [1, 1], "axes": ["zero", "zero"], "side": "AtA", "sA": 30, "sR": 30, "C2": str(10 ** 22)}
            done = self.cheap(LIPVERIFY, forge(cert, content, self.private, self.folder), "--model", path, "--public-key", self.public)
            self.assertEqual("--max-work" in done.stderr, refused, done.stderr)
            self.assertEqual(done.returncode, 4 if refused else 1, done.stderr)  # the claims are those of another method


if __name__ == "__main__":
    main()
