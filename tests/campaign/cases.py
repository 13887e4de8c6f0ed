"""Small networks with every kind of block and every theorem, certified by the generator: what the campaign forges. A case is a folder with model.onnx, the
certificate's statement and, where samples are claimed, data and records."""

import json
import math
import pathlib
import shutil
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support  # noqa: E402
from onnx_numpy import Model  # noqa: E402


def dense():
    m = Model((1, 5), seed=1)
    at = m.add("Sub", m.add("Mul", "x", m.weight([0.5])), m.normal(5))
    at = m.add("Relu", m.add("Gemm", at, m.normal(4, 5), m.normal(4), transB=1))
    m.add("Gemm", at, m.normal(3, 4), m.normal(3), transB=1)
    return m


def sign():
    """One output: its sign is the decision."""
    m = Model((1, 5), seed=11)
    m.add("Gemm", m.add("Abs", m.add("Gemm", "x", m.normal(6, 5), m.normal(6), transB=1)), m.normal(1, 6), m.weight([0.3]), transB=1)
    return m


def convolutions():
    """The three theorems of convolutions, an average, a maximum and the explicit matrix of a linear tail."""
    m = Model((1, 2, 6, 6), seed=2)
    at = m.add("Conv", "x", m.normal(3, 2, 3, 3, scale=0.3), m.normal(3), pads=[1, 1, 1, 1])
    at = m.add("Tanh", m.add("BatchNormalization", at, m.normal(3), m.normal(3), m.normal(3), m.weight([0.5, 1, 2])))
    at = m.add("MaxPool", at, kernel_shape=[2, 2], strides=[2, 2])
    at = m.add("LeakyRelu", m.add("Conv", at, m.normal(4, 3, 2, 2, scale=0.3), m.normal(4)), alpha=-0.5)
    at = m.add("Mul", m.add("AveragePool", at, kernel_shape=[2, 2], strides=[1, 1]), m.weight([2.0]))
    m.add("Gemm", m.add("Flatten", m.add("Abs", at)), m.normal(3, 4), transB=1)
    return m


def circular():
    m = Model((1, 2, 5, 6), seed=3)
    at = "x"
    for axis in (2, 3):
        end = m.add("Slice", at, m.ints(-1), m.ints(2 ** 62), m.ints(axis))
        start = m.add("Slice", at, m.ints(0), m.ints(1), m.ints(axis))
        at = m.add("Concat", end, at, start, axis=axis)
    at = m.add("Conv", at, m.normal(2, 2, 3, 3, scale=0.4))
    m.add("Softplus", at)
    return m


def sorting():
    m = Model((1, 8), seed=4)
    w, _ = numpy.linalg.qr(m.random.normal(size=(8, 8)))
    at = m.add("Gemm", "x", m.weight(w), transB=1)
    a, b = m.add("Split", at, m.ints(4, 4), outputs=2, axis=1)
    at = m.add("Concat", m.add("Max", a, b), m.add("Min", a, b), axis=1)
    m.add("Gemm", at, m.normal(2, 8), transB=1)
    return m


def joins():
    m = Model((1, 4), seed=5)
    inner = m.add("Relu", m.add("Gemm", "x", m.normal(4, 4), m.normal(4), transB=1))
    at = m.add("Add", m.add("Gemm", inner, m.normal(4, 4, scale=0.5), transB=1), "x")
    side = m.add("Sigmoid", m.add("Gemm", at, m.normal(3, 4), transB=1))
    both = m.add("Concat", m.add("Relu", at), side, axis=1)
    top = m.add("Max", m.add("Mul", both, m.weight(3.0)), m.add("Mul", both, m.weight(-2.0)))
    m.add("Gemm", top, m.normal(3, 7), transB=1)
    return m


def slices():
    m = Model((1, 8), seed=7)
    a, b = m.add("Split", "x", m.ints(3, 5), outputs=2, axis=1)
    a = m.add("Relu", m.add("Gemm", a, m.normal(3, 3), transB=1))
    b = m.add("Elu", m.add("Gemm", b, m.normal(5, 5), transB=1))
    m.add("Softmax", m.add("Concat", a, b, axis=1), axis=1)
    return m


def residual():
    m = Model((1, 6), seed=8)
    w = m.random.normal(size=(5, 6)).astype("<f4")
    weight = m.weight(w)
    steps = numpy.float32(2) / numpy.abs((w.astype(float) @ w.T.astype(float)).astype("<f4")).sum(axis=1, dtype="<f4")
    y = m.add("Mul", m.add("Relu", m.add("Gemm", "x", weight, m.normal(5), transB=1)), m.weight(steps))
    at = m.add("Sub", "x", m.add("MatMul", y, weight))
    gate = m.add("Mul", at, m.add("Sigmoid", at))
    m.add("Gemm", gate, m.normal(2, 6), transB=1)
    return m


def norms():
    """L2 pooling, a zero matrix beside a diagonal one, a wide reflecting convolution."""
    m = Model((1, 1, 4, 4), seed=9)
    at = m.add("Pad", "x", m.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")
    at = m.add("Conv", at, m.normal(2, 1, 3, 3, scale=0.5))
    p = m.add("AveragePool", m.add("Mul", at, at), kernel_shape=[2, 2], strides=[2, 2])
    at = m.add("Flatten", m.add("Sqrt", p))
    m.add("Gemm", at, m.weight(numpy.zeros((2, 8))), m.weight([1.0, -1.0]), transB=1)
    return m


def affine():
    m = Model((1, 2, 3, 4), seed=10)
    at = m.add("Transpose", "x", perm=[0, 2, 3, 1])
    at = m.add("Reshape", at, m.ints(1, -1))
    m.add("Gemm", at, m.normal(5, 24), m.normal(5), transB=1)
    return m


NETWORKS = {f.__name__: f for f in (dense, sign, convolutions, circular, sorting, joins, slices, residual, norms, affine)}


def slopes(model, points=3, seed=0):
    """A lower end of the constant of a network that this test evaluates itself: the largest singular value of its difference quotients at a few points.
    Near kinks a quotient is no derivative, but a quotient of the network all the same, column by column; so the whole is confirmed by one step along the
    right singular vector."""
    random = numpy.random.default_rng(seed)
    size, best = math.prod(model.shape), 0.0
    for k in range(points):
        x = random.normal(size=size) * (0.3, 1, 4)[k % 3]
        step = 1e-5
        columns = numpy.array([(model(x + step * e) - model(x - step * e)) / (2 * step) for e in numpy.eye(size)]).T
        v = numpy.linalg.svd(columns)[2][0] * step
        best = max(best, float(numpy.linalg.norm(model(x + v) - model(x - v)) / (2 * numpy.linalg.norm(v))))
    return best


class Case:
    """One certificate; `records` are bytes, or None where nothing is claimed about samples."""

    def __init__(self, name, folder, network, statement, truth, samples=None, records=None):
        self.name, self.folder, self.network, self.statement, self.truth, self.samples, self.records = name, pathlib.Path(folder), network, statement, truth, samples or {}, records
        self.model = self.folder / "model.onnx"


def make(folder):
    """All cases, each in a folder of its own below `folder`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "key.pem"
    support.run(support.LIPCERT, "keygen", "--out", secret)
    cases = []

    def certified(name, network, model, options=(), samples=None):
        place = folder / name
        place.mkdir()
        (place / "model.onnx").write_bytes(model)
        for key, path in (samples or {}).items():
            shutil.copy(path, place / key)
        done = support.run(support.LIPCERT, "certify", place / "model.onnx", "--key", secret, "-o", place / "certificate.json", "--no-recheck", "--json", *options, *(("--radii", "global") if "--data" in options else ()))
        assert done.returncode == 0, (name, done.stderr)
        statement = support.statement(place / "certificate.json")
        claims = {c["kind"]: c for c in statement["predicate"]["claims"]}
        records = (place / claims["sample-radii"]["records"]["file"]).read_bytes() if samples else None
        truth = slopes(network)
        given = {key: str(place / key) for key in (samples or {})}
        cases.append(Case(name, place, network, statement, truth, given, records))

    for name, build in NETWORKS.items():
        network = build()
        certified(name, network, network.bytes())
    random = numpy.random.default_rng(5)

    def rows(name, labels):
        path = folder / name
        path.write_text("".join(",".join(f"{v:.3f}" for v in random.normal(size=5)) + f",{label}\n" for label in labels))
        return path
    data = rows("classes.csv", [k % 3 for k in range(12)])
    certified("scaled", dense(), dense().bytes(), ["--data", data, "--label-column", "5", "--eps", "0.01,1/50", "--scale", "2", "--mean", "0.25", "--std", "1/3", "--allow-low-accuracy"],
              {"data": data})
    data = rows("signs.csv", [k % 2 for k in range(9)])
    certified("signs", sign(), sign().bytes(), ["--data", data, "--label-column", "5", "--eps", "0.05,0.2", "--allow-low-accuracy"], {"data": data})
    return cases


def blocks_of(cases):
    """(operator, theorem) of all blocks: what the campaign covers."""
    return sorted({(b["operator"], b["method"]["theorem"]) for c in cases for b in c.statement["predicate"]["blocks"]})


if __name__ == "__main__":
    made = make(sys.argv[1])
    print(json.dumps({c.name: [c.truth, c.statement["predicate"]["claims"][0]["upper"]["decimal"]] for c in made}, indent=1))
    print(blocks_of(made))
