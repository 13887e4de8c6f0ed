#!/usr/bin/python3
"""Writes the test vectors of the canonical graph digest (formats/SPEC.md, section 7): small ONNX files and their digests.

The canonical bytes are composed here from the specification alone, with shapes written out by hand: nothing is shared with the two readers
that the vectors test. Run without arguments it rewrites the files beside it; with --check it compares them and exits with 1 on a
difference.
"""
import hashlib
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FLOAT, INT32, INT64, BOOL, FLOAT16, DOUBLE, BFLOAT16 = 1, 6, 7, 9, 10, 11, 16


# ---------------------------------------------------------------- protobuf

def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while True:
        byte, value = value & 0x7F, value >> 7
        if value:
            out += bytes([byte | 0x80])
        else:
            return out + bytes([byte])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


# -------------------------------------------------------------- canonical

def u64(value):
    return struct.pack("<Q", value & (1 << 64) - 1)


def string(value):
    return u64(len(value.encode())) + value.encode()


def dims(shape):
    return u64(len(shape)) + b"".join(u64(d) for d in shape)


# ------------------------------------------------------------------ parts

class Tensor:
    """`bits`: the little-endian data; `how`: raw, typed, or unpacked (typed, one tag per number, and dims likewise)."""

    def __init__(self, kind, shape, bits, how="raw"):
        self.kind, self.shape, self.bits, self.how = kind, shape, bits, how

    def proto(self, name=""):
        if self.how == "unpacked":
            out = b"".join(number(1, d) for d in self.shape)
        else:
            out = text(1, b"".join(varint(d) for d in self.shape)) if self.shape else b""
        out += number(2, self.kind)
        if name:
            out += text(8, name)
        if self.how == "raw":
            return out + text(9, self.bits)
        field, width, form = {FLOAT: (4, 4, None), DOUBLE: (10, 8, None), INT64: (7, 8, "<q"), INT32: (5, 4, "<i"), FLOAT16: (5, 2, "<H"),
                              BFLOAT16: (5, 2, "<H"), BOOL: (5, 1, "<B")}[self.kind]
        words = [self.bits[k:k + width] for k in range(0, len(self.bits), width)]
        if form:
            words = [varint(struct.unpack(form, word)[0]) for word in words]
        if self.how == "unpacked":
            tag = varint(field << 3 | (0 if form else 5 if width == 4 else 1))
            return out + b"".join(tag + word for word in words)
        return out + text(field, b"".join(words))

    def canonical(self):
        return u64(self.kind) + dims(self.shape) + u64(len(self.bits)) + self.bits


def floats(shape, values, how="raw"):
    return Tensor(FLOAT, shape, struct.pack("<%df" % len(values), *values), how)


def doubles(shape, values, how="raw"):
    return Tensor(DOUBLE, shape, struct.pack("<%dd" % len(values), *values), how)


def int64s(shape, values, how="raw"):
    return Tensor(INT64, shape, struct.pack("<%dq" % len(values), *values), how)


def halves(kind, shape, words, how="raw"):
    return Tensor(kind, shape, struct.pack("<%dH" % len(words), *words), how)


def attribute(name, kind, payload):
    return text(5, text(1, name) + payload + number(20, kind))


class Node:
    """`inputs`, `outputs`: names; `shapes`: (shape, type) per output, None where absent; `written`: attribute messages of the file;
    `attributes`: what SPEC.md's table says, name -> (kind, canonical bytes)."""

    def __init__(self, op, inputs, outputs, shapes, attributes=None, written=b"", domain=""):
        self.op, self.inputs, self.outputs, self.shapes = op, inputs, outputs, shapes
        self.attributes, self.written, self.domain = attributes or {}, written, domain

    def proto(self):
        out = b"".join(text(1, name) for name in self.inputs) + b"".join(text(2, name) for name in self.outputs)
        return out + text(4, self.op) + self.written + (text(7, self.domain) if self.domain else b"")


def info(name, kind, shape):
    body = b"".join(text(1, number(1, d) if isinstance(d, int) else (text(2, d) if d else b"")) for d in shape)
    return text(1, name) + text(2, text(1, number(1, kind) + text(2, body)))


class Model:
    def __init__(self, opset, kind, shape, initialisers, nodes, ir=8, list_weights=False, domains=("",), extra=b"", backwards=False, places=None):
        self.opset, self.kind, self.shape, self.initialisers, self.nodes = opset, kind, shape, initialisers, nodes
        self.ir, self.list_weights, self.domains, self.extra, self.backwards = ir, list_weights, domains, extra, backwards
        self.places = places or range(len(nodes))  # which node stands first in the file, and so on

    def proto(self):
        last = self.nodes[-1]
        parts = [text(1, self.nodes[place].proto()) for place in self.places]
        parts += [text(2, "g")]
        parts += [text(5, tensor.proto(name)) for name, tensor in self.initialisers]
        parts += [text(11, info("x", self.kind, self.shape))]
        if self.list_weights:
            parts += [text(11, info(name, tensor.kind, tensor.shape)) for name, tensor in self.initialisers]
        parts += [text(12, info(last.outputs[0], last.shapes[0][1], last.shapes[0][0]))]
        if self.backwards:  # fields of different number may come in any order
            parts = sorted(parts, key=lambda part: -part[0])
        out = [number(1, self.ir)]
        out += [text(8, (text(1, domain) if domain else b"") + number(2, self.opset if domain in ("", "ai.onnx") else 2)) for domain in self.domains]
        out += [text(7, b"".join(parts)), self.extra]
        return b"".join(reversed(out) if self.backwards else out)

    def canonical(self):
        reference = {"": 0, "x": 1}
        out = b"lipcert-graph-v1\n" + u64(self.opset) + u64(len(self.initialisers))
        for name, tensor in self.initialisers:
            reference[name] = len(reference)
            out += tensor.canonical()
        out += dims([d if isinstance(d, int) else 1 for d in self.shape])
        out += dims([k for k, d in enumerate(self.shape) if not isinstance(d, int)])
        out += u64(self.kind) + u64(len(self.nodes))
        for node in self.nodes:
            inputs = list(node.inputs)
            while inputs and inputs[-1] == "":
                inputs.pop()
            out += string(node.op) + u64(len(node.attributes))
            for name in sorted(node.attributes, key=str.encode):
                kind, value = node.attributes[name]
                out += string(name) + u64(kind) + value
            out += u64(len(inputs)) + b"".join(u64(reference[name]) for name in inputs)
            outputs = [(name, shape) for name, shape in zip(node.outputs, node.shapes)]
            while outputs and outputs[-1][0] == "":
                outputs.pop()
            out += u64(len(outputs))
            for name, (shape, kind) in outputs:
                out += dims(shape) + u64(kind)
            for name, _ in outputs:
                if name:
                    reference[name] = len(reference)
        return out + u64(reference[self.nodes[-1].outputs[0]])


def f(value):  # kind 1
    return 1, u64(struct.unpack("<I", struct.pack("<f", value))[0])


def i(value):  # kind 2
    return 2, u64(value)


def t(tensor):  # kind 4
    return 4, tensor.canonical()


def s(value):  # kind 3
    return 3, string(value)


def n(*values):  # kind 7
    return 7, u64(len(values)) + b"".join(u64(value) for value in values)


def a_int(name, value):
    return attribute(name, 2, number(3, value))


def a_ints(name, *values):
    return attribute(name, 7, text(8, b"".join(varint(value) for value in values)) if len(values) != 1 else number(8, values[0]))


def a_text(name, value):
    return attribute(name, 3, text(4, value))


def a_real(name, value):
    return attribute(name, 1, real(2, value))


GEMM = {"alpha": f(1.0), "beta": f(1.0), "transA": i(0), "transB": i(0)}


def models():
    w23 = [1.0, -2.0, 3.0, 0.5, 0.0, -1.0]
    out = {}
    out["smallest"] = Model(13, FLOAT, [1, 2], [], [Node("Relu", ["x"], ["y"], [([1, 2], FLOAT)])])

    def dense(how="raw", **more):
        return Model(13, FLOAT, ["N", 2], [("W", floats([2, 3], w23, how)), ("b", floats([3], [0.5, -0.25, 0.0], how))],
                     [Node("Gemm", ["x", "W", "b"], ["h"], [([1, 3], FLOAT)], GEMM), Node("Relu", ["h"], ["y"], [([1, 3], FLOAT)])], **more)
    out["dense"] = dense()
    out["dense_typed"] = dense("typed", domains=("ai.onnx", "ai.onnx.ml"))
    out["dense_unpacked"] = dense("unpacked", backwards=True, extra=text(2, "tool") + text(6, "doc") + text(14, text(1, "k") + text(2, "v")))
    out["gemm_attributes"] = Model(11, DOUBLE, [2, 1], [("V", doubles([3, 2], [1.0, 0.1, -3.0, 4.0, 5e-324, 6.0], "typed"))],
        [Node("Gemm", ["x", "V", ""], ["y"], [([1, 3], DOUBLE)], {"alpha": f(2.5), "beta": f(-0.0), "transA": i(1), "transB": i(1)},
              attribute("transB", 2, number(3, 1)) + attribute("beta", 1, real(2, -0.0)) + attribute("transA", 2, number(3, 1)) + attribute("alpha", 1, real(2, 2.5)))])
    out["halves"] = Model(13, FLOAT16, [1, 2],
        [("A", halves(FLOAT16, [2, 2], [0x3C00, 0xBC00, 0x0001, 0x7BFF], "typed")), ("unused", halves(BFLOAT16, [2], [0x3F80, 0x8000], "typed")),
         ("c", halves(FLOAT16, [], [0x3800]))],
        [Node("MatMul", ["x", "A"], ["m"], [([1, 2], FLOAT16)]), Node("Add", ["m", "c"], ["s"], [([1, 2], FLOAT16)]),
         Node("Cast", ["s"], ["w"], [([1, 2], DOUBLE)], {"to": i(DOUBLE)}, attribute("to", 2, number(3, DOUBLE))),
         Node("Identity", ["w"], ["y"], [([1, 2], DOUBLE)])])
    out["arithmetic"] = Model(14, DOUBLE, [3, 1, 2], [("c", doubles([4, 1], [1.0, 2.0, 0.1, -1.0])), ("d", doubles([], [0.5], "typed"))],
        [Node("Sub", ["c", "x"], ["a"], [([3, 4, 2], DOUBLE)]), Node("Mul", ["a", "d"], ["b"], [([3, 4, 2], DOUBLE)]),
         Node("Div", ["b", "c"], ["e"], [([3, 4, 2], DOUBLE)]), Node("Add", ["e", "d"], ["y"], [([3, 4, 2], DOUBLE)])])
    out["activations"] = Model(20, FLOAT, ["", "K"], [],
        [Node("Relu", ["x"], ["a"], [([1, 1], FLOAT)]), Node("LeakyRelu", ["a"], ["b"], [([1, 1], FLOAT)], {"alpha": f(0.01)}),
         Node("LeakyRelu", ["b"], ["c"], [([1, 1], FLOAT)], {"alpha": f(-0.25)}, attribute("alpha", 1, real(2, -0.25))),
         Node("Abs", ["c"], ["d"], [([1, 1], FLOAT)]), Node("Sigmoid", ["d"], ["e"], [([1, 1], FLOAT)]), Node("Tanh", ["e"], ["f"], [([1, 1], FLOAT)], domain="ai.onnx"),
         Node("Identity", ["f"], ["y"], [([1, 1], FLOAT)])], ir=9)
    out["shapes"] = Model(14, FLOAT, ["N", 2, 3], [("s", int64s([2], [0, -1], "typed"))],
        [Node("Flatten", ["x"], ["a"], [([1, 6], FLOAT)], {"axis": i(1)}), Node("Flatten", ["a"], ["b"], [([6, 1], FLOAT)], {"axis": i(-2 + 4)}, attribute("axis", 2, number(3, 2))),
         Node("Reshape", ["b", "s"], ["c"], [([6, 1], FLOAT)], {"allowzero": i(0)}),
         Node("Identity", ["s"], ["r"], [([2], INT64)]),
         Node("Reshape", ["c", "r"], ["y"], [([6, 1], FLOAT)], {"allowzero": i(0)}, attribute("allowzero", 2, number(3, 0)))])
    out["flatten_negative"] = Model(11, FLOAT, [2, 3], [], [Node("Flatten", ["x"], ["y"], [([2, 3], FLOAT)], {"axis": i(-1)}, attribute("axis", 2, number(3, -1)))])
    one, three = floats([], [1.5]), int64s([1], [-1])
    out["constants"] = Model(13, FLOAT, [1, 2], [],
        [Node("Constant", [], ["v"], [([1, 2], FLOAT)], {"value": t(floats([1, 2], [2.0, -4.0]))}, attribute("value", 4, text(5, floats([1, 2], [2.0, -4.0]).proto("ignored")))),
         Node("Constant", [], ["f"], [([], FLOAT)], {"value": t(one)}, attribute("value_float", 1, real(2, 1.5))),
         Node("Constant", [], ["g"], [([2], FLOAT)], {"value": t(floats([2], [0.25, 8.0]))}, attribute("value_floats", 6, real(7, 0.25) + real(7, 8.0))),
         Node("Constant", [], ["i"], [([], INT64)], {"value": t(int64s([], [-3]))}, attribute("value_int", 2, number(3, -3))),
         Node("Constant", [], ["s"], [([1], INT64)], {"value": t(three)}, attribute("value_ints", 7, number(8, -1))),
         Node("Mul", ["v", "f"], ["k"], [([1, 2], FLOAT)]),
         Node("Mul", ["x", "k"], ["a"], [([1, 2], FLOAT)]), Node("Div", ["a", "g"], ["b"], [([1, 2], FLOAT)]),
         Node("Reshape", ["b", "s"], ["y"], [([2], FLOAT)])])
    out["dropout_9"] = Model(9, FLOAT, ["N", 2], [("c", floats([2], [1.0, -1.0]))],
        [Node("Dropout", ["x"], ["d", "mask"], [([1, 2], FLOAT), ([1, 2], FLOAT)], {"ratio": f(0.5)}),
         Node("Sub", ["d", "c"], ["y"], [([1, 2], FLOAT)])], ir=3, list_weights=True)
    out["dropout_10"] = Model(10, FLOAT, [1, 2], [],
        [Node("Dropout", ["x"], ["y", "mask"], [([1, 2], FLOAT), ([1, 2], BOOL)], {"ratio": f(0.25)}, attribute("ratio", 1, real(2, 0.25)))], ir=5)
    out["dropout_13"] = Model(13, FLOAT, [1, 2], [("t", Tensor(BOOL, [], b"\0", "typed"))],
        [Node("Dropout", ["x", "", "t"], ["d", ""], [([1, 2], FLOAT), None], {}, attribute("seed", 2, number(3, 7))), Node("Relu", ["d"], ["y"], [([1, 2], FLOAT)])])
    out.update(graph_models())
    for model in out.values():  # an absent output has no shape
        for node in model.nodes:
            node.shapes = [shape or ([], 0) for shape in node.shapes]
    return out


def graph_models():
    """Operators of graphs: every attribute of SPEC.md's table is written once by default and, where it matters, once by the file."""
    out = {}

    def chain(opset, shape, initialisers, steps, kind=FLOAT, **more):
        """Steps: (operator, further inputs, shape of the result[, attributes, bytes of the attributes in the file])."""
        nodes, last = [], "x"
        for k, step in enumerate(steps):
            op, further, result, attributes, written = list(step) + [{}, b""][len(step) - 3:]
            name = "y" if k + 1 == len(steps) else "t%d" % k
            nodes.append(Node(op, [last] + further, [name], [(result, kind)], attributes, written))
            last = name
        return Model(opset, kind, shape, initialisers, nodes, **more)

    w = floats([4, 1, 3, 3], [k / 4.0 for k in range(36)])
    v = floats([4, 2, 2], [1.0] * 16)
    c4 = floats([4], [1.0, 2.0, 3.0, 4.0])
    conv = {"auto_pad": s("NOTSET"), "dilations": n(1, 1), "group": i(1), "kernel_shape": n(3, 3), "pads": n(0, 0, 0, 0), "strides": n(1, 1)}
    pool = {"auto_pad": s("NOTSET"), "kernel_shape": n(2, 2), "pads": n(0, 0, 0, 0), "strides": n(1, 1)}
    norm = {"epsilon": f(1e-5), "momentum": f(0.9)}
    out["convolutions"] = chain(13, ["N", 1, 9, 10], [("W", w), ("c", c4), ("D", w)], [
        ("Conv", ["W"], [1, 4, 7, 8], conv),
        ("BatchNormalization", ["c", "c", "c", "c"], [1, 4, 7, 8], norm),
        ("Conv", ["D", "c"], [1, 4, 4, 4], dict(conv, group=i(4), pads=n(1, 0, 1, 0), strides=n(2, 1), dilations=n(1, 2), auto_pad=s("")),
         a_ints("pads", 1, 0, 1, 0) + a_ints("strides", 2, 1) + a_int("group", 4) + a_ints("dilations", 1, 2) + a_text("auto_pad", "")),
        ("MaxPool", [], [1, 4, 3, 3], dict(pool, ceil_mode=i(0), dilations=n(1, 1), storage_order=i(0)), a_ints("kernel_shape", 2, 2)),
        ("AveragePool", [], [1, 4, 2, 3], dict(pool, ceil_mode=i(1), count_include_pad=i(0), strides=n(2, 1), pads=n(1, 0, 0, 1)),
         a_ints("kernel_shape", 2, 2) + a_int("ceil_mode", 1) + a_ints("strides", 2, 1) + a_ints("pads", 1, 0, 0, 1)),
        ("GlobalAveragePool", [], [1, 4, 1, 1]), ("GlobalMaxPool", [], [1, 4, 1, 1])])
    out["convolutions_8"] = chain(8, [1, 4, 6], [("V", v), ("c", floats([2], [1.0, 2.0]))], [
        ("ConvTranspose", ["V"], [1, 2, 7], {"auto_pad": s("VALID"), "dilations": n(1), "group": i(1), "kernel_shape": n(2), "output_padding": n(0),
                                             "pads": n(0, 0), "strides": n(1)}, a_text("auto_pad", "VALID")),
        ("BatchNormalization", ["c", "c", "c", "c"], [1, 2, 7], dict(norm, spatial=i(1), epsilon=f(0.5)), a_real("epsilon", 0.5)),
        ("MaxPool", [], [1, 2, 4], {"auto_pad": s("SAME_UPPER"), "kernel_shape": n(3), "pads": n(0, 0), "storage_order": i(1), "strides": n(2)},
         a_text("auto_pad", "SAME_UPPER") + a_ints("kernel_shape", 3) + a_int("storage_order", 1) + a_ints("strides", 2)),
        ("AveragePool", [], [1, 2, 4], {"auto_pad": s("NOTSET"), "count_include_pad": i(1), "kernel_shape": n(2), "pads": n(1, 0), "strides": n(1)},
         a_ints("pads", 1, 0) + a_ints("kernel_shape", 2) + a_int("count_include_pad", 1))], ir=3, list_weights=True)
    out["convolutions_19"] = chain(19, [1, 4, 6], [("V", v), ("c", floats([2], [1.0, 2.0]))], [
        ("ConvTranspose", ["V", "c"], [1, 2, 13], {"auto_pad": s("NOTSET"), "dilations": n(1), "group": i(1), "kernel_shape": n(2), "output_padding": n(1),
                                                   "pads": n(0, 0), "strides": n(2)}, a_ints("output_padding", 1) + a_ints("strides", 2) + a_ints("pads", 0, 0)),
        ("BatchNormalization", ["c", "c", "c", "c"], [1, 2, 13], dict(norm, training_mode=i(0))),
        ("AveragePool", [], [1, 2, 11], {"auto_pad": s("NOTSET"), "ceil_mode": i(0), "count_include_pad": i(0), "dilations": n(2), "kernel_shape": n(2),
                                         "pads": n(0, 0), "strides": n(1)}, a_ints("dilations", 2) + a_ints("kernel_shape", 2))])
    e = [2, 3]
    one, two = floats([], [1.0]), floats([1], [2.0])
    hard = {"alpha": f(0.2), "beta": f(0.5)}
    out["entrywise"] = chain(20, [2, "K"], [("one", one), ("two", two)], [
        ("Elu", [], [2, 1], {"alpha": f(1.0)}), ("Elu", [], [2, 1], {"alpha": f(-2.0)}, a_real("alpha", -2.0)),
        ("Selu", [], [2, 1], {"alpha": f(1.67326319217681884765625), "gamma": f(1.05070102214813232421875)}),
        ("HardSigmoid", [], [2, 1], hard), ("Softplus", [], [2, 1]), ("HardSwish", [], [2, 1]), ("Mish", [], [2, 1]),
        ("Gelu", [], [2, 1], {"approximate": s("none")}), ("Gelu", [], [2, 1], {"approximate": s("tanh")}, a_text("approximate", "tanh")),
        ("PRelu", ["two"], [2, 1]), ("Clip", ["", "one"], [2, 1]), ("Max", ["one", "two"], [2, 1]), ("Min", ["two"], [2, 1]), ("Neg", [], [2, 1]),
        ("Sign", [], [2, 1]), ("Sqrt", [], [2, 1]), ("Reciprocal", [], [2, 1]), ("Pow", ["two"], [2, 1]), ("Softmax", [], [2, 1], {"axis": i(-1)}),
        ("ReduceL2", [], [1, 1], {"keepdims": i(1), "noop_with_empty_axes": i(0)})])
    out["clip_10"] = chain(10, e, [], [
        ("Clip", [], e, {"min": f(-3.4028234663852886e38), "max": f(3.4028234663852886e38)}), ("Softmax", [], e, {"axis": i(1)}),
        ("Clip", [], e, {"min": f(0.0), "max": f(3.4028234663852886e38)}, a_real("min", 0.0))])
    i64 = int64s
    out["moves_9"] = chain(9, [1, 8, 2, 3], [("k", i64([2], [1, 0]))], [
        ("DepthToSpace", [], [1, 2, 4, 6], {"blocksize": i(2)}, a_int("blocksize", 2)),
        ("Slice", [], [1, 2, 3, 6], {"axes": n(2), "ends": n(9), "starts": n(-3)}, a_ints("axes", 2) + a_ints("ends", 9) + a_ints("starts", -3)),
        ("Slice", [], [1, 2, 3, 6], {"axes": n(0, 1), "ends": n(1, 2), "starts": n(0, 0)}, a_ints("ends", 1, 2) + a_ints("starts", 0, 0)),
        ("Transpose", [], [6, 3, 2, 1], {"perm": n(3, 2, 1, 0)}), ("Squeeze", [], [6, 3, 2], {"axes": n(3)}),
        ("Unsqueeze", [], [1, 6, 3, 1, 2], {"axes": n(0, 3)}, a_ints("axes", 0, 3)),
        ("Squeeze", [], [6, 3, 1, 2], {"axes": n(0)}, a_ints("axes", 0)),
        ("Transpose", [], [3, 6, 1, 2], {"perm": n(1, 0, 2, 3)}, a_ints("perm", 1, 0, 2, 3)),
        ("Gather", ["k"], [2, 6, 1, 2], {"axis": i(0)}), ("Concat", [], [2, 6, 1, 2], {"axis": i(-1)}, a_int("axis", -1)),
        ("Pad", [], [2, 6, 3, 2], {"mode": s("constant"), "pads": n(0, 0, 1, 0, 0, 0, 1, 0), "value": f(0.0)}, a_ints("pads", 0, 0, 1, 0, 0, 0, 1, 0)),
        ("TopK", [], [2, 6, 2, 2], {"axis": i(2), "k": i(2)}, a_int("k", 2) + a_int("axis", 2)),
        ("ReduceMean", [], [2, 1, 2, 2], {"axes": n(1), "keepdims": i(1)}, a_ints("axes", 1)),
        ("ReduceSum", [], [2, 2, 2], {"axes": n(1), "keepdims": i(0)}, a_ints("axes", 1) + a_int("keepdims", 0)),
        ("ReduceMax", [], [1, 1, 1], {"axes": n(0, 1, 2), "keepdims": i(1)})], ir=4)
    # References count every output, named or read or not; an absent one in between is not counted.
    out["outputs_11"] = Model(11, FLOAT, [6], [("two", i64([1], [2]))], [
        Node("Split", ["x"], ["a", "b", "c"], [([2], FLOAT)] * 3, {"axis": i(0), "split": n(2, 2, 2)}),
        Node("TopK", ["b", "two"], ["v", "unused"], [([2], FLOAT), ([2], INT64)], {"axis": i(-1), "largest": i(1), "sorted": i(1)}),
        Node("TopK", ["c", "two"], ["w", ""], [([2], FLOAT), None], {"axis": i(0), "largest": i(0), "sorted": i(1)}, a_int("axis", 0) + a_int("largest", 0)),
        Node("Concat", ["w", "v", "a"], ["y"], [([6], FLOAT)], {"axis": i(0)}, a_int("axis", 0))])
    out["outputs_18"] = Model(18, FLOAT, [7], [("p", i64([2], [1, 2])), ("m", floats([], [-1.0])), ("ax", i64([1], [0]))], [
        Node("Split", ["x"], ["a", "b"], [([4], FLOAT), ([3], FLOAT)], {"axis": i(0), "num_outputs": i(2)}, a_int("num_outputs", 2)),
        Node("Pad", ["b", "p", "m", "ax"], ["c"], [([6], FLOAT)], {"mode": s("constant")}),
        Node("Pad", ["a", "p", "", "ax"], ["d"], [([7], FLOAT)], {"mode": s("reflect")}, a_text("mode", "reflect")),
        Node("ReduceMin", ["d", "ax"], ["e"], [([1], FLOAT)], {"keepdims": i(1), "noop_with_empty_axes": i(0)}),
        Node("ReduceSum", ["c"], ["g"], [([6], FLOAT)], {"keepdims": i(1), "noop_with_empty_axes": i(1)}, a_int("noop_with_empty_axes", 1)),
        Node("Add", ["e", "g"], ["y"], [([6], FLOAT)])])
    out["blocks"] = chain(13, [1, 2, 4, 6], [("s", i64([1], [-1])), ("e", i64([1], [-9])), ("a", i64([1], [2])), ("t", i64([1], [-2]))], [
        ("SpaceToDepth", [], [1, 8, 2, 3], {"blocksize": i(2)}, a_int("blocksize", 2)),
        ("DepthToSpace", [], [1, 2, 4, 6], {"blocksize": i(2), "mode": s("DCR")}, a_int("blocksize", 2)),
        ("SpaceToDepth", [], [1, 8, 2, 3], {"blocksize": i(2)}, a_int("blocksize", 2)),
        ("DepthToSpace", [], [1, 2, 4, 6], {"blocksize": i(2), "mode": s("CRD")}, a_int("blocksize", 2) + a_text("mode", "CRD")),
        ("Slice", ["s", "e", "a", "t"], [1, 2, 2, 6]), ("Squeeze", [], [2, 2, 6]), ("Unsqueeze", ["a"], [2, 2, 1, 6])])
    shape = lambda name, attributes, written: Node("Shape", ["x"], [name], [([3], INT64)], attributes, written)
    out["known_9"] = Model(9, FLOAT, ["N", 2, 3], [("i", i64([], [1]))], [
        shape("h", {}, b""), Node("Gather", ["h", "i"], ["g"], [([], INT64)], {"axis": i(0)}),
        Node("Unsqueeze", ["g"], ["u"], [([1], INT64)], {"axes": n(0)}, a_ints("axes", 0)),
        Node("ConstantOfShape", ["u"], ["z"], [([2], FLOAT)], {"value": t(floats([1], [0.0]))}),
        Node("Concat", ["u", "u"], ["q"], [([2], INT64)], {"axis": i(0)}, a_int("axis", 0)),
        Node("ConstantOfShape", ["q"], ["k"], [([2, 2], INT64)], {"value": t(i64([1], [7]))}, attribute("value", 4, text(5, i64([1], [7], "typed").proto("v")))),
        Node("Transpose", ["x"], ["r"], [([3, 2, 1], FLOAT)], {"perm": n(2, 1, 0)}), Node("MatMul", ["z", "r"], ["y"], [([3, 1], FLOAT)])], ir=4)
    out["known_19"] = Model(19, FLOAT, ["N", 2, 3], [], [
        shape("h", {"start": i(0), "end": i(3)}, b""),
        Node("Shape", ["x"], ["j"], [([2], INT64)], {"start": i(-2), "end": i(99)}, a_int("start", -2) + a_int("end", 99)),
        Node("Cast", ["j"], ["c"], [([2], DOUBLE)], {"to": i(DOUBLE), "saturate": i(1)}, a_int("to", DOUBLE)),
        Node("Cast", ["c"], ["d"], [([2], FLOAT)], {"to": i(FLOAT), "saturate": i(0)}, a_int("to", FLOAT) + a_int("saturate", 0)),
        Node("Reshape", ["x", "h"], ["k"], [([1, 2, 3], FLOAT)], {"allowzero": i(0)}), Node("MatMul", ["d", "k"], ["y"], [([1, 3], FLOAT)])])
    # Written c, a, b, y: a is the first whose inputs are there, then c, which stands before b, then b.
    out["unsorted_23"] = Model(23, FLOAT, ["N", 3], [], [
        Node("Abs", ["x"], ["a"], [([1, 3], FLOAT)]), Node("Tanh", ["a"], ["c"], [([1, 3], FLOAT)]), Node("Relu", ["x"], ["b"], [([1, 3], FLOAT)]),
        Node("Add", ["b", "c"], ["y"], [([1, 3], FLOAT)])], domains=("", "ai.onnx", ""), places=[1, 0, 2, 3])
    return out


def main():
    check = sys.argv[1:] == ["--check"]
    files, vectors = {}, []
    for name, model in models().items():
        path = "graph_digest/%s.onnx" % name
        files[path] = model.proto()
        canonical = model.canonical()
        entry = {"model": path, "digest": hashlib.sha256(canonical).hexdigest()}
        if any(not isinstance(d, int) for d in model.shape[0 if len(model.shape) == 1 else 1:]):  # sizes that the reader wants to be told
            entry["inputShape"] = [d if isinstance(d, int) else 1 for d in model.shape]
        if name in ("smallest", "dense"):
            entry["canonical"] = canonical.hex()
        vectors.append(entry)
    document = {"comment": "graph digests of formats/SPEC.md section 7; written by make_graph_digest.py; canonical: the byte string in hex; inputShape: what a reader is told of symbolic dimensions", "vectors": vectors}
    files["graph_digest.json"] = (json.dumps(document, indent=1) + "\n").encode()
    bad = False
    for path, content in files.items():
        full = os.path.join(HERE, path)
        if check:
            same = os.path.exists(full) and open(full, "rb").read() == content
            if not same:
                print("differs: " + path)
                bad = True
        else:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as out:
                out.write(content)
    sys.exit(1 if bad else 0)


main()
