"""Random networks: chains and joins of whatever a network is made of, in every opset, with what is unusual in trained ones: odd attributes, dead channels, rows and
channels of very different size, parameters that the graph computes, tensors and weights that several nodes read, windows that see nothing but padding."""

import numpy

import nodes
from onnx_numpy import Model


class Network:
    def __init__(self, seed):
        self.random = numpy.random.default_rng(10 ** 6 + seed)
        self.opset = self.between(8, 23)
        self.model = Model((1, self.between(1, 4), self.between(2, 6), self.between(1, 6)), self.opset, seed)
        self.add, self.weight, self.ints, self.normal = self.model.add, self.model.weight, self.model.ints, self.model.normal

    def between(self, low, high):
        return int(self.random.integers(low, high + 1))

    def pick(self, *options):
        return options[int(self.random.integers(len(options)))]

    def chance(self, share):
        return self.random.uniform() < share

    def shape(self, at):
        return self.model.shapes[at]

    def sizes(self, n):
        """Factors for n rows: all near 1, or spread over many powers of ten, or some of them 0."""
        kind = self.pick("one", "one", "one", "spread", "dead")
        return numpy.ones(n) if kind == "one" else 10.0 ** self.random.integers(-9, 10, size=n) if kind == "spread" else self.random.integers(0, 2, size=n).astype(float)

    def list_input(self, values, key, since, **attributes):
        """A list of integers that is an attribute before an opset and an input from then on."""
        return ([self.ints(*values)], attributes) if self.opset >= since else ([], {**attributes, key: list(values)})

    def computed(self, value):
        """A constant that is stored, or one that the graph computes."""
        value = numpy.asarray(value, dtype=float)
        kind = self.pick("stored", "stored", "quotient", "sum", "moved")
        if kind == "quotient":
            return self.add("Div", self.weight(value * 3), self.weight(3.0))
        if kind == "sum":
            return self.add("Add", self.weight(value), self.add("Mul", self.weight(0.25 * numpy.ones(value.shape)), self.weight(0.125)))
        if kind == "moved" and value.ndim == 2:
            return self.add("Transpose", self.weight(value.T))
        return self.weight(value)

    # ----------------------------------------------------------------------------------------------------------------------- pieces of (N, C, H, W)

    def window(self, at, most=3):
        """Attributes of windows that fit, each there with some probability."""
        lengths = self.shape(at)[2:]
        kernel = [self.between(1, min(most, n)) for n in lengths]
        out = {"kernel_shape": kernel}
        if self.chance(0.5):
            out["strides"] = [self.between(1, 3) for _ in kernel]
        if self.chance(0.3):
            out["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID")
            if "strides" in out:  # where windows leave gaps, runtimes disagree on SAME
                out["strides"] = [min(s, k) for s, k in zip(out["strides"], kernel)]
        elif self.chance(0.6):
            out["pads"] = [self.between(0, k - 1) for k in kernel * 2]
        return out

    def convolution(self, at):
        n, c = self.shape(at)[:2]
        window = self.window(at)
        groups = self.pick(*(g for g in (1, 1, 2, 3, 4) if c % g == 0))
        per = self.between(1, 3)
        w = self.random.normal(size=(groups * per, c // groups, *window["kernel_shape"])) * self.sizes(groups * per).reshape(-1, 1, 1, 1)
        if groups > 1 or self.chance(0.3):
            window["group"] = groups
        if "auto_pad" not in window and self.chance(0.3) and all(2 * (k - 1) < m for k, m in zip(window["kernel_shape"], self.shape(at)[2:])):
            window["dilations"] = [2, 2]
        bias = [self.weight(self.random.normal(size=groups * per))] if self.chance(0.7) else []
        return self.add("Conv", at, self.weight(w), *bias, **window)

    def transposed(self, at):
        c = self.shape(at)[1]
        if max(self.shape(at)[2:]) > 6:
            return self.convolution(at)
        groups = self.pick(*(g for g in (1, 1, 2) if c % g == 0))
        strides = [self.between(1, 2) for _ in range(2)]
        extra = {"output_padding": [self.between(0, s - 1) for s in strides]} if self.chance(0.4) else {}
        return self.add("ConvTranspose", at, self.normal(c, self.between(1, 2), 2, self.between(1, 3)), strides=strides, group=groups, **extra)

    def activation(self, at):
        op = self.pick("Relu", "Relu", "Abs", "Tanh", "Sigmoid", "LeakyRelu", "PRelu", "Clip", "Elu", "Selu", "Softplus", "HardSigmoid", "Neg", "other")
        if op == "other":
            op = self.pick(*(name for name, since in nodes.ACTIVATIONS.items() if self.opset >= since))
        if op == "PRelu":
            shape = self.shape(at)
            return self.add(op, at, self.computed(self.random.integers(-9, 10, size=(shape[1],) + (1,) * (len(shape) - 2))))
        if op == "Clip":
            if self.opset < 11:
                return self.add(op, at, min=-0.5, max=0.75)
            return self.add(op, at, self.computed(-0.5) if self.chance(0.5) else "", self.computed(1.25) if self.chance(0.5) else "")
        if op in ("LeakyRelu", "Elu", "Celu"):
            return self.add(op, at, alpha=self.pick(0.125, 0.5, 1.75))
        if op == "HardSigmoid":
            return self.add(op, at, alpha=self.pick(0.25, 2.0), beta=0.5)
        return self.add(op, at)

    def gated(self, at):
        kind = self.pick("silu", "tanh", "mish", "softsign", "hard")
        if kind == "silu":
            return self.add("Mul", at, self.add("Sigmoid", self.add("Mul", at, self.weight(1.702)) if self.chance(0.5) else at))
        if kind == "mish":
            return self.add("Mul", at, self.add("Tanh", self.add("Softplus", at)))
        if kind == "softsign":
            return self.add("Div", at, self.add("Add", self.add("Abs", at), self.weight(self.pick(1.0, 2.0))))
        if kind == "hard":
            return self.add("Mul", at, self.add("HardSigmoid", at, alpha=0.125, beta=0.5))
        return self.add("Mul", self.add("Tanh", at), at)

    def l2_pooling(self, at):
        if self.chance(0.5):
            at = self.add("Relu", at)
        at = self.add("Mul", at, at) if self.chance(0.5) else self.add("Pow", at, self.weight(2.0))
        c, n, m = self.shape(at)[1:]
        k = min(self.pick(1, 2, 3), n, m)
        if self.chance(0.5):
            w = abs(self.random.normal(size=(self.pick(1, 2), c, k, k)))
            at = self.add("Conv", at, self.weight(w * self.sizes(len(w)).reshape(-1, 1, 1, 1)), pads=[k // 2] * 4, strides=[self.pick(1, 2)] * 2)
        else:  # strides beyond the window, and a window that sees only padding
            at = self.add("AveragePool", at, kernel_shape=[k, k], strides=[self.pick(1, k, 3)] * 2, pads=[k - 1] * 4, count_include_pad=1)
        if self.opset >= 9 and self.chance(0.5):
            at = self.add("Mul", self.add("Sign", at), self.add("Relu", self.add("Abs", at)))
            at = self.add("Mul", at, self.weight(4.0))
        return self.add("Sqrt", at) if self.chance(0.5) else self.add("Pow", at, self.weight(0.5))

    def residual(self, at):
        c = self.shape(at)[1]
        if self.chance(0.5):
            return self.add("Add", at, self.add("Conv", self.activation(at), self.normal(c, c, 3, 3, scale=0.3), pads=[1] * 4))
        weight = self.weight(self.random.normal(size=(self.pick(1, 2, 3), c, 3, 3)) * self.pick(1, 1e-3, 30))
        y = self.add("Relu", self.add("Conv", at, weight, pads=[1] * 4))
        constants = self.model.constants[weight]
        steps = 10.0 ** self.random.uniform(-6, 1, size=(self.shape(y)[1], 1, 1)) if self.chance(0.5) else numpy.full((1, 1, 1), 2.0 / numpy.sum(abs(constants)) ** 2)
        return self.add("Sub", at, self.add("ConvTranspose", self.add("Mul", y, self.weight(steps)), weight, pads=[1] * 4))

    def normalisation(self, at):
        c = self.shape(at)[1]
        epsilon = {"epsilon": 2.0 ** -10} if self.chance(0.5) else {}
        return self.add("BatchNormalization", at, self.weight(self.random.normal(size=c) * self.sizes(c)), self.normal(c), self.normal(c),
                        self.weight(self.random.uniform(0, 2, size=c)), **epsilon)

    def largest(self, at):
        window = self.window(at)
        if self.opset >= 10 and "auto_pad" not in window and self.chance(0.2):
            window["dilations"] = [1, 1]
        return self.add("MaxPool", at, **window)

    def average(self, at):
        return self.add("AveragePool", at, **self.window(at), count_include_pad=self.pick(0, 1))

    def padding(self, at):
        mode = self.pick("constant", "edge", "reflect")
        pads = [0, 0, *(min(self.between(0, 2), n - 1) for n in self.shape(at)[2:])] * 2
        inputs, attributes = self.list_input(pads, "pads", 11, mode=mode)
        return self.add("Pad", at, *inputs, **attributes)

    # ------------------------------------------------------------------------------------------------------------------------------ pieces of any rank

    def entrywise(self, at):
        """A constant of a shape that is repeated along the data, on either side."""
        shape = self.shape(at)
        other = [self.pick(d, d, 1) for d in shape][self.between(0, len(shape) - 1):]
        op = self.pick("Add", "Sub", "Mul", "Div")
        constant = self.computed(numpy.sign(self.random.normal(size=other)) * self.random.uniform(0.5, 2, size=other))
        return self.add(op, constant, at) if op != "Div" and self.chance(0.4) else self.add(op, at, constant)

    def sort(self, at):
        """MaxMin by halves or by neighbours, and the largest entries in order."""
        shape = self.shape(at)
        axis = self.between(1, len(shape) - 1)
        n = shape[axis]
        if n % 2 == 0 and self.chance(0.7):
            inputs, attributes = self.list_input([n // 2, n // 2], "split", 13, axis=axis)
            a, b = self.add("Split", at, *inputs, outputs=2, **attributes)
            return self.add("Concat", self.add("Max", a, b), self.add("Min", b, a), axis=axis)
        k = self.pick(n, n, self.between(1, n))
        inputs, attributes = ([self.ints(k)], {}) if self.opset >= 10 else ([], {"k": k})
        if self.opset >= 11 and self.chance(0.5):
            attributes["largest"] = self.pick(0, 1)
        return self.add("TopK", at, *inputs, outputs=2, axis=axis, **attributes)[0]

    def split(self, at):
        """Parts that go ways of their own and meet again, in another order; one of them may be read twice."""
        shape = self.shape(at)
        axis = self.between(1, len(shape) - 1)
        n = shape[axis]
        if n < 2:
            return self.branches(at)
        first = self.between(1, n - 1)
        inputs, attributes = self.list_input([first, n - first], "split", 13, axis=axis)
        a, b = self.add("Split", at, *inputs, outputs=2, **attributes)
        a, kept = self.activation(a), b
        b = self.entrywise_same(b)
        return self.add("Concat", b, a, *([kept] if self.chance(0.3) else []), axis=axis)

    def entrywise_same(self, at):
        return self.add("Mul", at, self.computed(self.random.normal(size=self.shape(at)[-1:])))

    def branches(self, at):
        """One tensor with several readers, and a join."""
        a = self.activation(at)
        kind = self.pick("Add", "Sub", "Concat", "Max", "Min")
        other = self.entrywise_same(at) if self.chance(0.5) else at
        if kind == "Concat":
            return self.add("Concat", a, other, at, axis=self.between(1, len(self.shape(at)) - 1))
        return self.add(kind, a, other)

    def move(self, at):
        shape = self.shape(at)
        rank = len(shape)
        kind = self.pick("Transpose", "Slice", "Gather", "Unsqueeze", "Reduce")
        axis = self.between(1, rank - 1)
        if kind == "Transpose":
            return self.add("Transpose", at, perm=[0, *(1 + int(k) for k in self.random.permutation(rank - 1))])
        if kind == "Slice":
            start = self.between(0, shape[axis] - 1)
            if self.opset < 10:
                return self.add("Slice", at, starts=[start], ends=[2 ** 62], axes=[axis])
            if start == shape[axis] - 1 and self.chance(0.5):
                return self.add("Slice", at, self.ints(-1), self.ints(-2 ** 62), self.ints(axis), self.ints(-self.pick(1, 2)))
            return self.add("Slice", at, self.ints(start), self.ints(2 ** 62), self.ints(axis - rank), self.ints(self.pick(1, 2)))
        if kind == "Gather":
            return self.add("Gather", at, self.ints(*(self.between(0, shape[axis] - 1) for _ in range(self.between(1, 5)))), axis=axis)
        if kind == "Unsqueeze":
            inputs, attributes = self.list_input([1], "axes", 13)
            up = self.activation(self.add("Unsqueeze", at, *inputs, **attributes))
            inputs, attributes = self.list_input([1], "axes", 13)
            return self.add("Squeeze", up, *inputs, **attributes)
        op = self.pick("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin")
        inputs, attributes = self.list_input([axis], "axes", 13 if op == "ReduceSum" else 18, keepdims=1)
        reduced = self.add(op, at, *inputs, **attributes)
        return self.add("Sub", at, reduced) if op in ("ReduceMean", "ReduceSum") and self.chance(0.5) else reduced

    def tail(self, at):
        at = self.add("Flatten", at, axis=1)
        for _ in range(self.between(1, 2)):
            rows = self.between(1, 5)
            n = self.shape(at)[1]
            w = self.random.normal(size=(rows, n)) * self.sizes(rows).reshape(-1, 1)
            if self.chance(0.5):
                at = self.add("Gemm", at, self.computed(w), self.normal(rows), transB=1, alpha=self.pick(1.0, -0.5))
            else:
                at = self.add("MatMul", at, self.computed(w.T))
            if self.chance(0.3):
                at = self.activation(at)
        return at

    def build(self):
        pictures = (self.convolution, self.convolution, self.transposed, self.l2_pooling, self.residual, self.normalisation, self.largest, self.average, self.padding)
        anything = (self.activation, self.activation, self.gated, self.entrywise, self.sort, self.split, self.branches, self.move)
        at = "x"
        for _ in range(self.between(1, 5)):
            size = int(numpy.prod(self.shape(at)))
            at = self.pick(*anything, *(pictures if size <= 150 else (self.largest, self.average)))(at)
        at = self.tail(at) if self.chance(0.6) else at
        if at != self.model.steps[-1][3][0]:  # the evaluator gives what the last node does
            at = self.add("Identity", at)
        return self.model


def build(seed):
    return Network(seed).build()
