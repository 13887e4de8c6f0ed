"""Random graphs of one to three nodes with random attributes, sensible and odd: what lipcert reads of them, a runtime must read alike, and its bounds must hold.

nodes.py FOLDER COUNT [SEED]   writes 0.onnx, 1.onnx, ... and prints nothing"""

import os
import pathlib
import sys

import numpy

os.environ.setdefault("LIPCERT", "lipcert")
os.environ.setdefault("LIPVERIFY", "lipverify")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import onnx_numpy  # noqa: E402  (the evaluator)
import support  # noqa: E402  (the writer of ONNX files)

ACTIVATIONS = {"Relu": 8, "LeakyRelu": 8, "Abs": 8, "Neg": 8, "Tanh": 8, "Sigmoid": 8, "Elu": 8, "Selu": 8, "Softplus": 8, "HardSigmoid": 8, "HardSwish": 14,
               "Mish": 18, "Gelu": 20, "Softsign": 8, "Celu": 12, "Sin": 8, "Cos": 8, "Erf": 9, "Identity": 8, "Dropout": 8}


class Nodes(onnx_numpy.Model):
    """Nodes are only written down while the graph grows: whether they make sense is for the programs to say, and what they accept is evaluated then."""

    def __init__(self, seed):
        super().__init__((), 0, seed)
        self.opset = int(self.random.integers(7, 24))
        self.at = "x"

    def below(self, n):
        return int(self.random.integers(n))

    def between(self, low, high):
        return int(self.random.integers(low, high + 1))

    def pick(self, *options):
        return options[self.below(len(options))]

    def values(self, *shape, positive=False):
        values = self.random.normal(size=shape)
        return self.weight(numpy.abs(values) + 0.5 if positive else values)

    def add(self, op, *more, outputs=1, first=None, **attributes):
        names = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        inputs = [first or self.at, *more]
        self.nodes.append(support.node(op, inputs, names, f"n{len(self.nodes)}", **attributes))
        self.steps.append((op, {key: float(numpy.float32(v)) if isinstance(v, float) else v for key, v in attributes.items()}, inputs, names))
        self.at = names[0]
        return names

    def operand(self, values, key, since, **attributes):
        """A list of integers that is an attribute before an opset and an input from then on."""
        return ([self.ints(*values)], attributes) if self.opset >= since else ([], {**attributes, key: list(values)})

    # ------------------------------------------------------------------------------------------------------------------------ operators

    def sizes(self, rank=None, least=1):
        rank = self.between(1, 4) if rank is None else rank
        return [self.pick(1, 1, 2) if k == 0 else self.between(least, 6) for k in range(rank)]

    def windows(self, spatial):
        """Attributes of windows; each is there with some probability."""
        out = {}
        if self.below(2):
            out["strides"] = [self.between(1, 4) for _ in range(spatial)]
        if self.below(3) == 0:
            out["dilations"] = [self.between(1, 3) for _ in range(spatial)]
        if self.below(3) == 0:
            out["auto_pad"] = self.pick("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET")
        elif self.below(2):
            out["pads"] = [self.between(0, 3) for _ in range(2 * spatial)]
        return out

    def convolution(self):
        spatial, group = self.pick(1, 2, 2, 3), self.pick(1, 1, 2)
        inner, outer = group * self.between(1, 2), group * self.between(1, 2)
        shape = [self.pick(1, 2), inner, *(self.between(3, 8) for _ in range(spatial))]
        kernel = [self.between(1, 3) for _ in range(spatial)]
        attributes = self.windows(spatial) | ({"group": group} if group > 1 or self.below(2) else {})
        if self.below(2):
            self.add("Conv", self.values(outer, inner // group, *kernel), *([self.values(outer)] if self.below(2) else []), **attributes)
        else:
            if self.below(2):
                attributes["output_padding"] = [self.between(0, 3) for _ in range(spatial)]
            self.add("ConvTranspose", self.values(inner, outer // group, *kernel), *([self.values(outer)] if self.below(2) else []), **attributes)
        return shape

    def pool(self):
        spatial = self.pick(1, 2, 2, 3)
        op = self.pick("MaxPool", "AveragePool")
        attributes = self.windows(spatial) | {"kernel_shape": [self.between(1, 4) for _ in range(spatial)]}
        if attributes.get("dilations") and self.opset < (10 if op == "MaxPool" else 19):
            del attributes["dilations"]
        if self.opset >= 10 and self.below(3) == 0:
            attributes["ceil_mode"] = 1
        if op == "AveragePool" and self.below(2):
            attributes["count_include_pad"] = 1
        self.add(op, **attributes)
        return [self.pick(1, 2), self.between(1, 2), *(self.between(3, 9) for _ in range(spatial))]

    def padding(self):
        shape = self.sizes(least=2)
        mode = self.pick("constant", "reflect", "edge", "wrap")
        pads = [self.pick(0, 0, 1, 2, 3) for _ in range(2 * len(shape))]
        inputs, attributes = self.operand(pads, "pads", 11, mode=mode)
        if self.opset >= 11 and self.below(2):
            inputs.append(self.weight(0.75))
        self.add("Pad", *inputs, **attributes)
        return shape

    def reshape(self):
        shape = self.sizes()
        size = int(numpy.prod(shape))
        kept = self.below(len(shape))
        wanted = self.pick([-1], [size], [1, -1], [0, -1], [-1, shape[-1]], shape[:kept] + [-1], [0] * len(shape), [0, 0, -1], [1, size, 1], [-1, 1, 1])
        more = {"allowzero": self.below(2)} if self.opset >= 14 and self.below(2) else {}
        self.add("Reshape", self.ints(*wanted), **more)
        return shape

    def move(self):
        shape = self.sizes()
        rank = len(shape)
        axis = self.between(-rank, rank - 1) if self.opset >= 11 else self.below(rank)
        kind = self.pick("Flatten", "Transpose", "Squeeze", "Unsqueeze", "Concat", "Slice", "Gather", "DepthToSpace", "SpaceToDepth", "Split")
        if kind == "Flatten":
            self.add("Flatten", **({} if self.below(2) else {"axis": self.between(-rank if self.opset >= 11 else 0, rank)}))
        elif kind == "Transpose":
            self.add("Transpose", **({} if self.below(2) else {"perm": [int(k) for k in self.random.permutation(rank)]}))
        elif kind == "Squeeze":
            ones = [k for k in range(rank) if shape[k] == 1]
            if self.below(2) or not ones:
                self.add("Squeeze")
            else:
                inputs, attributes = self.operand(ones[:1], "axes", 13)
                self.add("Squeeze", *inputs, **attributes)
        elif kind == "Unsqueeze":
            inputs, attributes = self.operand([self.below(rank + 1)], "axes", 13)
            self.add("Unsqueeze", *inputs, **attributes)
        elif kind == "Concat":
            self.add("Concat", "x", self.values(*shape), axis=axis)
        elif kind == "Slice":
            length = shape[axis]
            start, end = self.between(-length - 1, length + 1), self.between(-length - 1, length + 1)
            if self.opset < 10:
                self.add("Slice", starts=[start], ends=[end], axes=[axis % rank])
            else:
                self.add("Slice", self.ints(start), self.ints(end), self.ints(axis), *([self.ints(self.pick(1, 2, 3, -1, -2))] if self.below(2) else []))
        elif kind == "Gather":
            least = -shape[axis] if self.opset >= 11 else 0
            self.add("Gather", self.ints(*(self.between(least, shape[axis] - 1) for _ in range(self.between(1, 4)))), axis=axis)
        elif kind == "Split":
            shape[axis] = 4
            inputs, attributes = self.operand(self.pick([1, 3], [2, 2], [3, 1]), "split", 13, axis=axis)
            a, b = self.add("Split", *inputs, outputs=2, **attributes)
            self.add("Concat", b, first=a, axis=axis)
        else:
            b = self.pick(1, 2)
            shape = [1, b * b * self.between(1, 2), 2 * self.between(1, 3), 2 * self.between(1, 3)]
            mode = {"mode": self.pick("DCR", "CRD")} if kind == "DepthToSpace" and self.opset >= 11 and self.below(2) else {}
            self.add(kind, blocksize=b, **mode)
        return shape

    def reduction(self):
        shape = self.sizes()
        op = self.pick("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "TopK", "Softmax", "GlobalAveragePool", "GlobalMaxPool")
        rank = len(shape)
        axis = self.between(-rank, rank - 1) if self.opset >= 11 else self.below(rank)
        if op.startswith("Global"):
            shape = self.sizes(self.between(3, 5))
            self.add(op)
        elif op == "Softmax":
            self.add(op, **({} if self.below(2) else {"axis": axis}))
        elif op == "TopK":
            k = self.between(1, shape[axis])
            inputs, attributes = self.operand([k], "k", 10, axis=axis)
            attributes["k"] = k
            if self.opset >= 10:
                del attributes["k"]
            if self.opset >= 11 and self.below(2):
                attributes["largest"] = self.below(2)
            self.add(op, *inputs, outputs=2, **attributes)
        else:
            inputs, attributes = ([], {}) if self.below(3) == 0 else self.operand([axis], "axes", 13 if op == "ReduceSum" else 18)
            if self.below(2):
                attributes["keepdims"] = self.below(2)
            if self.opset >= (13 if op == "ReduceSum" else 18) and self.below(3) == 0:
                attributes["noop_with_empty_axes"] = self.below(2)
            self.add(op, *inputs, **attributes)
        return shape

    def product(self):
        if self.below(2):
            inner, outer, trans = self.between(1, 5), self.between(1, 5), self.below(2)
            bias = [self.values(*self.pick((outer,), (1, outer), (1,), ()))] if self.below(2) or self.opset < 11 else []
            attributes = {key: value for key, value in (("alpha", 0.5), ("beta", -1.5)) if self.below(3) == 0}
            self.add("Gemm", self.values(*((outer, inner) if trans else (inner, outer))), *bias, transB=trans, **attributes)
            return [self.pick(1, 2), inner]
        shape = self.sizes(self.between(1, 4))
        self.add("MatMul", self.values(*(shape[:-2] if self.below(2) and len(shape) > 2 else []), shape[-1], self.between(1, 4)))
        return shape

    def entrywise(self):
        shape = self.sizes()
        op = self.pick("Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu", "Clip", "BatchNormalization")
        if op == "BatchNormalization":
            shape = self.sizes(self.between(2, 4))
            c = shape[1]
            self.add(op, self.values(c), self.values(c), self.values(c), self.values(c, positive=True), **({"epsilon": 0.01} if self.below(2) else {}))
        elif op == "Clip":
            if self.opset < 11:
                self.add(op, min=-0.5, max=0.75)
            else:
                self.add(op, self.weight(-0.5), self.weight(0.75))
        else:
            other = [self.pick(d, d, 1) for d in shape][self.below(len(shape)):] if op == "PRelu" or self.below(2) else shape
            self.add(op, self.values(*other, positive=op == "Div"))
        return shape

    def activation(self):
        names = [op for op, since in ACTIVATIONS.items() if self.opset >= since or self.below(8) == 0]
        op = names[self.below(len(names))]
        self.add(op, **({"approximate": "tanh"} if op == "Gelu" and self.below(2) else {}))
        return self.sizes()


    def bytes(self):
        """The output has no shape: that is for the reader to find."""
        output = support.field(1, self.at) + support.field(2, support.field(1, support.field(1, support.FLOAT)))
        body = (b"".join(support.field(1, n) for n in self.nodes) + support.field(2, "random") + b"".join(support.field(5, i) for i in self.initialisers)
                + support.field(11, support.value_info("x", self.shape)) + support.field(12, output))
        return support.field(1, 8) + support.field(7, body) + support.field(8, support.field(2, self.opset))


def build(seed):
    graph = Nodes(seed)
    kinds = [graph.convolution, graph.convolution, graph.pool, graph.pool, graph.padding, graph.reshape, graph.move, graph.move, graph.reduction, graph.product,
             graph.entrywise, graph.activation]
    graph.shape = tuple(kinds[graph.below(len(kinds))]())
    for _ in range(graph.below(3)):
        graph.activation()
    return graph


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    for k in range(count):
        (folder / f"{k}.onnx").write_bytes(build(first * 1000003 + k).bytes())


if __name__ == "__main__":
    main()
