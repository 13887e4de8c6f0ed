#!/usr/bin/python3
"""Trains the small network that ships with lipcert and writes it as ONNX.

A classifier of the UCI hand-written digits: 8 x 8 pixels with values 0 to 16, 64-32-32-10 with ReLU, logits out (no softmax). The division of
the pixels by 16 is part of the graph, so the certificate speaks about pixels as they stand in the data set.

    /usr/bin/python3 examples/models/train_digits.py digits.onnx [digits.inputs.json [digits_test.csv]]

The second file gets a fixed sample of inputs: two test images of every class, and points that no image reaches (zero, all bright, random
multiples of 1/8 below zero and above 16). The third file gets the test images, one in a line with its class last. Needs Debian's python3-sklearn (data and trainer) and nothing else: an ONNX file is protocol buffers, and the few messages that a dense
network needs are written by the 40 lines below. The seed is fixed; the last bits of the weights depend on the BLAS and the CPU that
trained them, so the file in this folder is kept as it is and not rebuilt.

Field numbers are those of onnx.proto3 (ONNX IR version 8, default domain, opset 13).
"""

import json
import struct
import sys

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 7


# --- protocol buffers -----------------------------------------------------------------------------------------------------------------

def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field, value):
    return varint(field << 3) + varint(value)


def block(field, payload):
    """A length-delimited field: a message, a string or raw bytes."""
    if isinstance(payload, str):
        payload = payload.encode()
    return varint(field << 3 | 2) + varint(len(payload)) + payload


# --- ONNX -----------------------------------------------------------------------------------------------------------------------------

FLOAT = 1


def tensor(name, array):
    """TensorProto: dims 1, data_type 2, name 8, raw_data 9."""
    array = numpy.ascontiguousarray(array, dtype="<f4")
    return b"".join(integer(1, d) for d in array.shape) + integer(2, FLOAT) + block(8, name) + block(9, array.tobytes())


def attribute(name, value):
    """AttributeProto: name 1, f 2, i 3, type 20 (1 float, 2 int)."""
    if isinstance(value, float):
        return block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + integer(20, 1)
    return block(1, name) + integer(3, value) + integer(20, 2)


def node(op, name, inputs, output, **attributes):
    """NodeProto: input 1, output 2, name 3, op_type 4, attribute 5."""
    return (b"".join(block(1, i) for i in inputs) + block(2, output) + block(3, name) + block(4, op)
            + b"".join(block(5, attribute(k, v)) for k, v in attributes.items()))


def value_info(name, width):
    """ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; Tensor: elem_type 1, shape 2; a named first dimension is the batch."""
    batch = block(1, block(2, "batch"))
    shape = batch + block(1, integer(1, width))
    return block(1, name) + block(2, block(1, integer(1, FLOAT) + block(2, shape)))


def model(layers, scale):
    """ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8; GraphProto: node 1, name 2, initializer 5, input 11, output 12."""
    nodes = [node("Div", "/scale/Div", ["pixels", "scale"], "/scale/Div_output")]
    initialisers = [tensor("scale", numpy.array([scale]))]
    at = "/scale/Div_output"
    for k, (weight, bias) in enumerate(layers, 1):
        last = k == len(layers)
        out = "logits" if last else f"/dense{k}/Gemm_output"
        nodes.append(node("Gemm", f"/dense{k}/Gemm", [at, f"dense{k}.weight", f"dense{k}.bias"], out, alpha=1.0, beta=1.0, transB=1))
        initialisers += [tensor(f"dense{k}.weight", weight), tensor(f"dense{k}.bias", bias)]
        if not last:
            nodes.append(node("Relu", f"/relu{k}/Relu", [out], f"/relu{k}/Relu_output"))
            at = f"/relu{k}/Relu_output"
    graph = (b"".join(block(1, n) for n in nodes) + block(2, "digits") + b"".join(block(5, i) for i in initialisers)
             + block(11, value_info("pixels", 64)) + block(12, value_info("logits", 10)))
    return integer(1, 8) + block(2, "lipcert train_digits.py") + block(7, graph) + block(8, integer(2, 13))


# --- training -------------------------------------------------------------------------------------------------------------------------

def sample(images, labels):
    """Inputs that float32 holds exactly; label -1 where there is no image."""
    chosen = [(int(labels[i]), images[i]) for c in range(10) for i in numpy.flatnonzero(labels == c)[:2]]
    random = numpy.random.RandomState(SEED)
    chosen += [(-1, numpy.zeros(64)), (-1, numpy.full(64, 16.0))]
    chosen += [(-1, random.randint(-128, 256, 64) / 8) for _ in range(6)]
    return [{"label": label, "input": [float(v) for v in image]} for label, image in chosen]


def main():
    if len(sys.argv) not in (2, 3, 4):
        sys.exit("usage: train_digits.py OUT.onnx [INPUTS.json [TEST.csv]]")
    data = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(data.data, data.target, test_size=0.2, random_state=SEED, stratify=data.target)
    trained = MLPClassifier(hidden_layer_sizes=(32, 32), alpha=0.3, max_iter=800, learning_rate_init=2e-3, random_state=SEED)
    trained.fit(x_train / 16.0, y_train)
    layers = [(w.T.astype(numpy.float32), b.astype(numpy.float32)) for w, b in zip(trained.coefs_, trained.intercepts_)]

    # The accuracy that is reported is that of the float32 weights as written, not of the trainer's float64 ones.
    h = x_test / 16.0
    for k, (weight, bias) in enumerate(layers):
        h = h @ weight.T.astype(float) + bias
        if k + 1 < len(layers):
            h = numpy.maximum(h, 0)
    norms = [float(numpy.linalg.norm(w.astype(float), 2)) for w, _ in layers]
    with open(sys.argv[1], "wb") as f:
        f.write(model(layers, 16.0))
    if len(sys.argv) >= 3:
        with open(sys.argv[2], "w") as f:
            json.dump(sample(x_test, y_test), f)
    if len(sys.argv) == 4:
        with open(sys.argv[3], "w") as f:
            f.writelines(",".join(str(int(v)) for v in [*image, label]) + "\n" for image, label in zip(x_test, y_test))
    print(f"test accuracy {100 * numpy.mean(h.argmax(1) == y_test):.2f} % of {len(y_test)}; "
          f"spectral norms {', '.join(f'{n:.4f}' for n in norms)}; product / 16 = {numpy.prod(norms) / 16:.6f}")


if __name__ == "__main__":
    main()
