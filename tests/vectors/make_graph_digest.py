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
    def __init__(self, opset, kind, shape, initialisers, nodes, ir=8, list_weights=False, domains=("",), extra=b"", backwards=False):
        self.opset, self.kind, self.shape, self.initialisers, self.nodes = opset, kind, shape, initialisers, nodes
        self.ir, self.list_weights, self.domains, self.extra, self.backwards = ir, list_weights, domains, extra, backwards

    def proto(self):
        last = self.nodes[-1]
        parts = [text(1, node.proto()) for node in self.nodes]
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
    for model in out.values():  # an absent output has no shape
        for node in model.nodes:
            node.shapes = [shape or ([], 0) for shape in node.shapes]
    return out


def main():
    check = sys.argv[1:] == ["--check"]
    files, vectors = {}, []
    for name, model in models().items():
        path = "graph_digest/%s.onnx" % name
        files[path] = model.proto()
        canonical = model.canonical()
        entry = {"model": path, "digest": hashlib.sha256(canonical).hexdigest()}
        if name in ("smallest", "dense"):
            entry["canonical"] = canonical.hex()
        vectors.append(entry)
    document = {"comment": "graph digests of formats/SPEC.md section 7; written by make_graph_digest.py; canonical: the byte string in hex", "vectors": vectors}
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
