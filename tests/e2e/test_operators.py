"""Every operator and attribute against brute force, through the two programs: random small models are certified and checked, and the certificate's
interval is compared with what a third implementation finds (onnx_numpy.py): for affine models the largest singular value of the explicit
matrix, for others difference quotients and, where there is a closed form, the true constant.

    test_operators.py [COUNT [SEED]]"""

import copy
import json
import math
import os
import struct
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
            attributes["dilations"] = window["dilations"] = [1] * rank  # with others, and with windows that leave gaps, runtimes disagree on SAME
            attributes["strides"] = [min(s, k) for s, k in zip(window["strides"], window["kernel"])]
        if transposed:
            attributes["output_padding"] = [int(random.integers(0, s)) for s in window["strides"]]
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

    def check_affine(self, model, methods=None, pairs=False):
        """One block, whose interval holds the largest singular value of the model's matrix and is tight; the pairs are those of its rows."""
        matrix = model.matrix()
        truth = numpy.linalg.svd(matrix, compute_uv=False)[0]
        lower, upper, printed = self.interval(model)
        self.assertEqual(len(printed["blocks"]), 1, printed["blocks"])
        self.assertGreaterEqual(upper, truth * (1 - 1e-9), printed["blocks"])
        self.assertLessEqual(upper, truth * (1 + 1e-8), printed["blocks"])
        self.assertLessEqual(lower, truth * (1 + 1e-9))
        self.assertGreaterEqual(lower, truth * (1 - 1e-6))
        if methods is not None:
            self.assertIn(printed["blocks"][0]["method"], methods)
        if pairs:
            claims = {c["kind"]: c for c in support.statement(self.folder / "model.json")["predicate"]["claims"]}
            self.assertEqual(claims["pair-lipschitz"]["evidence"]["theorem"], "pair-row-difference")
            distances = [numpy.linalg.norm(matrix[i] - matrix[j]) for i in range(len(matrix)) for j in range(i + 1, len(matrix))]
            for distance, shown in zip(distances, claims["pair-lipschitz"]["upper"]["decimal"], strict=True):
                self.assertGreaterEqual(float(shown), distance * (1 - 1e-9))
                self.assertLessEqual(float(shown), distance * (1 + 1e-6) + 1e-9 * truth)

    def test_resampling(self):
        """Resize and Upsample against exact fractions: every coordinate mode and rounding that is read, larger and smaller, by scales and by sizes."""
        cases = [("nearest", {}, 13, (2.0, 3.0), None), ("nearest", {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, 11, (2.0, 2.0), None),
                 ("nearest", {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, 13, None, (2, 10)),
                 ("nearest", {"nearest_mode": "round_prefer_ceil"}, 13, (0.5, 1.5), None), ("nearest", {"nearest_mode": "ceil"}, 18, (1.0, 0.75), None),
                 ("nearest", {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"}, 11, (2.0, 4.0), None),
                 ("nearest", {"coordinate_transformation_mode": "align_corners"}, 13, None, (7, 9)),
                 ("linear", {}, 13, (2.0, 2.0), None), ("linear", {"coordinate_transformation_mode": "pytorch_half_pixel"}, 13, None, (1, 3)),
                 ("linear", {"coordinate_transformation_mode": "align_corners"}, 11, None, (7, 8)),
                 ("linear", {"coordinate_transformation_mode": "asymmetric"}, 13, (1.3, 0.7), None),
                 ("linear", {"axes": [2, 3]}, 18, (2.5, 1.0), None), ("linear", {"axes": [3]}, 19, None, (11,))]
        for mode, attributes, opset, scales, sizes in cases:
            with self.subTest(mode=mode, opset=opset, scales=scales, sizes=sizes, **attributes):
                m = Model((1, 2, 4, 5), opset)
                whole = "axes" not in attributes
                scales = m.weight([1.0, 1.0] * whole + list(scales)) if scales else ""
                inputs = ["x", "", scales] if sizes is None else ["x", m.weight([]), m.weight([]), m.ints(*([1, 2] * whole), *sizes)]  # empty lists, as exporters write
                m.add("Resize", *inputs, mode=mode, **attributes)
                self.check_affine(m)
        m = Model((1, 2, 3, 3), 10)
        m.add("Resize", "x", m.weight([1.0, 1.0, 2.0, 3.0]), mode="linear")
        self.check_affine(m)
        m = Model((1, 2, 3, 3), 9)
        m.add("Upsample", "x", m.weight([1.0, 1.0, 2.0, 1.5]))
        self.check_affine(m)
        m = Model((1, 2, 3, 3), 8)
        m.add("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0], mode="linear")
        self.check_affine(m)
        # In a network: up, a convolution, an activation, down.
        m = Model((1, 2, 4, 4), seed=2)
        at = m.add("Relu", m.add("Conv", m.add("Resize", "x", "", m.weight([1.0, 1.0, 2.0, 2.0]), mode="linear"), m.normal(3, 2, 3, 3), pads=[1, 1, 1, 1]))
        m.add("Resize", at, "", "", m.ints(1, 3, 4, 4), mode="linear")
        self.check(m, least_lower=0.5)

    def test_resampling_that_rounds(self):
        """Where a runtime's single precision may choose another entry or length, or the mode is no linear map that is read: refused by both."""
        for attributes, scales, sizes in (({"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, None, (1, 1, 3)),  # 9 / 3 by a scale of 1/3
                                          ({"mode": "linear"}, (1.0, 1.0, 0.7), None),  # 0.7f * 10 is a hair below 7
                                          ({"mode": "cubic"}, (1.0, 1.0, 2.0), None), ({"coordinate_transformation_mode": "tf_crop_and_resize"}, (1.0, 1.0, 2.0), None)):
            with self.subTest(**attributes):
                m = Model((1, 1, 9 if sizes else 10), 13)
                given = m.weight(scales) if scales else ""
                lengths = [m.ints(*sizes)] if sizes else []
                nodes = [support.node("Resize", ["x", "", given, *lengths], "y", "n0", **attributes)]
                path = self.write("refused.onnx", support.model(nodes, m.initialisers, m.shape, (1, 1, "n")))
                done = self.lipcert("certify", path, "--key", self.secret, "-o", self.folder / "refused.json", code=3)
                self.assertIn("n0", done.stderr)
                self.assertFalse((self.folder / "refused.json").exists())

    def test_products(self):
        """Gemm and MatMul in every form that is linear in the data."""
        m = Model((3, 4))
        m.add("Gemm", "x", m.normal(3, 5), m.normal(5), transA=1, alpha=0.5)
        self.check_affine(m)
        m = Model((4, 1))
        m.add("Gemm", "x", m.normal(3, 4), m.normal(1), transA=1, transB=1)
        self.check_affine(m, ("dense-gram-psd",), pairs=True)
        m = Model((3, 4))
        m.add("Gemm", m.normal(2, 3), "x", m.normal(2, 1), beta=2.0)
        self.check_affine(m)
        m = Model((3, 4))
        m.add("Gemm", m.normal(4, 2), "x", m.normal(2, 3), transA=1, transB=1, alpha=-1.5)
        self.check_affine(m)
        m = Model((1, 4))
        m.add("Gemm", m.normal(3, 2), m.normal(2, 4), "x", beta=-0.5)  # the addend is repeated
        self.check_affine(m)
        m = Model((1, 4))
        m.add("Gemm", "x", m.normal(4, 4), "x", beta=3.0, alpha=0.25, transB=1)
        self.check_affine(m, pairs=True)
        for data, constant in (((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 2)), ((2, 1, 3, 4), (2, 4, 2)), ((4,), (2, 4, 3))):
            with self.subTest(data=data, constant=constant):
                m = Model(data)
                m.add("MatMul", "x", m.normal(*constant))
                self.check_affine(m)
        for constant, data in (((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 2)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3))):
            with self.subTest(constant=constant, data=data):
                m = Model(data)
                m.add("MatMul", m.normal(*constant), "x")
                self.check_affine(m)
        # Two branches that are added up by a Gemm, between activations.
        m = Model((1, 4), seed=3)
        h = m.add("Relu", m.add("Gemm", "x", m.normal(4, 4), transB=1))
        m.add("Gemm", h, m.normal(4, 4), h, transB=1, beta=0.5)
        self.check(m, least_lower=0.5)

    def test_entries_repeated(self):
        """Constants that enlarge the data, reductions and choices of one entry, norms."""
        m = Model((3, 1))
        m.add("Mul", m.normal(1, 4), "x")
        self.check_affine(m)
        m = Model((1, 3))
        m.add("Div", "x", m.weight([[2.0], [3.0], [-7.0]]))
        self.check_affine(m)
        m = Model((1, 3))
        m.add("Sub", m.normal(2, 3), "x")
        self.check_affine(m)
        m = Model((1, 3))
        m.add("Add", "x", m.normal(5, 3))
        self.check_affine(m)
        for op in ("Max", "Min"):
            m = Model((1, 3))
            m.add(op, m.add("Mul", "x", m.weight([1.0, -3.0, 2.0])))
            self.check(m, exact=3)
        m = Model((1, 3, 1))
        m.add("Mul", m.add("TopK", "x", m.ints(1), outputs=2, axis=2)[0], m.weight(2.0))
        self.check(m, exact=2, sorts=1)
        m = Model((2, 3))
        m.add("ReduceL2", m.add("Gemm", "x", m.weight(3 * numpy.eye(3)), transB=1), axes=[1], keepdims=0)
        self.check(m, exact=3, least_lower=2.99)
        m = Model((2, 3), 18)
        m.add("ReduceL2", "x", m.ints(0))
        self.check(m, exact=1)
        m = Model((1, 2, 6, 6))
        m.add("LpPool", "x", kernel_shape=[2, 2], strides=[2, 2])
        self.check(m, exact=1)
        m = Model((1, 1, 7, 5), 18)
        m.add("Mul", m.add("LpPool", "x", kernel_shape=[3, 2], strides=[1, 2], dilations=[2, 1], pads=[1, 0, 1, 1], ceil_mode=1), m.weight(0.5))
        self.check(m, exact=math.sqrt(3) / 2)
        m = Model((1, 2, 6), 13)
        m.add("Relu", m.add("LpPool", m.add("Conv", "x", m.normal(2, 2, 3), pads=[1, 1]), kernel_shape=[2], auto_pad="SAME_UPPER"))
        self.check(m, least_lower=0.5)

    def test_transposed_convolution_of_given_length(self):
        for attributes, strides in (({"output_shape": [8, 8]}, [2, 2]), ({"output_shape": [9, 7]}, [2, 2]), ({"auto_pad": "SAME_UPPER"}, [1, 1]), ({"auto_pad": "SAME_LOWER"}, [3, 3])):
            with self.subTest(**attributes):
                m = Model((1, 2, 4, 4), seed=4)
                m.add("ConvTranspose", "x", m.normal(2, 3, *([4, 4] if strides == [2, 2] and attributes["output_shape"] == [8, 8] else [3, 3])), strides=strides, **attributes)
                self.check_affine(m)

    def test_linear_tails(self):
        """What is linear up to the last layer is one block, and the rows of its product bound the pairs of outputs."""
        m = Model((1, 1), seed=1)
        m.add("MatMul", m.normal(5, 3), m.add("MatMul", m.normal(3, 1), "x"))
        self.check_affine(m, pairs=True)
        m = Model((1, 1, 5, 2), seed=2)
        top = m.add("Slice", m.add("Div", "x", m.weight([2.0, 3.0])), m.ints(0), m.ints(3), m.ints(2))
        rest = m.add("Slice", m.steps[0][3][0], m.ints(3), m.ints(5), m.ints(2))
        m.add("Concat", m.add("Flatten", m.add("BatchNormalization", top, m.normal(1), m.normal(1), m.normal(1), m.weight([0.5]))),
              m.add("Flatten", m.add("Conv", rest, m.normal(3, 1, 2, 1))), axis=1)
        m.add("Gemm", m.steps[-1][3][0], m.normal(4, 12), m.normal(4), transB=1)
        self.check_affine(m, pairs=True)
        # Across a rearrangement, with which neither neighbour gains anything.
        m = Model((1, 3, 4), seed=3)
        m.add("MatMul", "x", m.normal(4, 4))
        m.add("Transpose", m.steps[-1][3][0], perm=[0, 2, 1])
        m.add("MatMul", m.steps[-1][3][0], m.normal(3, 3))
        m.add("Gemm", m.add("Flatten", m.steps[-1][3][0]), m.normal(2, 12), transB=1)
        self.check_affine(m, pairs=True)

    def test_forged(self):
        """Certificates of the operators above, made a little sharper, or of another kind, and signed with the right key: none is accepted."""
        tail = Model((1, 4), seed=1)
        tail.add("MatMul", tail.normal(3, 3), tail.add("Reshape", tail.add("Resize", "x", "", tail.weight([1.0, 1.5]), mode="linear"), tail.ints(3, 2)))
        tail.add("Gemm", tail.add("Reshape", tail.steps[-1][3][0], tail.ints(1, 6)), tail.normal(3, 6), transB=1)
        pool = Model((1, 1, 5))
        pool.add("LpPool", "x", kernel_shape=[2], strides=[1])

        def sharper(factor):
            def change(p):
                value = float.fromhex(p["blocks"][0]["upper"]["exact"]) * factor
                p["blocks"][0]["upper"] = support.rigorous(value, up=True)
            return change

        def pair(p):
            upper = p["claims"][1]["upper"]
            value = float.fromhex(upper["exact"][1]) * (1 - 1e-6)
            upper["exact"][1], upper["decimal"][1] = support.hex_float(value), support.decimal_text(value, up=True)

        def put(**members):
            return lambda p: p["blocks"][0].update(members)

        def no_rows(p):
            p["claims"][1]["evidence"]["theorem"] = "pair-sqrt2"
        changes = {"tail": (tail, [sharper(1 - 1e-6), pair, put(operator="dense", method={"theorem": "dense-gram-psd", "class": "incomplete, deterministic, model-aware"}),
                                   put(operator="convolution"), no_rows]),
                   "pool": (pool, [sharper(1 - 1e-15), put(operator="pool-max", method={"theorem": "max-overlap", "class": "incomplete, deterministic, model-aware"}),
                                   put(operator="activation")])}
        for name, (model, forgeries) in changes.items():
            self.interval(model)
            original = support.statement(self.folder / "model.json")
            for k, change in enumerate([lambda p: None] + forgeries):
                with self.subTest(model=name, forgery=k):
                    forged = copy.deepcopy(original)
                    change(forged["predicate"])
                    path = support.forge(self.folder / "model.json", forged, self.secret, self.folder)
                    self.lipverify(path, "--model", self.folder / "model.onnx", "--public-key", self.public, code=1 if k else 0)

    def rejected_for(self, model, certificate, forged):
        """The checker's words on a statement that is made to name this model, with the graph digest that the checker itself finds."""
        forged["subject"][0]["digest"]["sha256"] = support.sha256(model.read_bytes())
        forged["predicate"]["model"].update(bytes=model.stat().st_size, graphDigest="0" * 64)
        for _ in range(2):
            path = support.forge(certificate, forged, self.secret, self.folder)
            report = json.loads(self.lipverify(path, "--model", model, "--public-key", self.public, "--json", code=1).stdout)
            forged["predicate"]["model"]["graphDigest"] = next(c["recomputed"] for c in report["checks"] if c["id"] == "graph-digest")
        return report["error"]

    def test_numbers_beyond_every_exponent(self):
        """c^(2^64) for c = 2 and c = 1/2, by repeated squares and powers: 64 bits of exponent would wrap around to 1, and the certificate of c = 1 would do."""
        def network(value, op):
            nodes, at = [], "c"
            for k in range(64 if op == "Mul" else 13):
                nodes.append(support.node(op, [at, at if op == "Mul" else "power"], f"c{k}"))
                at = f"c{k}"
            nodes.append(support.node("Mul", ["x", at], "y"))
            constants = [support.tensor(name, shape, struct.pack("<f", entry)) for name, shape, entry in (("c", (1,), value), ("power", (), 32.0))]
            return support.model(nodes, constants, (1, 4), (1, 4))
        for op in ("Mul", "Pow"):
            one = self.write("one.onnx", network(1.0, op))
            certificate, _ = self.certify(one, self.secret, "--force")
            self.lipverify(certificate, "--model", one, "--public-key", self.public)
            for value in (2.0, 0.5):
                with self.subTest(op=op, value=value):
                    far = self.write("far.onnx", network(value, op))
                    self.assertIn("out of range", self.rejected_for(far, certificate, support.statement(certificate)))

    def test_what_looks_right_to_no_reader(self):
        """Two gates multiplied, claimed to be one activation: refused, and no end of the checker."""
        model = Model((1, 4))
        model.add("Mul", model.add("Sigmoid", "x"), "x")
        path = self.write("silu.onnx", model.bytes())
        certificate, _ = self.certify(path, self.secret, "--force")
        two = Model((1, 4))
        two.add("Mul", two.add("Sigmoid", "x"), two.add("Tanh", "x"))
        other = self.write("gates.onnx", two.bytes())
        forged = support.statement(certificate)
        forged["predicate"]["model"]["output"]["name"] = "t2_0"
        forged["predicate"]["blocks"][0].update(id="t2_0", nodes=[0, 1, 2])
        self.assertIn("two gates", self.rejected_for(other, certificate, forged))

    def test_norms_of_data(self):
        """One node that is an L2 norm, alone and in a network of many entries (where the checker goes by distances, and roots next to 0 are seen as a whole)."""
        m = Model((1, 6))
        m.add("ReduceL2", "x", axes=[1])
        self.check(m, exact=1)
        m = Model((1, 1, 4, 4))
        m.add("LpPool", "x", kernel_shape=[2, 2], strides=[2, 2], p=2)
        self.check(m, exact=1)

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

    def gated(self):
        """Activations in pieces, as exporters write them: name, largest slope, nodes from `h` on."""
        gelu = 1.128905
        return (
            ("GELU of PyTorch", gelu, lambda m, h: m.add("Mul", m.add("Mul", h, m.add("Add", m.add("Erf", m.add("Div", h, m.weight(math.sqrt(2)))), m.weight(1.0))),
                                                         m.weight(0.5))),
            ("GELU, half of x first", gelu, lambda m, h: m.add("Mul", m.add("Mul", m.weight(0.5), h),
                                                               m.add("Add", m.weight(1.0), m.add("Erf", m.add("Mul", h, m.weight(math.sqrt(0.5))))))),
            ("GELU, half of the gate", gelu, lambda m, h: m.add("Mul", m.add("Mul", m.add("Add", m.add("Erf", m.add("Div", h, m.add("Sqrt", m.weight(2.0)))),
                                                                                           m.weight(1.0)), m.weight(0.5)), h)),
            ("GELU by tanh", 1.129, lambda m, h: m.add("Mul", m.add("Mul", h, m.weight(0.5)), m.add("Add", m.weight(1.0), m.add("Tanh", m.add("Mul", m.weight(
                math.sqrt(2 / math.pi)), m.add("Add", h, m.add("Mul", m.weight(0.044715), m.add("Pow", h, m.weight(3.0))))))))),
            ("GELU by tanh, products", 1.129, lambda m, h: m.add("Mul", h, m.add("Sigmoid", m.add("Mul", m.weight(2 * math.sqrt(2 / math.pi)), m.add(
                "Add", m.add("Mul", m.add("Mul", m.add("Mul", h, h), h), m.weight(0.044715)), h))))),
            ("SiLU", 1.09984, lambda m, h: m.add("Mul", m.add("Sigmoid", h), h)),
            ("quick GELU", 1.09984, lambda m, h: m.add("Mul", h, m.add("Sigmoid", m.add("Mul", h, m.weight(1.702))))),
            ("HardSwish", 1.5, lambda m, h: m.add("Mul", h, m.add("HardSigmoid", h, alpha=float(numpy.float32(1 / 6)), beta=0.5))),
            ("HardSwish by Clip", 1.5, lambda m, h: m.add("Div", m.add("Mul", h, m.add("Clip", m.add("Add", h, m.weight(3.0)), m.weight(0.0), m.weight(6.0))),
                                                          m.weight(6.0))),
            ("Mish", 1.0885, lambda m, h: m.add("Mul", h, m.add("Tanh", m.add("Softplus", h)))),
            ("Softsign", 1, lambda m, h: m.add("Div", h, m.add("Add", m.add("Abs", h), m.weight(1.0)))),
            ("Softsign, wide", 2, lambda m, h: m.add("Mul", m.add("Div", m.weight(4.0), m.add("Add", m.weight(2.0), m.add("Abs", h))), h)),
            ("x tanh(x)", 1.19968, lambda m, h: m.add("Mul", h, m.add("Tanh", h))))

    def test_gated_products(self):
        for name, constant, build in self.gated():
            with self.subTest(name):
                m = Model((1, 3))
                build(m, "x")
                found = self.quotients(m)
                lower, upper, printed = self.interval(m)
                self.assertEqual([b["operator"] for b in printed["blocks"][:1]], ["activation"])
                self.assertGreaterEqual(upper, found * (1 - 1e-6))
                self.assertLess(abs(upper - constant), 2e-5)
                self.assertGreater(lower, 0.95 * constant)
                # Between layers, with samples: values and slopes of both programs.
                m = Model((1, 4), seed=5)
                h = build(m, m.add("Gemm", "x", m.normal(6, 4), m.normal(6), transB=1))
                m.add("Gemm", build(m, m.add("Gemm", h, m.normal(5, 6), transB=1)), m.normal(3, 5), transB=1)
                path = self.write("model.onnx", m.bytes())
                samples = numpy.random.default_rng(2).normal(size=(6, 4)) * 3
                data = self.write("data.csv", "\n".join(",".join(f"{v:.6f}" for v in row) for row in samples) + "\n")
                certificate, printed = self.certify(path, self.secret, "--data", data)
                self.lipverify(certificate, "--model", path, "--public-key", self.public, "--data", data)
                self.assertGreaterEqual(float(printed["lipschitz"]), self.quotients(m) * (1 - 1e-6))
                self.assertGreater(float(printed["lipschitzLower"]), 0)
                self.lipcert("attack", path, "--data", data, "--certificate", certificate, "--limit", 2)

    def test_constants_that_the_graph_computes(self):
        """Weights as expressions of constants: the bound is that of the matrix that comes out."""
        def exponentials(m):
            w = m.add("Exp", m.normal(3, 4, scale=0.5))
            return m.add("Mul", w, m.add("Log", m.add("Add", m.add("Abs", m.normal(3, 1)), m.weight(0.25))))

        def norms(m):  # w / max(||row||, 1e-12), the norm repeated as torch exports it
            w = m.normal(3, 4)
            length = m.add("Clip", m.add("ReduceL2", w, axes=[1], keepdims=1), m.weight(1e-12))
            return m.add("Div", w, m.add("Expand", length, m.ints(3, 4)))

        def masks(m):
            w = m.normal(3, 4)
            small = m.add("LessOrEqual", m.add("Abs", w), m.weight(0.4))
            sign = m.add("And", m.add("Greater", w, m.weight(0.0)), m.add("Not", small))
            either = m.add("Or", sign, m.add("Equal", m.weight([[1.0, 2.0, 3.0, 4.0]]), m.weight(3.0)))
            return m.add("Where", either, w, m.add("Exp", w))

        def ones(m):
            mask = m.add("Cast", m.add("GreaterOrEqual", m.add("Exp", m.normal(3, 4)), m.weight(1.0)), to=1)
            return m.add("Mul", mask, m.normal(3, 4))

        def functions(m):
            w = m.add("Softplus", m.normal(3, 4))
            return m.add("Add", m.add("Erf", w), m.add("Pow", m.add("Elu", m.normal(3, 4)), m.weight(3.0)))

        def bytes_of_one_scale(m):
            return m.add("DequantizeLinear", m.weight(m.random.integers(-128, 128, size=(3, 4)), "int8"), m.weight(0.0123), m.weight(-7, "int8"))

        def bytes_by_row(m):
            return m.add("DequantizeLinear", m.weight(m.random.integers(0, 256, size=(3, 4)), "uint8"), m.weight([0.01, 0.3, 0.07]),
                         m.weight([0, 255, 128], "uint8"), axis=0)

        def words(m):
            w = m.add("DequantizeLinear", m.weight(m.random.integers(-2 ** 31, 2 ** 31, size=(4, 3)), "int32"), m.weight([3e-9, 1e-9, 2e-9]))
            return m.add("Transpose", w, perm=[1, 0])

        def numbers(m):
            return m.add("Mul", m.normal(3, 4), m.add("Cast", m.add("Range", m.weight(1, "int64"), m.weight(9, "int64"), m.weight(2, "int64")), to=1))
        for build in (exponentials, norms, masks, ones, functions, bytes_of_one_scale, bytes_by_row, words, numbers):
            with self.subTest(build.__name__):
                m = Model((1, 4), seed=11)
                m.add("Gemm", "x", build(m), transB=1)
                truth = numpy.linalg.svd(m.matrix(), compute_uv=False)[0]
                self.check(m, exact=truth, least_lower=truth * (1 - 1e-6))
                path = self.write("model.onnx", m.bytes())
                data = self.write("data.csv", "0.5,-1,2,0.25\n-3,0,0.125,1\n")
                certificate, _ = self.certify(path, self.secret, "--data", data)
                self.lipverify(certificate, "--model", path, "--public-key", self.public, "--data", data)
                self.lipcert("attack", path, "--data", data, "--certificate", certificate)
        # Repeating data is linear.
        m = Model((1, 3))
        m.add("Mul", m.add("Expand", m.add("Reshape", "x", m.ints(3, 1)), m.ints(2, 3, 4)), m.weight(0.5))
        self.check(m, exact=math.sqrt(8) / 2)

    def test_comparisons_that_stay_open(self):
        """exp(0.5)^2 against exp(1): equal in real arithmetic, which no enclosure can tell."""
        for op in ("Less", "GreaterOrEqual", "Equal"):
            m = Model((1, 2))
            square = m.add("Mul", m.add("Exp", m.weight([0.5, 0.25])), m.add("Exp", m.weight([0.5, 0.25])))
            mask = m.add(op, square, m.add("Exp", m.weight([1.0, 3.0])))
            m.add("Mul", "x", m.add("Where", mask, m.weight([1.0, 2.0]), m.weight([3.0, 4.0])))
            done = self.lipcert("certify", self.write("open.onnx", m.bytes()), "--key", self.secret, "-o", self.folder / "open.json", code=3)
            self.assertIn("too close to each other to tell", done.stderr)

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
        # T in the graph, as an exporter leaves it that folds no constants: 2 / sum_j |W'W|_ij e^q_j / e^q_i.
        m = Model((1, 12), seed=9)
        w = m.normal(10, 12)
        q = m.add("Exp", m.normal(10))
        gram = m.add("Abs", m.add("Mul", m.add("MatMul", w, m.add("Transpose", w, perm=[1, 0])), q))
        t = m.add("Reciprocal", m.add("Div", m.add("MatMul", gram, m.weight(numpy.ones(10))), q))
        y = m.add("MatMul", m.add("Mul", m.add("Relu", m.add("Gemm", "x", w, m.normal(10), transB=1)), t), w)
        m.add("Sub", "x", m.add("Mul", y, m.weight(2.0)))
        lower, upper, printed = self.interval(m)
        self.assertEqual([b["operator"] for b in printed["blocks"]], ["sll"])
        self.assertLessEqual(upper, 1 + 1e-9)
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

    def test_lower_ends_of_deep_and_large_networks(self):
        """They are not 0, and not above what the function does. Entry by entry an enclosure of the derivative outgrows a double's digits in so many layers."""
        m = Model((1, 64), seed=11)
        at = "x"
        weights = []
        for _ in range(30):
            weights.append(m.normal(64, 64, scale=0.2))
            at = m.add("Relu", m.add("Gemm", at, weights[-1], m.normal(64, scale=0.3), transB=1))
        m.add("Gemm", at, m.normal(5, 64, scale=0.2), transB=1)
        lower, upper, _ = self.interval(m)
        random = numpy.random.default_rng(3)
        best = 0
        for _ in range(50):  # Jacobians at random points
            x = random.normal(size=64) * choose(random, 0.1, 1, 10)
            jacobian = numpy.array([(m(x + 1e-6 * e) - m(x)) / 1e-6 for e in numpy.eye(64)])
            best = max(best, numpy.linalg.norm(jacobian, 2))
        self.assertGreater(lower, 0.5 * best)
        self.assertLess(lower, upper)
        # 150 528 inputs, and more entries between the layers than are enclosed one by one. The kernels are positive, so that a constant image says what to
        # expect: inside of it every channel of the second layer gets the sum of all weights along the way.
        m = Model((1, 3, 224, 224), seed=12)
        first, second = numpy.full((16, 3, 3, 3), 0.125), numpy.full((2, 16, 1, 1), 0.5)
        at = m.add("Relu", m.add("Conv", "x", m.weight(first), pads=[1, 1, 1, 1]))
        at = m.add("MaxPool", at, kernel_shape=[2, 2], strides=[2, 2])
        at = m.add("Relu", m.add("Conv", at, m.weight(second)))
        m.add("GlobalAveragePool", at)
        lower, upper, _ = self.interval(m)
        # On positive images without a change of the largest entries: 2 outputs, the average of 112 x 112 values of 8 sums of 27 pixels over 8.
        ones = numpy.sqrt(2) * 8 * 27 / 8 / numpy.sqrt(3 * 224 * 224)
        self.assertGreater(lower, 0.5 * ones)
        self.assertLess(lower, upper)

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
        def shifted(m):  # the slope of (x + 1) sigmoid(x) is not that of SiLU
            m.add("Mul", m.add("Add", "x", m.weight(1.0)), m.add("Sigmoid", "x"))

        def other_cube(m):
            u = m.add("Add", "x", m.add("Mul", m.weight(0.05), m.add("Pow", "x", m.weight(3.0))))
            m.add("Mul", "x", m.add("Tanh", m.add("Mul", u, m.weight(0.8))))

        def read_outside(m):
            s = m.add("Sigmoid", "x")
            m.add("Add", m.add("Mul", "x", s), s)
        for build in (product, attention, sign, root, quotient, shifted, other_cube, read_outside):
            with self.subTest(build.__name__):
                m = Model((2, 4))
                build(m)
                path = self.write("refused.onnx", m.bytes())
                done = self.lipcert("certify", path, "--key", self.secret, "-o", self.folder / "refused.json", code=3)
                self.assertRegex(done.stderr, r"n\d")
                self.assertFalse((self.folder / "refused.json").exists())


if __name__ == "__main__":
    support.main()
