#!/usr/bin/python3
"""Writes test vectors of the nodes that only move entries (formats/SPEC.md, section 5: linear blocks): for each output the entry of the input that
every entry comes from, as numpy moves the numbers 0, 1, 2, ... Needs numpy; --check compares with the file beside it (77: no numpy).

A vector: operator, opset, shape of x, attributes (int, ints or text), further inputs (ints: a constant of INT64; real: a constant of that shape; null:
absent) and, for every output, its shape and its sources: the flat index in x; -1 where the value is Pad's constant; -2 - k for entry k of the
second input of a Concat.
"""
import json
import os
import random
import sys

try:
    import numpy
except ImportError:
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
RANDOM = random.Random(7)


def dims(rank, most=5):
    return [RANDOM.randint(1, most) for _ in range(rank)]


def numbers(shape):
    return numpy.arange(int(numpy.prod(shape, dtype=int))).reshape(shape)


def case(operator, opset, shape, attributes, further, outputs):
    return {"operator": operator, "opset": opset, "shape": list(shape), "attributes": attributes, "further": further,
            "outputs": [{"shape": list(value.shape), "sources": [int(k) for k in value.ravel()]} for value in outputs]}


def transposes():
    for rank in (1, 2, 3, 4):
        shape = dims(rank)
        yield case("Transpose", 13, shape, {}, [], [numbers(shape).transpose()])
        perm = RANDOM.sample(range(rank), rank)
        yield case("Transpose", 13, shape, {"perm": perm}, [], [numbers(shape).transpose(perm)])


def slices():
    for k in range(14):
        shape = dims(RANDOM.randint(1, 3), 7)
        axes = RANDOM.sample(range(len(shape)), RANDOM.randint(1, len(shape)))
        starts, ends, steps, cut = [], [], [], [slice(None)] * len(shape)
        for axis in axes:
            while True:
                start, end, step = RANDOM.randint(-9, 9), RANDOM.randint(-9, 9), RANDOM.choice([-3, -2, -1, 1, 1, 2, 3])
                # ONNX counts a negative end from the back and clamps it; numpy's None stands for "before the first".
                n = shape[axis]
                stop = end + n if end < 0 else end
                cut[axis] = slice(start if step > 0 or start >= -n else -n, None if step < 0 and stop < 0 else max(stop, 0), step)
                if len(range(n)[cut[axis]]) > 0 and not (step < 0 and start < -n):
                    break
            starts.append(start), ends.append(end), steps.append(step)
        named = [axis if RANDOM.random() < 0.5 else axis - len(shape) for axis in axes]
        result = [numbers(shape)[tuple(cut)]]
        if k % 3 == 0 and all(step == 1 for step in steps):
            yield case("Slice", 9, shape, {"starts": starts, "ends": ends, "axes": named}, [], result)
        yield case("Slice", 13, shape, {}, [{"ints": starts}, {"ints": ends}, {"ints": named}, {"ints": steps}], result)


def joins():
    for _ in range(5):
        shape = dims(3)
        axis = RANDOM.randrange(3)
        other = list(shape)
        other[axis] = RANDOM.randint(1, 4)
        yield case("Concat", 13, shape, {"axis": axis - 3}, [{"real": other}, "x"], [numpy.concatenate([numbers(shape), -2 - numbers(other), numbers(shape)], axis)])
        parts = [RANDOM.randint(1, 3) for _ in range(3)]
        shape[axis] = sum(parts)
        pieces = numpy.split(numbers(shape), numpy.cumsum(parts)[:-1], axis)
        yield case("Split", 13, shape, {"axis": axis}, [{"ints": parts}], pieces)
        yield case("Split", 11, shape, {"axis": axis, "split": parts}, [], pieces)
        shape[axis] = 7
        yield case("Split", 18, shape, {"axis": axis, "num_outputs": 3}, [], numpy.split(numbers(shape), [3, 6], axis))


def gathers():
    for indices in ([0], [3, -1, 0, 0], [[1, 2], [-4, -2]], 2):
        for axis in (0, 1, 2):
            shape = dims(3)
            shape[axis] = 4
            array = numpy.array(indices)
            yield case("Gather", 13, shape, {"axis": axis}, [{"ints": array.ravel().tolist(), "dims": list(array.shape)}], [numpy.take(numbers(shape), array, axis)])


def pads():
    for mode in ("constant", "reflect", "edge", "wrap"):
        for _ in range(4):
            shape = [RANDOM.randint(2, 5) for _ in range(RANDOM.randint(1, 3))]
            most = [4 if mode in ("constant", "edge") else n - 1 if mode == "reflect" else n for n in shape]
            ends = [(RANDOM.randint(0, m), RANDOM.randint(0, m)) for m in most]
            flat = [begin for begin, _ in ends] + [end for _, end in ends]
            padded = numpy.pad(numbers(shape), ends, mode, **({"constant_values": -1} if mode == "constant" else {}))
            yield case("Pad", 19, shape, {"mode": mode}, [{"ints": flat}], [padded])
            if mode != "wrap":
                yield case("Pad", 10, shape, {"mode": mode, "pads": flat}, [], [padded])
        shape = [3, 4]
        yield case("Pad", 19, shape, {"mode": mode}, [{"ints": [2, 1]}, None, {"ints": [-1]}],
                   [numpy.pad(numbers(shape), [(0, 0), (2, 1)], mode, **({"constant_values": -1} if mode == "constant" else {}))])


def blocks():
    n, c, h, w, b = 2, 3, 2, 3, 2
    deep = [n, c * b * b, h, w]
    # The definitions of the ONNX specification, as it spells them in numpy.
    dcr = numbers(deep).reshape([n, b, b, c, h, w]).transpose([0, 3, 4, 1, 5, 2]).reshape([n, c, h * b, w * b])
    crd = numbers(deep).reshape([n, c, b, b, h, w]).transpose([0, 1, 4, 2, 5, 3]).reshape([n, c, h * b, w * b])
    yield case("DepthToSpace", 10, deep, {"blocksize": b}, [], [dcr])
    yield case("DepthToSpace", 13, deep, {"blocksize": b, "mode": "DCR"}, [], [dcr])
    yield case("DepthToSpace", 13, deep, {"blocksize": b, "mode": "CRD"}, [], [crd])
    wide = [n, c, h * b, w * b]
    # SpaceToDepth undoes DepthToSpace of mode DCR.
    back = numpy.empty(n * c * b * b * h * w, dtype=int)
    back[dcr.ravel()] = numpy.arange(back.size)
    yield case("SpaceToDepth", 13, wide, {"blocksize": b}, [], [back.reshape(deep)])


def same():
    shape = [2, 1, 3, 1]
    yield case("Identity", 13, shape, {}, [], [numbers(shape)])
    yield case("Dropout", 13, shape, {}, [], [numbers(shape)])
    yield case("Cast", 13, shape, {"to": 11}, [], [numbers(shape)])
    yield case("Flatten", 13, shape, {"axis": 2}, [], [numbers([2, 3])])
    yield case("Reshape", 13, shape, {}, [{"ints": [3, -1]}], [numbers([3, 2])])
    yield case("Squeeze", 11, shape, {"axes": [1]}, [], [numbers([2, 3, 1])])
    yield case("Squeeze", 13, shape, {}, [], [numbers([2, 3])])
    yield case("Unsqueeze", 13, shape, {}, [{"ints": [0, -1]}], [numbers([1, 2, 1, 3, 1, 1])])


def main():
    vectors = [vector for part in (transposes, slices, joins, gathers, pads, blocks, same) for vector in part()]
    lines = ",\n".join("  " + json.dumps(vector, separators=(",", ":")) for vector in vectors)
    content = '{"comment": "written by make_entry_maps.py", "vectors": [\n' + lines + "\n]}\n"
    path = os.path.join(HERE, "entry_maps.json")
    if sys.argv[1:] == ["--check"]:
        if not os.path.exists(path) or open(path).read() != content:
            print("differs: entry_maps.json")
            sys.exit(1)
        return
    with open(path, "w") as out:
        out.write(content)


main()
