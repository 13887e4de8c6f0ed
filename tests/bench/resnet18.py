#!/usr/bin/python3
"""ResNet-18 (He et al., CVPR 2016) at 224 x 224 with random weights and BatchNormalization, as ONNX: a large network to time both programs with.

  resnet18.py FILE.onnx [--side 224] [--folded] [--seed 1]

--folded: every BatchNormalization in the convolution before it, as exporters write a network in evaluation mode."""

import argparse
import os
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
os.environ.setdefault("LIPCERT", "")
os.environ.setdefault("LIPVERIFY", "")
import support  # noqa: E402


class Network:
    def __init__(self, seed, folded):
        self.random, self.folded, self.nodes, self.initialisers = numpy.random.default_rng(seed), folded, [], []

    def constant(self, values):
        name = f"w{len(self.initialisers)}"
        values = numpy.asarray(values, "<f4")
        self.initialisers.append(support.tensor(name, values.shape, values.tobytes()))
        return name

    def add(self, op, *inputs, **attributes):
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(support.node(op, inputs, name, name, **attributes))
        return name

    def convolution(self, x, inputs, outputs, kernel, stride):
        """A convolution and its normalisation."""
        weight = self.random.normal(size=(outputs, inputs, kernel, kernel)) * (2 / (outputs * kernel * kernel)) ** 0.5
        scale, offset = self.random.uniform(0.5, 1.5, outputs), self.random.normal(0, 0.1, outputs)
        mean, variance = self.random.normal(0, 0.1, outputs), self.random.uniform(0.5, 1.5, outputs)
        attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        if self.folded:
            factor = scale / (variance + 1e-5) ** 0.5
            return self.add("Conv", x, self.constant(weight * factor[:, None, None, None]), self.constant(offset - mean * factor), **attributes)
        x = self.add("Conv", x, self.constant(weight), **attributes)
        return self.add("BatchNormalization", x, *map(self.constant, (scale, offset, mean, variance)), epsilon=1e-5)

    def block(self, x, inputs, outputs, stride):
        inside = self.add("Relu", self.convolution(x, inputs, outputs, 3, stride))
        inside = self.convolution(inside, outputs, outputs, 3, 1)
        beside = x if (inputs, stride) == (outputs, 1) else self.convolution(x, inputs, outputs, 1, stride)
        return self.add("Relu", self.add("Add", inside, beside))


def resnet18(side=224, folded=False, seed=1):
    net = Network(seed, folded)
    x = net.add("Relu", net.convolution("x", 3, 64, 7, 2))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = net.block(x, inputs, outputs, stride)
        x = net.block(x, outputs, outputs, 1)
        inputs = outputs
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    net.nodes.append(support.node("Gemm", [x, net.constant(net.random.normal(size=(1000, 512)) / 512**0.5), net.constant(numpy.zeros(1000))], "y", "fc", transB=1))
    return support.model(net.nodes, net.initialisers, (1, 3, side, side), (1, 1000))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--folded", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chosen.file.write_bytes(resnet18(chosen.side, chosen.folded, chosen.seed))
