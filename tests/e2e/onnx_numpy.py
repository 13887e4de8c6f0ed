"""Small ONNX models that a test builds and evaluates itself: operators in numpy, written from the ONNX operator specification and from nothing else, in
float64. Slow and plain on purpose: it is the third opinion beside generator and checker."""

import fractions
import functools
import itertools
import math

import numpy

import support

INT64 = 7


def _pads(attributes, rank):
    pads = attributes.get("pads") or [0] * (2 * rank)
    return list(zip(pads[:rank], pads[rank:]))


def _resolve(attributes, lengths, kernel, strides, dilations):
    """(begin, end) of the padding per axis, auto_pad resolved."""
    auto = attributes.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", ""):
        return _pads(attributes, len(lengths))
    if auto == "VALID":
        return [(0, 0)] * len(lengths)
    out = []
    for n, k, s, d in zip(lengths, kernel, strides, dilations):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        out.append((small, large) if auto == "SAME_UPPER" else (large, small))
    return out


def conv(x, w, b, attributes):
    rank = x.ndim - 2
    kernel = w.shape[2:]
    strides = attributes.get("strides") or [1] * rank
    dilations = attributes.get("dilations") or [1] * rank
    groups = attributes.get("group", 1)
    pads = _resolve(attributes, x.shape[2:], kernel, strides, dilations)
    x = numpy.pad(x, [(0, 0), (0, 0)] + pads)
    size = [(x.shape[2 + l] - dilations[l] * (kernel[l] - 1) - 1) // strides[l] + 1 for l in range(rank)]
    out = numpy.zeros((x.shape[0], w.shape[0], *size), dtype=x.dtype)
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for j in itertools.product(*map(range, kernel)):
        seen = x[(slice(None), slice(None)) + tuple(slice(j[l] * dilations[l], j[l] * dilations[l] + (size[l] - 1) * strides[l] + 1, strides[l]) for l in range(rank))]
        for g in range(groups):
            o = slice(g * per_out, (g + 1) * per_out)
            out[:, o] += numpy.moveaxis(numpy.tensordot(w[(o, slice(None)) + j], seen[:, g * per_in:(g + 1) * per_in], axes=(1, 1)), 0, 1)
    return out if b is None else out + b.reshape((1, -1) + (1,) * rank)


def conv_transpose(x, w, b, attributes):
    rank = x.ndim - 2
    kernel = w.shape[2:]
    strides = attributes.get("strides") or [1] * rank
    dilations = attributes.get("dilations") or [1] * rank
    groups = attributes.get("group", 1)
    extra = attributes.get("output_padding") or [0] * rank
    pads = _pads(attributes, rank)
    shape = attributes.get("output_shape") or ([s * n for s, n in zip(strides, x.shape[2:])] if attributes.get("auto_pad", "").startswith("SAME") else None)
    if shape is not None:  # what is left over is padding, the odd one at the end for SAME_UPPER and at the beginning otherwise
        rest = [strides[l] * (x.shape[2 + l] - 1) + dilations[l] * (kernel[l] - 1) + 1 - shape[l] for l in range(rank)]
        pads = [(r // 2, r - r // 2) if attributes.get("auto_pad") == "SAME_UPPER" else (r - r // 2, r // 2) for r in rest]
    full = [strides[l] * (x.shape[2 + l] - 1) + extra[l] + dilations[l] * (kernel[l] - 1) + 1 for l in range(rank)]
    per_out = w.shape[1]
    per_in = w.shape[0] // groups
    out = numpy.zeros((x.shape[0], per_out * groups, *full), dtype=x.dtype)
    for j in itertools.product(*map(range, kernel)):
        where = tuple(slice(j[l] * dilations[l], j[l] * dilations[l] + strides[l] * (x.shape[2 + l] - 1) + 1, strides[l]) for l in range(rank))
        for g in range(groups):
            c = slice(g * per_in, (g + 1) * per_in)
            out[(slice(None), slice(g * per_out, (g + 1) * per_out)) + where] += numpy.moveaxis(numpy.tensordot(w[(c, slice(None)) + j], x[:, c], axes=(0, 1)), 0, 1)
    out = out[(slice(None), slice(None)) + tuple(slice(pads[l][0], full[l] - pads[l][1]) for l in range(rank))]
    return out if b is None else out + b.reshape((1, -1) + (1,) * rank)


def pool(x, attributes, average):
    rank = x.ndim - 2
    kernel = attributes["kernel_shape"]
    strides = attributes.get("strides") or [1] * rank
    dilations = attributes.get("dilations") or [1] * rank
    pads = _resolve(attributes, x.shape[2:], kernel, strides, dilations)
    divide = (lambda a, b: -(-a // b)) if attributes.get("ceil_mode") else (lambda a, b: a // b)
    size = [divide(x.shape[2 + l] + sum(pads[l]) - dilations[l] * (kernel[l] - 1) - 1, strides[l]) + 1 for l in range(rank)]
    total, largest = numpy.zeros(x.shape[:2] + tuple(size), dtype=x.dtype), numpy.full(x.shape[:2] + tuple(size), -numpy.inf, dtype=x.dtype)
    count = numpy.zeros(size, dtype=int)
    for j in itertools.product(*map(range, kernel)):
        where = [numpy.arange(size[l]) * strides[l] + j[l] * dilations[l] - pads[l][0] for l in range(rank)]
        inside = functools.reduce(numpy.multiply.outer, [(0 <= at) & (at < n) for at, n in zip(where, x.shape[2:])])
        seen = x[(slice(None), slice(None)) + numpy.ix_(*(numpy.clip(at, 0, n - 1) for at, n in zip(where, x.shape[2:])))]
        total += numpy.where(inside, seen, 0)
        largest = numpy.maximum(largest, numpy.where(inside, seen, -numpy.inf))
        count += inside
    if average:
        return total / (math.prod(kernel) if attributes.get("count_include_pad") else count)
    return largest


def _axes(attributes, inputs, position):
    if len(inputs) > position and inputs[position] is not None:
        return tuple(int(a) for a in inputs[position])
    return tuple(attributes["axes"]) if attributes.get("axes") else None


def _space_to_depth(x, b):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def _depth_to_space(x, b, mode):
    n, c, h, w = x.shape
    if mode == "DCR":
        return x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // (b * b), h * b, w * b)
    return x.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // (b * b), h * b, w * b)


def _slice(x, starts, ends, axes, steps):
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, axes, steps):
        x = numpy.take(x, list(_steps(int(start), int(end), int(step), x.shape[axis])), axis=axis)
    return x


def _steps(start, end, step, n):
    start, end = start + n if start < 0 else start, end + n if end < 0 else end
    if step > 0:
        return range(min(max(start, 0), n), min(max(end, 0), n), step)
    return range(min(max(start, 0), n - 1), min(max(end, -1), n - 1), step)


def _resized(x, axis, scale, length, attributes, modern):
    """One axis of Resize (opset >= 11: `modern`) or of its predecessors, position by position in exact fractions."""
    n = x.shape[axis]
    if scale == 1:
        return x
    mode = attributes.get("coordinate_transformation_mode", "half_pixel") if modern else "asymmetric"
    nearest = attributes.get("nearest_mode", "round_prefer_floor") if modern else "floor"
    half = fractions.Fraction(1, 2)
    out = []
    for i in range(length):
        at = {"half_pixel": lambda i: (i + half) / scale - half, "asymmetric": lambda i: i / scale, "tf_half_pixel_for_nn": lambda i: (i + half) / scale,
              "pytorch_half_pixel": lambda i: (i + half) / scale - half if length > 1 else fractions.Fraction(0),
              "align_corners": lambda i: fractions.Fraction(i * (n - 1), length - 1) if length > 1 else fractions.Fraction(0)}[mode](fractions.Fraction(i))
        if attributes.get("mode", "nearest") == "linear":
            at = min(max(at, 0), n - 1)
            low = math.floor(at)
            w = float(at - low)
            out.append((1 - w) * numpy.take(x, [low], axis) + w * numpy.take(x, [min(low + 1, n - 1)], axis))
        else:
            k = {"floor": math.floor(at), "ceil": math.ceil(at), "round_prefer_floor": math.ceil(at - half), "round_prefer_ceil": math.floor(at + half)}[nearest]
            out.append(numpy.take(x, [min(max(k, 0), n - 1)], axis))
    return numpy.concatenate(out, axis)


def resize(x, scales, sizes, attributes, modern):
    axes = attributes.get("axes") or range(x.ndim)
    for k, axis in enumerate(axes):
        scale = fractions.Fraction(int(sizes[k]), x.shape[axis]) if sizes is not None else fractions.Fraction(float(scales[k]))
        x = _resized(x, axis, scale, int(sizes[k]) if sizes is not None else math.floor(x.shape[axis] * scale), attributes, modern)
    return x


def _erf(x):
    return numpy.vectorize(math.erf)(x)


def apply(op, attributes, inputs, opset):
    """The outputs of a node."""
    x = inputs[0] if inputs else None
    second = inputs[1] if len(inputs) > 1 else None
    third = inputs[2] if len(inputs) > 2 else None
    if op in ("Identity", "Dropout", "Cast"):
        return [x]
    if op == "Conv":
        return [conv(x, second, third, attributes)]
    if op == "ConvTranspose":
        return [conv_transpose(x, second, third, attributes)]
    if op in ("AveragePool", "MaxPool"):
        return [pool(x, attributes, op == "AveragePool")]
    if op == "LpPool":  # the padding counts nothing
        return [numpy.sqrt(pool(x * x, {**attributes, "count_include_pad": 1}, True) * math.prod(attributes["kernel_shape"]))]
    if op == "Upsample":
        return [resize(x, attributes["scales"] if opset < 9 else second, None, attributes, False)]
    if op == "Resize":
        scales = third if opset >= 11 else second
        sizes = inputs[3] if len(inputs) > 3 else None
        return [resize(x, scales if scales is not None and len(scales) else None, sizes if sizes is not None and len(sizes) else None, attributes, opset >= 11)]
    if op in ("GlobalAveragePool", "GlobalMaxPool"):
        return [(numpy.mean if op == "GlobalAveragePool" else numpy.max)(x, axis=tuple(range(2, x.ndim)), keepdims=True)]
    if op == "BatchNormalization":
        scale, bias, mean, var = (v.reshape((1, -1) + (1,) * (x.ndim - 2)) for v in inputs[1:5])
        return [(x - mean) / numpy.sqrt(var + attributes.get("epsilon", float(numpy.float32(1e-5)))) * scale + bias]
    if op == "Gemm":
        a = x.T if attributes.get("transA") else x
        b = second.T if attributes.get("transB") else second
        y = attributes.get("alpha", 1.0) * (a @ b)
        return [y if third is None else y + attributes.get("beta", 1.0) * third]
    if op == "MatMul":
        return [x @ second]
    if op in ("Add", "Sub", "Mul", "Div", "Pow"):
        return [{"Add": numpy.add, "Sub": numpy.subtract, "Mul": numpy.multiply, "Div": numpy.divide, "Pow": numpy.power}[op](x, second)]
    if op in ("Max", "Min"):
        y = inputs[0]
        for other in inputs[1:]:
            y = (numpy.maximum if op == "Max" else numpy.minimum)(y, other)
        return [y]
    if op == "Clip":
        low = second if opset >= 11 else attributes.get("min")
        high = third if opset >= 11 else attributes.get("max")
        y = x if low is None else numpy.maximum(x, low)
        return [y if high is None else numpy.minimum(y, high)]
    if op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"):
        kind = {"ReduceMean": numpy.mean, "ReduceSum": numpy.sum, "ReduceMax": numpy.max, "ReduceMin": numpy.min,
                "ReduceL2": lambda v, **k: numpy.sqrt(numpy.sum(v * v, **k))}[op]
        return [kind(x, axis=_axes(attributes, inputs, 1), keepdims=attributes.get("keepdims", 1) == 1)]
    if op == "TopK":
        k = int(second[0]) if second is not None else attributes["k"]
        axis = attributes.get("axis", -1)
        y = numpy.sort(x, axis=axis)
        if attributes.get("largest", 1):
            y = numpy.flip(y, axis=axis)
        return [numpy.take(y, range(k), axis=axis), None]
    if op == "Softmax":
        axis = attributes.get("axis", -1 if opset >= 13 else 1)
        shape = x.shape
        if opset < 13:
            x = x.reshape(math.prod(shape[:axis]), -1)
            axis = 1
        e = numpy.exp(x - numpy.max(x, axis=axis, keepdims=True))
        return [(e / numpy.sum(e, axis=axis, keepdims=True)).reshape(shape)]
    if op == "Reshape":
        shape = [x.shape[i] if d == 0 else int(d) for i, d in enumerate(second)]
        return [x.reshape(shape)]
    if op == "Flatten":
        axis = attributes.get("axis", 1)
        return [x.reshape(math.prod(x.shape[:axis]), -1)]
    if op == "Transpose":
        return [x.transpose(attributes.get("perm"))]
    if op == "Squeeze":
        return [numpy.squeeze(x, axis=_axes(attributes, inputs, 1))]
    if op == "Unsqueeze":
        return [numpy.expand_dims(x, axis=_axes(attributes, inputs, 1))]
    if op == "Concat":
        return [numpy.concatenate(inputs, axis=attributes["axis"])]
    if op == "Split":
        axis = attributes.get("axis", 0)
        lengths = attributes.get("split") or second
        return numpy.split(x, numpy.cumsum([int(n) for n in lengths])[:-1], axis=axis)
    if op == "Slice":
        if opset < 10:
            return [_slice(x, attributes["starts"], attributes["ends"], attributes.get("axes"), None)]
        return [_slice(x, second, third, inputs[3] if len(inputs) > 3 else None, inputs[4] if len(inputs) > 4 else None)]
    if op == "Gather":
        return [numpy.take(x, second, axis=attributes.get("axis", 0))]
    if op == "Pad":
        pads = attributes["pads"] if opset < 11 else [int(p) for p in second]
        half = len(pads) // 2
        pairs = list(zip(pads[:half], pads[half:]))
        mode = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}[attributes.get("mode", "constant")]
        filled = {"constant_values": float(third) if third is not None and third.size else attributes.get("value", 0.0)} if mode == "constant" else {}
        return [numpy.pad(x, pairs, mode=mode, **filled)]
    if op == "Expand":
        return [x * numpy.ones([int(d) for d in second], dtype=x.dtype)]
    if op in ("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or"):
        return [{"Equal": numpy.equal, "Less": numpy.less, "Greater": numpy.greater, "LessOrEqual": numpy.less_equal, "GreaterOrEqual": numpy.greater_equal,
                 "And": numpy.logical_and, "Or": numpy.logical_or}[op](x, second)]
    if op == "Where":
        return [numpy.where(x, second, third)]
    if op == "Range":
        return [numpy.arange(int(x), int(second), int(third))]
    if op == "DequantizeLinear":
        axis = attributes.get("axis", 1) % max(x.ndim, 1)
        along = lambda v: v if v.size == 1 else v.reshape([-1 if k == axis else 1 for k in range(x.ndim)])
        return [(x.astype(float) - (0 if third is None else along(third).astype(float))) * along(second)]
    if op == "SpaceToDepth":
        return [_space_to_depth(x, attributes["blocksize"])]
    if op == "DepthToSpace":
        return [_depth_to_space(x, attributes["blocksize"], attributes.get("mode", "DCR"))]
    entrywise = {
        "Relu": lambda v: numpy.maximum(v, 0), "Abs": numpy.abs, "Neg": numpy.negative, "Sigmoid": lambda v: (1 + numpy.tanh(v / 2)) / 2, "Tanh": numpy.tanh,
        "LeakyRelu": lambda v: numpy.where(v > 0, v, float(numpy.float32(attributes.get("alpha", 0.01))) * v),
        "Elu": lambda v: numpy.where(v > 0, v, attributes.get("alpha", 1.0) * numpy.expm1(numpy.minimum(v, 0))),
        "Selu": lambda v: 1.05070102214813232421875 * numpy.where(v > 0, v, 1.67326319217681884765625 * numpy.expm1(numpy.minimum(v, 0))),
        "Softplus": lambda v: numpy.logaddexp(v, 0), "HardSigmoid": lambda v: numpy.clip(attributes.get("alpha", 0.2) * v + attributes.get("beta", 0.5), 0, 1),
        "HardSwish": lambda v: v * numpy.clip(v / 6 + 0.5, 0, 1), "Mish": lambda v: v * numpy.tanh(numpy.logaddexp(v, 0)),
        "Gelu": lambda v: v / 2 * (1 + _erf(v / math.sqrt(2))) if attributes.get("approximate", "none") == "none"
        else v / 2 * (1 + numpy.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v ** 3))),
        "Softsign": lambda v: v / (1 + numpy.abs(v)),
        "Celu": lambda v: numpy.where(v > 0, v, attributes.get("alpha", 1.0) * numpy.expm1(numpy.minimum(v, 0) / attributes.get("alpha", 1.0))),
        "Sin": numpy.sin,
        "Cos": numpy.cos,
        "Erf": _erf,
        "Sign": numpy.sign, "Sqrt": numpy.sqrt, "Exp": numpy.exp, "Log": numpy.log, "Not": numpy.logical_not, "Reciprocal": lambda v: 1 / v, "PRelu": lambda v: numpy.where(v > 0, v, second * v)}
    return [entrywise[op](x)]


class Model:
    """Input "x" of the given shape; `add` returns names of tensors. Every node is evaluated at once on random data, so that shapes are known."""

    def __init__(self, shape, opset=13, seed=0):
        self.shape, self.opset = tuple(shape), opset
        self.nodes, self.initialisers, self.steps = [], [], []
        self.constants = {}
        self.shapes = {"x": self.shape}
        self.random = numpy.random.default_rng(seed)
        self.sample = {"x": self.random.normal(size=self.shape)}

    def weight(self, value, kind="float32"):
        """A constant: float32 values (rounded to them, evaluated as such), or integers."""
        name = f"c{len(self.constants)}"
        value = numpy.asarray(value)
        whole = {"int64": (INT64, "<i8"), "int8": (3, "<i1"), "uint8": (2, "<u1"), "int32": (6, "<i4"), "bool": (9, "<u1")}
        if kind in whole:
            number, stored = whole[kind]
            raw = value.astype(stored).tobytes()
            self.initialisers.append(b"".join(support.field(1, d) for d in value.shape) + support.field(2, number) + support.field(8, name)
                                     + support.field(9, raw))
            self.constants[name] = value.astype(bool if kind == "bool" else int)
        else:
            value = value.astype("<f4")
            self.initialisers.append(support.tensor(name, value.shape, value.tobytes()))
            self.constants[name] = value.astype(float)
        return name

    def normal(self, *shape, scale=1.0):
        return self.weight(self.random.normal(size=shape) * scale)

    def ints(self, *values):
        return self.weight(values, "int64")

    def add(self, op, *inputs, outputs=1, **attributes):
        """One node; "" for an absent input. Returns its output's name, or a list of names."""
        inputs = [i for i in inputs]
        names = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(support.node(op, inputs, names, f"n{len(self.nodes)}", **attributes))
        step = (op, attributes, inputs, names)
        self.steps.append(step)
        self._run(step, self.sample)
        for name in names:
            if self.sample[name] is not None:
                self.shapes[name] = self.sample[name].shape
        return names[0] if outputs == 1 else names

    def _run(self, step, values):
        op, attributes, inputs, names = step
        given = [None if i == "" else self.constants[i] if i in self.constants else values[i] for i in inputs]
        for name, value in zip(names, apply(op, attributes, given, self.opset)):
            values[name] = value

    def __call__(self, x, dtype=float):
        values = {"x": numpy.asarray(x, dtype=dtype).reshape(self.shape)}
        for step in self.steps:
            self._run(step, values)
        return values[self.steps[-1][3][0]].reshape(-1)

    def matrix(self):
        """The linear part of an affine model, column by column."""
        zero = self(numpy.zeros(self.shape))
        columns = []
        for i in range(math.prod(self.shape)):
            unit = numpy.zeros(math.prod(self.shape))
            unit[i] = 1
            columns.append(self(unit) - zero)
        return numpy.array(columns).T

    def bytes(self):
        last = self.steps[-1][3][0]
        graph = (b"".join(support.field(1, n) for n in self.nodes) + support.field(2, "test") + b"".join(support.field(5, i) for i in self.initialisers)
                 + support.field(11, support.value_info("x", self.shape)) + support.field(12, support.value_info(last, self.shapes[last])))
        return support.field(1, 8) + support.field(7, graph) + support.field(8, support.field(2, self.opset))
