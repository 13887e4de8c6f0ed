"""Every operator and attribute against brute force, through the two programs: random small models are certified and checked, and the certificate's
interval is compared with what a third implementation finds (onnx_numpy.py): for affine models the largest singular value of the explicit
matrix, for others difference quotients and, where there is a closed form, the true constant.

    test_operators.py [COUNT [SEED]]"""

import json
import math
import os
import sys

import numpy

import support
from onnx_numpy import Model

SLOW = support.SANITIZED
COUNT = int(os.environ.get("LIPCERT_OPERATOR_CASES") or (12 if SLOW else 110))
SEED = int(os.environ.get("LIPCERT_OPERATOR_SEED") or 1)


def choose(random, *options):
    return options[int(random.integers(len(options)))]


def random_window(random, rank):
    return {"kernel": [int(random.integers(1, 4)) for _ in range(rank)], "strides": [int(random.integers(1, 4)) for _ in range(rank)],
            "dilations": [choose(random, 1, 1, 2) for _ in range(rank)]}


def random_affine(seed):
    """A model of one affine operator with random attributes (or of a few in a row), and its description."""
    random = numpy.random.default_rng(seed)
    kind = choose(random, "Conv", "Conv", "Conv", "ConvTranspose", "ConvTranspose", "AveragePool", "AveragePool", "padded", "circular", "moves", "reductions",
                  "batch", "residual", "chain")
    rank = choose(random, 1, 2, 2, 2, 3)
    opset = choose(random, 11, 13, 16, 18)
    n = [int(random.integers(3, 8 if rank < 3 else 5)) for _ in range(rank)]
    if kind in ("Conv", "ConvTranspose", "padded", "circular"):
        window = random_window(random, rank)
        groups = choose(random, 1, 1, 2, 3)
        cin, cout = groups * int(random.integers(1, 4)), groups * int(random.integers(1, 4))
        transposed = kind == "ConvTranspose"
        pads = [int(random.integers(0, 3)) for _ in range(2 * rank)]
        for l in range(rank):  # at least one output
            n[l] = max(n[l], window["dilations"][l] * (window["kernel"][l] - 1) + 1)
            if transposed:
                length = window["strides"][l] * (n[l] - 1) + window["dilations"][l] * (window["kernel"][l] - 1) + 1
                while pads[l] + pads[rank + l] >= length:
                    pads[l] = pads[rank + l] = 0
        model = Model((1, cin, *n), opset, seed)
        at = "x"
        attributes = {"kernel_shape": window["kernel"], "strides": window["strides"], "dilations": window["dilations"], "group": groups, "pads": pads}
        if kind == "padded":
            mode = choose(random, "reflect", "edge", "constant")
            before = [int(random.integers(0, 2 if mode == "reflect" else 4)) for _ in range(2 * rank)]
            at = model.add("Pad", at, model.ints(0, 0, *before[:rank], 0, 0, *before[rank:]), mode=mode)
            attributes["pads"] = [0] * (2 * rank)
        if kind == "circular":
            for l in range(rank):  # as exporters write it: the end before the beginning, the beginning after the end
                p = int(random.integers(1, 3))
                end = model.add("Slice", at, model.ints(-p), model.ints(2 ** 62), model.ints(2 + l))
                start = model.add("Slice", at, model.ints(0), model.ints(p), model.ints(2 + l))
                at = model.add("Concat", end, at, start, axis=2 + l)
            attributes["pads"] = [0] * (2 * rank)
        if kind == "Conv" and choose(random, True, False, False):
            del attributes["pads"]
            attributes["auto_pad"] = choose(random, "SAME_UPPER", "SAME_LOWER", "VALID")
        if transposed:
            attributes["output_padding"] = [int(random.integers(0, max(s, d))) for s, d in zip(window["strides"], window["dilations"])]
            weight = model.normal(cin, cout // groups, *window["kernel"])
        else:
            weight = model.normal(cout, cin // groups, *window["kernel"])
        at = model.add("ConvTranspose" if transposed else "Conv", at, weight, model.normal(cout), **attributes)
        if choose(random, True, False):
            model.add("BatchNormalization", at, model.normal(cout), model.normal(cout), model.normal(cout),
                      model.weight(random.uniform(0.1, 2, size=cout)))
    elif kind == "AveragePool":
        kernel = [int(random.integers(1, 4)) for _ in range(rank)]
        strides = [int(random.integers(1, 4)) for _ in range(rank)]
        pads = [int(random.integers(0, k)) for k in kernel] + [int(random.integers(0, k)) for k in kernel]
        include, ceil = choose(random, 0, 1), 0
        for l in range(rank):
            n[l] = max(n[l], kernel[l])
        if not include and choose(random, True, False):
            # Only ceilings on whose last window runtimes agree: it begins inside the data.
            if all((-(-(n[l] + pads[l] + pads[rank + l] - kernel[l]) // strides[l])) * strides[l] < n[l] + pads[l] for l in range(rank)):
                ceil = 1
        model = Model((1, 2, *n), opset, seed)
        at = model.add("AveragePool", "x", kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=include, ceil_mode=ceil)
        model.add("Mul", at, model.weight(math.prod(kernel) ** 0.5))
    elif kind == "moves":
        model = Model((1, 4, 4, 6), opset, seed)
        at = model.add("Transpose", "x", perm=[0, 2, 3, 1])
        at = model.add("Gather", at, model.ints(*(int(i) for i in random.integers(-6, 6, size=int(random.integers(1, 9))))), axis=2)
        at = model.add("Transpose", at, perm=[0, 3, 1, 2])
        at = model.add("SpaceToDepth", at, blocksize=1) if choose(random, True, False) else at
        at = model.add("Mul", at, model.normal(1, 4, 1, 1))
        at = model.add("Pad", at, model.ints(0, 0, 1, 2, 0, 1, 0, 0), mode=choose(random, "edge", "constant"))
        model.add("Flatten", at)
    elif kind == "reductions":
        model = Model((1, 3, 4, 5), opset, seed)
        axes = choose(random, [2, 3], [1], [-1], [1, 2, 3])
        op = choose(random, "ReduceMean", "ReduceSum")
        by_input = opset >= (18 if op == "ReduceMean" else 13)
        mean = model.add(op, "x", *([model.ints(*axes)] if by_input else []), **({} if by_input else {"axes": axes}), keepdims=1)
        if choose(random, True, False):
            model.add("Sub", "x", mean)  # centring: the mean is repeated
        else:
            model.add("Mul", mean, model.weight(2.5))
    elif kind == "batch":
        model = Model((1, 3, 4, 4), opset, seed)
        at = model.add("BatchNormalization", "x", model.normal(3), model.normal(3), model.normal(3), model.weight(random.uniform(0.1, 2, size=3)), epsilon=1e-3)
        model.add("GlobalAveragePool", at)
    elif kind == "residual":  # a linear graph that forks and joins
        model = Model((1, 2, 4, 4), opset, seed)
        a = model.add("Conv", "x", model.normal(2, 2, 3, 3), pads=[1, 1, 1, 1])
        b = model.add("Mul", "x", model.normal(1, 2, 1, 1))
        model.add("Add", a, b)
    else:  # dense layers behind pictures: the fold of rearrangement and matrix
        model = Model((1, 2, 3, 4), opset, seed)
        at = model.add("Transpose", "x", perm=[0, 2, 3, 1])
        at = model.add("Reshape", at, model.ints(1, -1))
        model.add("Gemm", at, model.normal(5, 24), model.normal(5), transB=1)
    return kind, model


def random_network(seed):
    """A chain of whatever a network is made of, with what is unusual in trained ones: dead channels, rows and channels of very different size, parameters
    that the graph computes, windows that see nothing but padding."""
    random = numpy.random.default_rng(10 ** 6 + seed)
    model = Model((1, int(random.integers(1, 4)), int(random.integers(3, 7)), int(random.integers(3, 7))), choose(random, 11, 13, 16), seed)
    at = "x"

    def sizes(n):
        """Factors for n rows: all near 1, or spread over many powers of ten, or some of them 0."""
        kind = choose(random, "one", "one", "spread", "dead")
        return numpy.ones(n) if kind == "one" else 10.0 ** random.integers(-9, 10, size=n) if kind == "spread" else random.integers(0, 2, size=n).astype(float)

    def convolution(at):
        c = model.shapes[at][1]
        o, k = int(random.integers(1, 4)), choose(random, 1, 2, 3)
        w = random.normal(size=(o, c, k, k)) * sizes(o).reshape(-1, 1, 1, 1)
        return model.add("Conv", at, model.weight(w), model.weight(-abs(random.normal(size=o))), pads=[k // 2] * 4)

    def activation(at):
        op = choose(random, "Relu", "Abs", "Tanh", "LeakyRelu", "PRelu", "Clip")
        if op == "PRelu":
            slopes = model.add("Div", model.weight(random.integers(-9, 10, size=(model.shapes[at][1], 1, 1))), model.weight(3.0))
            return model.add(op, at, slopes)
        if op == "Clip":
            low, high = (model.add("Div", model.weight(float(random.integers(-3, 4))), model.weight(3.0)) for _ in range(2))
            return model.add(op, at, low, high)
        return model.add(op, at)

    def l2_pooling(at):
        if choose(random, True, False):
            at = model.add("Relu", at)
        at = model.add("Mul", at, at) if choose(random, True, False) else model.add("Pow", at, model.weight(2.0))
        c, n, m = model.shapes[at][1:]
        k = choose(random, 1, 2, 3)
        if choose(random, True, False):
            w = abs(random.normal(size=(choose(random, 1, 2), c, k, k)))
            at = model.add("Conv", at, model.weight(w * sizes(len(w)).reshape(-1, 1, 1, 1)), pads=[k // 2] * 4, strides=[choose(random, 1, 2)] * 2)
        else:  # strides beyond the window, and a window that sees only padding
            k = min(k, n, m)
            at = model.add("AveragePool", at, kernel_shape=[k, k], strides=[choose(random, 1, k, 3)] * 2, pads=[k - 1] * 4, count_include_pad=1)
        if choose(random, True, False):
            at = model.add("Mul", model.add("Sign", at), model.add("Relu", model.add("Abs", at)))
            at = model.add("Mul", at, model.weight(4.0))
        return model.add("Sqrt", at) if choose(random, True, False) else model.add("Pow", at, model.weight(0.5))

    def residual(at):
        c = model.shapes[at][1]
        if choose(random, True, False):
            return model.add("Add", at, model.add("Conv", model.add("Relu", at), model.normal(c, c, 3, 3, scale=0.3), pads=[1] * 4))
        weight = model.weight(random.normal(size=(choose(random, 1, 2, 3), c, 3, 3)) * choose(random, 1, 1e-3, 30))
        y = model.add("Relu", model.add("Conv", at, weight, pads=[1] * 4))
        steps = 10.0 ** random.uniform(-6, 1, size=(model.shapes[y][1], 1, 1)) if choose(random, True, False) else numpy.full((1, 1, 1), 2.0 / numpy.sum(abs(model.constants[weight])) ** 2)
        return model.add("Sub", at, model.add("ConvTranspose", model.add("Mul", y, model.weight(steps)), weight, pads=[1] * 4))

    def normalisation(at):
        c = model.shapes[at][1]
        return model.add("BatchNormalization", at, model.weight(random.normal(size=c) * sizes(c)), model.normal(c), model.normal(c), model.weight(random.uniform(0, 2, size=c)))

    def largest(at):
        k = min(choose(random, 1, 2, 3), *model.shapes[at][2:])
        return model.add("MaxPool", at, kernel_shape=[k, k], strides=[choose(random, 1, 2)] * 2)

    for _ in range(int(random.integers(1, 5))):
        at = choose(random, convolution, activation, activation, l2_pooling, residual, normalisation, largest)(at)
    if choose(random, True, True, False):
        at = model.add("Flatten", at)
        n = model.shapes[at][1]
        rows = int(random.integers(2, 5))
        model.add("Gemm", at, model.weight(random.normal(size=(rows, n)) * sizes(rows).reshape(-1, 1)), model.normal(rows), transB=1)
    return model


class Operators(support.Case):
    def setUp(self):
        super().setUp()
        self.secret, self.public = self.key()

    def interval(self, model, name="model"):
        """Certified by one program, accepted by the other: (lower, upper, printed)."""
        path = self.write(f"{name}.onnx", model.bytes() if isinstance(model, Model) else model)
        certificate, printed = self.certify(path, self.secret, "--no-recheck", name=f"{name}.json")
        done = self.lipverify(certificate, "--model", path, "--public-key", self.public, "--json")
        self.assertEqual(json.loads(done.stdout)["verdict"], "accepted")
        return float(printed["lipschitzLower"]), float(printed["lipschitz"]), printed

    def test_affine_operators(self):
        kinds = {}
        for seed in range(SEED, SEED + COUNT):
            kind, model = random_affine(seed)
            with self.subTest(seed=seed, kind=kind):
                truth = numpy.linalg.svd(model.matrix(), compute_uv=False)[0]
                lower, upper, printed = self.interval(model)
                self.assertLessEqual(lower, truth * (1 + 1e-9))
                self.assertGreaterEqual(upper, truth * (1 - 1e-9), printed["blocks"])
                if len(printed["blocks"]) == 1:  # otherwise a product of norms, which may be larger
                    self.assertLessEqual(upper, truth * (1 + 1e-8), printed["blocks"])
                    self.assertGreaterEqual(lower, truth * (1 - 1e-6))
                kinds[kind] = kinds.get(kind, 0) + 1
        print(f"{COUNT} affine models: {kinds}")

    def test_random_networks(self):
        """Whatever the generator issues, the checker accepts; and it lies on the right side of difference quotients."""
        for seed in range(SEED, SEED + COUNT // 4):
            model = random_network(seed)
            with self.subTest(seed=seed, operators=[step[0] for step in model.steps]):
                lower, upper, printed = self.interval(model)
                self.assertLessEqual(lower, upper)
                self.assertGreaterEqual(upper, self.quotients(model, 60) * (1 - 1e-6), printed["blocks"])

    def test_what_one_program_sees_better_than_the_other(self):
        """Kinds of networks for which the generator once issued what the checker rejects."""
        def dead_window(m):  # the root of a sum of squares that are all 0
            at = m.add("Relu", m.add("Conv", "x", m.normal(2, 1, 3, 3), m.weight([0.5, -1e6])))
            at = m.add("Pow", m.add("AveragePool", m.add("Pow", at, m.weight(2.0)), kernel_shape=[2, 2], strides=[2, 2]), m.weight(0.5))
            m.add("Gemm", m.add("Flatten", at), m.normal(3, 8), transB=1)

        def padding_window(m):  # windows that see nothing but padding
            at = m.add("AveragePool", m.add("Mul", "x", "x"), kernel_shape=[2, 2], strides=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
            at = m.add("Pad", at, m.ints(0, 0, 1, 1, 0, 0, 1, 1))
            m.add("Sqrt", m.add("Conv", at, m.weight(numpy.ones((1, 1, 2, 2)))))

        def cancelled(m):  # the sign and the root of numbers that no enclosure tells from 0
            at = m.add("Sub", m.add("Mul", "x", m.add("Div", m.weight(1.0), m.weight(3.0))), m.add("Div", "x", m.weight(3.0)))
            at = m.add("Pow", m.add("Concat", at, "x", axis=1), m.weight(2.0))
            at = m.add("AveragePool", at, kernel_shape=[2, 2], strides=[2, 2])
            m.add("Pow", m.add("Mul", m.add("Sign", at), m.add("Relu", m.add("Abs", at))), m.weight(0.5))

        def rows(m):  # a large row must not blur the difference of two small ones
            w = m.random.normal(size=(3, 36))
            w[1, 7] = 5e32
            m.add("Gemm", m.add("Flatten", "x"), m.weight(w), transB=1)

        def small_steps(m):  # one hidden unit whose matrix inequality holds by almost nothing, with products that no grid of 53 bits holds
            w = m.random.normal(size=(1, 36)).astype("<f4").astype(float)
            y = m.add("Mul", m.add("Relu", m.add("Gemm", m.add("Flatten", "x"), m.weight(w), transB=1)), m.weight(numpy.float32(2 / numpy.sum(w * w)) * numpy.float32(1 + 1e-7)))
            m.add("Sub", "t0_0", m.add("MatMul", y, m.weight(w)))

        def computed_slopes(m):
            m.add("PRelu", m.add("Flatten", "x"), m.add("Div", m.weight([4.0, 1, 2, 5, 7, -9] * 6), m.weight(3.0)))

        def computed_limits(m):  # the limits are equal, and only one that computes exactly can know
            third = m.add("Div", m.weight(1.0), m.weight(3.0))
            m.add("Clip", "x", third, m.add("Mul", third, m.weight(1.0)))
        for build, exact in ((dead_window, None), (padding_window, None), (cancelled, None), (rows, None), (small_steps, None), (computed_slopes, 3), (computed_limits, None)):
            for seed in range(3 if build is small_steps else 1):
                with self.subTest(build.__name__, seed=seed):
                    m = Model((1, 1, 6, 6), seed=seed)
                    build(m)
                    self.check(m, exact=exact, most=1 + 1e-5 if build is small_steps else None)

    def quotients(self, model, count=400):
        """The largest difference quotient found: a lower bound of the constant, apart from rounding."""
        random = numpy.random.default_rng(7)
        best = 0
        size = math.prod(model.shape)
        for _ in range(count):
            x = random.normal(size=size) * choose(random, 0.1, 1, 10)
            v = random.normal(size=size) * (random.uniform(size=size) < choose(random, 0.05, 0.3, 1))
            h = choose(random, 1e-4, 0.1, 1)
            length = numpy.linalg.norm(v)
            if length > 0:
                best = max(best, numpy.linalg.norm(model(x + h * v) - model(x)) / (h * length))
        return best

    def check(self, model, exact=None, most=None, least_lower=None, sorts=None):
        """`exact`: the true constant; `most`: what the bound may be at most; `least_lower`: what the lower end must reach."""
        found = self.quotients(model)
        lower, upper, printed = self.interval(model)
        self.assertGreaterEqual(upper, found * (1 - 1e-6), printed["blocks"])
        self.assertLessEqual(lower, upper)
        if exact is not None:
            self.assertGreaterEqual(upper, exact * (1 - 1e-9), printed["blocks"])
            self.assertLessEqual(upper, exact * (1 + 1e-6), printed["blocks"])
            self.assertLessEqual(lower, exact * (1 + 1e-9))
        if most is not None:
            self.assertLessEqual(upper, most * (1 + 1e-9), printed["blocks"])
        if least_lower is not None:
            self.assertGreaterEqual(lower, least_lower, printed["blocks"])
        if sorts is not None:
            self.assertEqual(sum(b["operator"] == "sort" for b in printed["blocks"]), sorts, printed["blocks"])

    def test_sorting_in_every_export_form(self):
        # GroupSort2 by reductions.
        m = Model((1, 8))
        g = m.add("Reshape", "x", m.ints(1, 4, 2))
        g = m.add("Concat", m.add("ReduceMin", g, axes=[2], keepdims=1), m.add("ReduceMax", g, axes=[2], keepdims=1), axis=2)
        m.add("Mul", m.add("Reshape", g, m.ints(1, 8)), m.weight(1.5))
        self.check(m, exact=1.5, sorts=1)
        # GroupSort by TopK on pictures.
        m = Model((1, 6, 2, 2))
        g = m.add("Reshape", "x", m.ints(1, 2, 3, 2, 2))
        g = m.add("TopK", g, m.ints(3), outputs=2, axis=2, largest=0)[0]
        m.add("Reshape", g, m.ints(1, 6, 2, 2))
        self.check(m, exact=1, sorts=1)
        # MaxMin by halves.
        m = Model((1, 6, 3, 3))
        a, b = m.add("Split", "x", m.ints(3, 3), outputs=2, axis=1)
        m.add("Concat", m.add("Max", a, b), m.add("Min", a, b), axis=1)
        self.check(m, exact=1, sorts=1)
        # The same on the last axis, with pairs side by side (Keras).
        m = Model((1, 3, 3, 4))
        r = m.add("Reshape", "x", m.ints(1, 3, 3, 2, 2))
        a, b = m.add("Split", r, m.ints(1, 1), outputs=2, axis=4)
        r = m.add("Concat", m.add("Min", a, b), m.add("Max", a, b), axis=4)
        m.add("Mul", m.add("Reshape", r, m.ints(1, 3, 3, 4)), m.weight(2.0))
        self.check(m, exact=2, sorts=1)
        # MaxMin that doubles the channels.
        m = Model((1, 5))
        m.add("Concat", m.add("Relu", "x"), m.add("Relu", m.add("Neg", "x")), axis=1)
        self.check(m, exact=1, sorts=1)

    def test_what_looks_like_sorting(self):
        # The maximum twice: sqrt(2).
        m = Model((1, 6))
        a, b = m.add("Split", "x", m.ints(3, 3), outputs=2, axis=1)
        top = m.add("Max", a, b)
        m.add("Concat", top, top, axis=1)
        self.check(m, most=2)
        lower, upper, _ = self.interval(m)
        self.assertGreaterEqual(upper, math.sqrt(2) * (1 - 1e-9))
        # Overlapping pairs.
        m = Model((1, 6))
        a = m.add("Slice", "x", m.ints(0), m.ints(4), m.ints(1))
        b = m.add("Slice", "x", m.ints(2), m.ints(6), m.ints(1))
        m.add("Concat", m.add("Max", a, b), m.add("Min", a, b), axis=1)
        self.check(m, sorts=0)
        self.assertGreaterEqual(self.interval(m)[1], 1.2)
        # relu(x) beside x.
        m = Model((1, 4))
        m.add("Concat", m.add("Relu", "x"), "x", axis=1)
        self.check(m, sorts=0)
        self.assertGreaterEqual(self.interval(m)[1], math.sqrt(2) * (1 - 1e-9))

    def test_pooling(self):
        # Overlapping max pooling: one entry may win in four windows.
        m = Model((1, 1, 6, 6))
        m.add("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2])
        self.check(m, exact=2)
        m = Model((1, 2, 6, 6))
        m.add("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2])
        self.check(m, exact=1)
        m = Model((1, 1, 7, 5))
        m.add("MaxPool", "x", kernel_shape=[2, 2], strides=[1, 1], dilations=[2, 1], pads=[1, 0, 0, 1])
        self.check(m, exact=2)
        m = Model((1, 3, 4, 4))
        m.add("GlobalMaxPool", "x")
        self.check(m, exact=1)
        # The last window of a ragged edge has one column only: scaled average pooling is not 1-Lipschitz there.
        m = Model((1, 1, 3, 3))
        m.add("Mul", m.add("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), m.weight(2.0))
        self.check(m, exact=2, least_lower=1.999)
        # L2 pooling as exported by 1-Lipschitz libraries.
        m = Model((1, 2, 4, 4))
        p = m.add("Pow", "x", m.weight(2.0))
        p = m.add("Pad", p, m.ints(0, 0, 0, 0, 0, 0, 0, 0))
        p = m.add("AveragePool", p, kernel_shape=[2, 2], strides=[2, 2])
        p = m.add("Mul", m.add("Sign", p), m.add("Relu", m.add("Abs", p)))
        p = m.add("Mul", p, m.weight(4.0))
        m.add("Mul", m.add("Pow", p, m.weight(0.5)), m.weight(1.25))
        self.check(m, exact=1.25)
        # Overlapping windows: entries in the middle count four times.
        m = Model((1, 1, 4, 4))
        p = m.add("AveragePool", m.add("Mul", "x", "x"), kernel_shape=[2, 2], strides=[1, 1])
        m.add("Sqrt", p)
        self.check(m, exact=1)

    def test_joins(self):
        # a x + (1 - a) g(x), the coefficient a sigmoid of a weight.
        m = Model((1, 6))
        a = m.add("Sigmoid", m.weight([0.3]))
        rest = m.add("Sub", m.weight([1.0]), a)
        w, _ = numpy.linalg.qr(numpy.random.default_rng(3).normal(size=(6, 6)))
        g = m.add("Relu", m.add("Gemm", "x", m.weight(w), transB=1))
        m.add("Add", m.add("Mul", "x", a), m.add("Mul", g, rest))
        self.check(m, most=1 + 1e-6, least_lower=0.9)
        # A residual block of a ResNet.
        m = Model((1, 3, 5, 5), seed=5)
        c = m.add("Relu", m.add("Conv", "x", m.normal(3, 3, 3, 3, scale=0.2), m.normal(3), pads=[1, 1, 1, 1]))
        c = m.add("Conv", c, m.normal(3, 3, 3, 3, scale=0.2), pads=[1, 1, 1, 1])
        m.add("Relu", m.add("Add", c, "x"))
        self.check(m, least_lower=1)
        # Branches side by side: root of the sum of squares.
        m = Model((1, 4), seed=6)
        a = m.add("Relu", m.add("Gemm", "x", m.weight(numpy.eye(4) * 3), transB=1))
        b = m.add("Tanh", m.add("Gemm", "x", m.weight(numpy.eye(4) * 4), transB=1))
        m.add("Concat", a, b, axis=1)
        self.check(m, most=5, least_lower=4)
        # Disjoint slices, each with its own branch: the larger of the two constants.
        m = Model((1, 8), seed=7)
        a, b = m.add("Split", "x", m.ints(3, 5), outputs=2, axis=1)
        a = m.add("Relu", m.add("Gemm", a, m.weight(numpy.eye(3) * 3), transB=1))
        b = m.add("Tanh", m.add("Gemm", b, m.weight(numpy.eye(5) * 4), transB=1))
        m.add("Concat", a, b, axis=1)
        self.check(m, most=5, least_lower=3.9)
        # The larger of two tensors that are no slices of one.
        m = Model((1, 4), seed=8)
        m.add("Max", m.add("Mul", "x", m.weight(3.0)), m.add("Mul", "x", m.weight(-4.0)))
        self.check(m, most=5, least_lower=3.9)

    def test_activations(self):
        for op, constant, opset, attributes in (
                ("Elu", 1, 13, {}), ("Elu", 2.5, 13, {"alpha": 2.5}), ("Selu", 1.7580993, 13, {}), ("Softplus", 1, 13, {}), ("HardSigmoid", 0.75, 13, {"alpha": 0.75}),
                ("HardSwish", 1.5, 14, {}), ("Gelu", 1.128905, 20, {}), ("Gelu", 1.12900, 20, {"approximate": "tanh"}), ("Mish", 1.08850, 18, {}),
                ("LeakyRelu", 3, 13, {"alpha": -3.0}), ("Tanh", 1, 13, {}), ("Sigmoid", 0.25, 13, {}), ("Abs", 1, 13, {}),
                ("Softsign", 1, 13, {}), ("Celu", 1, 13, {}), ("Celu", 1, 13, {"alpha": 0.25}), ("Sin", 1, 13, {}), ("Cos", 1, 13, {}), ("Erf", 1.1283792, 13, {})):
            with self.subTest(op=op, **attributes):
                m = Model((1, 3), opset)
                m.add(op, "x", **attributes)
                found = self.quotients(m)
                lower, upper, _ = self.interval(m)
                self.assertGreaterEqual(upper, found * (1 - 1e-6))
                self.assertLess(abs(upper - constant), 2e-5)
                self.assertGreater(lower, 0.3 * constant)  # found by a search, hence proved but not always near
                # Between layers the checker needs values as well as slopes, and an enclosure that is wide loses the lower end.
                m = Model((1, 4), opset, seed=3)
                h = "x"
                for k in range(2):
                    h = m.add(op, m.add("Gemm", h, m.weight(numpy.random.default_rng(k).normal(size=(4, 4))), transB=1), **attributes)
                m.add("Gemm", h, m.weight(numpy.random.default_rng(9).normal(size=(3, 4))), transB=1)
                self.assertGreater(self.interval(m)[0], 0)
        m = Model((1, 3))
        m.add("PRelu", "x", m.weight([0.5, -2.0, 1.0]))
        self.check(m, exact=2)
        m = Model((1, 3))
        m.add("PRelu", "x", m.add("Clip", m.weight([4.0]), m.weight(-1.0), m.weight(1.0)))
        self.check(m, exact=1)
        m = Model((1, 3))
        m.add("Clip", "x", m.weight(-0.5), m.weight(0.75))
        self.check(m, exact=1)
        m = Model((1, 3))
        m.add("Mul", "x", m.add("Sigmoid", "x"))
        self.check(m, most=1.09984, least_lower=1.09)
        m = Model((1, 3))
        m.add("Max", "x", m.weight([0.5, -1.0, 3.0]))
        self.check(m, exact=1)
        m = Model((1, 4))
        m.add("Softmax", "x")
        self.check(m, exact=0.5)

    def test_traps_of_convolutions(self):
        # All-ones 3 x 3, n = 28, zero padding: an averaged factor claims 8.786, the truth is 8.930.
        m = Model((1, 1, 28, 28))
        m.add("Conv", "x", m.weight(numpy.ones((1, 1, 3, 3))), pads=[1, 1, 1, 1])
        lower, upper, _ = self.interval(m)
        self.assertGreaterEqual(lower, 8.929)
        self.assertLessEqual(upper, 8.931)
        # Reflect padding repeats entries: 1.333 for the averaging kernel.
        m = Model((1, 1, 5))
        m.add("Conv", m.add("Pad", "x", m.ints(0, 0, 1, 0, 0, 1), mode="reflect"), m.weight(numpy.ones((1, 1, 3)) / 3))
        truth = numpy.linalg.svd(m.matrix(), compute_uv=False)[0]
        self.check(m, exact=truth)
        # Circular padding with a stride that does not divide n: sqrt(3) where the circulant rule would claim sqrt(2).
        m = Model((1, 1, 5))
        at = m.add("Concat", m.add("Slice", "x", m.ints(-1), m.ints(99), m.ints(2)), "x", m.add("Slice", "x", m.ints(0), m.ints(1), m.ints(2)), axis=2)
        m.add("Conv", at, m.weight(numpy.ones((1, 1, 3))), strides=[2])
        truth = numpy.linalg.svd(m.matrix(), compute_uv=False)[0]
        self.check(m, exact=truth)
        # Shape chains of a dynamic batch dimension.
        m = Model((1, 2, 4, 4))
        c = m.add("Conv", "x", m.normal(3, 2, 3, 3), pads=[1, 1, 1, 1])
        m.add("Flatten", c)
        self.check(m, exact=numpy.linalg.svd(m.matrix(), compute_uv=False)[0])

    def test_sll(self):
        """Residual blocks x - W T^-1 relu(W'x + b) (Araujo et al., 2023): 1-Lipschitz by their matrix inequality, up to the rounding of T."""
        def steps(matrix, times):  # T_i = sum_j |W'W|_ij, every step in float32
            gram = numpy.abs((matrix @ matrix.T).astype("<f4"))
            return numpy.float32(times) / gram.sum(axis=1, dtype="<f4")

        def dense(m, at, n, hidden, times, nonnegative=False):
            w = m.random.normal(size=(hidden, n)).astype("<f4")
            w = abs(w) if nonnegative else w
            weight = m.weight(w)
            y = m.add("Mul", m.add("Relu", m.add("Gemm", at, weight, m.normal(hidden), transB=1)), m.weight(steps(w.astype(float), 2 / times)))
            y = m.add("MatMul", y, weight)
            y = m.add("Mul", y, m.weight(times)) if times != 1 else y
            return m.add("Sub", at, y)

        for seed, (n, hidden, times, nonnegative) in enumerate([(6, 4, 1, False), (9, 12, 2, False), (24, 16, 1, True), (12, 20, 2, True)]):
            with self.subTest(n=n, hidden=hidden, times=times, nonnegative=nonnegative):
                m = Model((1, n), seed=seed)
                dense(m, dense(m, "x", n, hidden, times, nonnegative), n, hidden + 1, times, nonnegative)  # two in a row
                lower, upper, printed = self.interval(m)
                self.assertEqual([(b["operator"], b["method"]) for b in printed["blocks"]], [("sll", "sll-psd")] * 2)
                self.assertLessEqual(upper, 1 + 1e-5)
                self.assertGreaterEqual(upper, max(lower, self.quotients(m) * (1 - 1e-6)))
        for seed, (channels, inner, attributes) in enumerate([(2, 3, {"pads": [1, 1, 1, 1]}), (3, 2, {"strides": [2, 2], "pads": [1, 1, 0, 0]})]):
            with self.subTest(channels=channels, **attributes):
                shape = (1, channels, 6, 6)
                w = numpy.random.default_rng(seed).normal(size=(inner, channels, 3, 3)).astype("<f4")
                probe = Model(shape)
                probe.add("Conv", "x", probe.weight(w), **attributes)
                m = Model(shape, seed=seed)
                weight = m.weight(w)
                y = m.add("Relu", m.add("Conv", "x", weight, m.normal(inner), **attributes))
                y = m.add("Mul", y, m.weight(steps(probe.matrix(), 1).reshape(m.shapes[y])))
                y = m.add("ConvTranspose", y, weight, **attributes)
                m.add("Sub", "x", m.add("Mul", y, m.weight(2.0)))
                lower, upper, printed = self.interval(m)
                self.assertEqual([b["operator"] for b in printed["blocks"]], ["sll"])
                self.assertLessEqual(upper, 1 + 1e-5)
                self.assertGreaterEqual(upper, max(lower, self.quotients(m) * (1 - 1e-6)))
        # Steps that are too long: the slack is paid for, and the bound stays below the sum rule's.
        m = Model((1, 8), seed=3)
        w = m.normal(8, 8, scale=0.5)
        m.add("Sub", "x", m.add("MatMul", m.add("Mul", m.add("Relu", m.add("Gemm", "x", w, transB=1)), m.weight(1.5)), w))
        square = 1.5 * numpy.linalg.norm(m.constants[w], 2) ** 2
        lower, upper, printed = self.interval(m)
        self.assertEqual([b["operator"] for b in printed["blocks"]], ["sll"])
        self.assertGreaterEqual(upper, self.quotients(m) * (1 - 1e-6))
        self.assertLess(upper, 1 + square)
        # A factor between W and x, and weights that differ in one bit: a join.
        for fault in ("factor", "bit"):
            m = Model((1, 4), seed=4)
            w = m.random.normal(size=(3, 4)).astype("<f4")
            other = w.copy()
            if fault == "bit":
                other[1, 2] = numpy.nextafter(other[1, 2], numpy.float32(9))
            at = m.add("Mul", "x", m.weight(2.0)) if fault == "factor" else "x"
            y = m.add("Mul", m.add("Relu", m.add("Gemm", at, m.weight(w), transB=1)), m.weight(steps(w.astype(float), 1)))
            m.add("Sub", "x", m.add("MatMul", y, m.weight(other)))
            lower, upper, printed = self.interval(m)
            self.assertEqual(printed["blocks"][-1]["method"], "sum")

    def test_refusals(self):
        """Each with the node's name, exit code 3, and nothing written."""
        def product(m):
            m.add("Mul", m.add("Relu", "x"), "x")

        def attention(m):
            m.add("MatMul", "x", m.add("Transpose", "x", perm=[1, 0]))

        def sign(m):
            m.add("Sign", "x")

        def root(m):
            m.add("Sqrt", m.add("Relu", "x"))

        def quotient(m):
            m.add("Div", m.weight([1.0]), m.add("Sigmoid", "x"))
        for build in (product, attention, sign, root, quotient):
            with self.subTest(build.__name__):
                m = Model((2, 4))
                build(m)
                path = self.write("refused.onnx", m.bytes())
                done = self.lipcert("certify", path, "--key", self.secret, "-o", self.folder / "refused.json", code=3)
                self.assertRegex(done.stderr, r"n\d")
                self.assertFalse((self.folder / "refused.json").exists())


if __name__ == "__main__":
    support.main()
