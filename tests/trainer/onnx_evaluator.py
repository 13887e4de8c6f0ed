"""Reads the ONNX files that liptrain writes and computes them with numpy in float64: a third opinion on the exported graph, without ONNX Runtime
(which is a preset). Knows the operators that liptrain writes and nothing else."""

import struct

import numpy


def fields(data):
    """(field number, value) of a protocol buffer message: integers, or bytes for length-delimited fields."""
    at = 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
            yield key >> 3, value - (1 << 64) if value >= 1 << 63 else value
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")


def packed(data):
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append(value - (1 << 64) if value >= 1 << 63 else value)
            value, shift = 0, 0
    return values


class Model:
    def __init__(self, path):
        top = list(fields(path.read_bytes()))
        self.ir = next(v for k, v in top if k == 1)
        self.opset = next(v for f, m in top if f == 8 for k, v in fields(m) if k == 2)
        graph = list(fields(next(v for k, v in top if k == 7)))
        self.nodes, self.constants = [], {}
        for number, message in graph:
            if number == 1:
                node = {"inputs": [], "outputs": [], "attributes": {}}
                for k, v in fields(message):
                    if k == 1:
                        node["inputs"].append(v.decode())
                    elif k == 2:
                        node["outputs"].append(v.decode())
                    elif k == 4:
                        node["op"] = v.decode()
                    elif k == 5:
                        attribute = list(fields(v))
                        name = next(w for f, w in attribute if f == 1).decode()
                        numbers = [w for f, w in attribute if f == 8]
                        node["attributes"][name] = numbers or next(w for f, w in attribute if f == 3)
                self.nodes.append(node)
            elif number == 5:
                tensor = list(fields(message))
                kind = next(v for k, v in tensor if k == 2)
                shape = next((packed(v) for k, v in tensor if k == 1), [])
                raw = next(v for k, v in tensor if k == 9)
                array = numpy.frombuffer(raw, "<f4" if kind == 1 else "<i8").reshape(shape)
                self.constants[next(v for k, v in tensor if k == 8).decode()] = array.astype(float) if kind == 1 else array

    def __call__(self, x):
        values = {"input": x.astype(float), **self.constants}
        for node in self.nodes:
            results = getattr(self, node["op"])(*(values[name] for name in node["inputs"]), **node["attributes"])
            results = results if isinstance(results, tuple) else (results,)
            values.update(zip(node["outputs"], results))
        return values["logits"]

    @staticmethod
    def Identity(x):
        return x

    @staticmethod
    def Gemm(a, b, c=0, transB=0):
        return a @ (b.T if transB else b) + c

    @staticmethod
    def Conv(x, w, b=None, kernel_shape=None, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1), group=1):
        x = numpy.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        windows = numpy.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::strides[0], ::strides[1]]
        y = numpy.einsum("ncijab,ocab->noij", windows, w)
        return y if b is None else y + b[None, :, None, None]

    @staticmethod
    def ConvTranspose(x, w, kernel_shape=None):
        return numpy.einsum("ncij,co->noij", x, w[:, :, 0, 0])

    @staticmethod
    def AveragePool(x, kernel_shape, strides):
        n, c, h, w = x.shape
        a, b = kernel_shape
        return x.reshape(n, c, h // a, a, w // b, b).mean(axis=(3, 5))

    @staticmethod
    def Flatten(x, axis):
        return x.reshape(x.shape[0], -1)

    @staticmethod
    def Split(x, axis):
        return tuple(numpy.split(x, 2, axis=axis))

    @staticmethod
    def Concat(*parts, axis):
        return numpy.concatenate(parts, axis=axis)

    @staticmethod
    def TopK(x, k, axis, largest, sorted):
        assert not largest and sorted and k[0] == x.shape[axis]
        return numpy.sort(x, axis=axis), numpy.argsort(x, axis=axis)

    @staticmethod
    def Reshape(x, shape):
        return x.reshape(shape)

    @staticmethod
    def Transpose(x, perm):
        return x.transpose(perm)

    Max = staticmethod(numpy.maximum)
    Min = staticmethod(numpy.minimum)
    Mul = staticmethod(numpy.multiply)
    Add = staticmethod(numpy.add)
    Sub = staticmethod(numpy.subtract)
    Pow = staticmethod(numpy.power)
    Neg = staticmethod(numpy.negative)

    @staticmethod
    def Relu(x):
        return numpy.maximum(x, 0)
