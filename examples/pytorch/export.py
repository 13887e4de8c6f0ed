"""From PyTorch to ONNX files that lipcert certifies. `fold` and `finish` serve any model of ordinary and parametrised layers; the rest is an example with
torch's own parametrisations: spectral normalisation, orthogonal matrices, GroupSort2, scaled average pooling.

  export.py IMAGES.gz LABELS.gz FOLDER     trains on 8000 of the digits; writes trained.onnx, finished.onnx, test images and labels, and report.json
"""

import copy
import gzip
import json
import math
import pathlib
import sys

import numpy
import torch
from torch.nn.utils import parametrizations, parametrize


def plain_layer(name, layer):
    """An ordinary layer with the weight that a parametrised one computes now."""
    if isinstance(layer, torch.nn.Linear):
        plain = torch.nn.Linear(layer.in_features, layer.out_features, layer.bias is not None)
    elif isinstance(layer, torch.nn.ConvTranspose2d):
        plain = torch.nn.ConvTranspose2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.output_padding,
                                         layer.groups, layer.bias is not None, layer.dilation, layer.padding_mode)
    elif isinstance(layer, torch.nn.Conv2d):
        plain = torch.nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation,
                                layer.groups, layer.bias is not None, layer.padding_mode)
    else:
        raise TypeError(f"'{name}' is a parametrised {type(layer).__name__}: fold it by hand.")
    with torch.no_grad():
        plain.weight.copy_(layer.weight)
        if layer.bias is not None:
            plain.bias.copy_(layer.bias)
    return plain


def fold(model):
    """A copy in which every parametrised layer is an ordinary one that holds the computed weight. Whatever computes it may have parametrised tensors of its
    own (orthogonium's power iteration has): nothing inside of a parametrised layer is looked at."""
    def folded(name, module):
        if parametrize.is_parametrized(module):
            return plain_layer(name, module)
        for child_name, child in list(module.named_children()):
            setattr(module, child_name, folded(f"{name}.{child_name}", child))
        return module
    return folded("model", copy.deepcopy(model).eval()).eval()


def finish(model):
    """A copy of a folded model whose dense layers and convolutions (zero padding) have norm at most 1 as stored: scaled in float64, with room for the rounding
    to float32, which moves a matrix by at most 2^-24 times its Frobenius norm."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                reach = 1.0
            elif isinstance(layer, torch.nn.Conv2d):
                if layer.padding_mode != "zeros" or set(layer.dilation) != {1}:
                    raise ValueError(f"{layer}: only zero padding without dilation is bounded here.")
                # One entry of the image meets at most so many positions of the kernel, and their root bounds the convolution over the flattened kernel.
                reach = math.sqrt(math.prod(math.ceil(k / s) for k, s in zip(layer.kernel_size, layer.stride)))
            else:
                continue
            matrix = layer.weight.double().flatten(1) * reach
            u, s, v = torch.linalg.svd(matrix, full_matrices=False)
            if reach == 1 and (s - 1).abs().max() < 1e-3:
                matrix = u @ v  # the nearest matrix with orthonormal rows or columns
            else:
                matrix = matrix / max(1.0, s[0].item())
            shrink = 1 - 2**-24 * matrix.norm().item()
            layer.weight.copy_((matrix * (shrink / reach)).reshape(layer.weight.shape))
    return model


class Divide(torch.nn.Module):
    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, weight):
        return weight / self.by


class GroupSort2(torch.nn.Module):
    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], dim=1)


class ScaledAveragePooling(torch.nn.Module):
    def forward(self, x):
        return 2 * torch.nn.functional.avg_pool2d(x, 2)


def convolution(inputs, outputs):
    layer = parametrizations.spectral_norm(torch.nn.Conv2d(inputs, outputs, 3, padding=1), n_power_iterations=3)
    parametrize.register_parametrization(layer, "weight", Divide(3))
    return layer


def dense(inputs, outputs):
    return parametrizations.orthogonal(torch.nn.Linear(inputs, outputs))


def hkr(f, labels, alpha=200.0, margin=0.5):
    own = torch.nn.functional.one_hot(labels, 10).to(f.dtype)
    count = own.sum(0)
    kr = ((f * own).sum(0) / count.clamp(min=1) - (f * (1 - own)).sum(0) / (len(f) - count).clamp(min=1)) * (count > 0)
    hinge = torch.relu(margin / 2 - (2 * own - 1) * f) * (own * 9 + 1 - own)
    return alpha * hinge.mean() - kr.mean()


def main():
    images, labels, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    pixels = numpy.frombuffer(gzip.open(images).read(), numpy.uint8, offset=16).reshape(-1, 1, 28, 28)
    x = torch.from_numpy(pixels.astype(numpy.float32) / 255)
    y = torch.from_numpy(numpy.frombuffer(gzip.open(labels).read(), numpy.uint8, offset=8).astype(numpy.int64))
    model = torch.nn.Sequential(convolution(1, 16), GroupSort2(), ScaledAveragePooling(), convolution(16, 16), GroupSort2(), ScaledAveragePooling(),
                                torch.nn.Flatten(), dense(784, 32), GroupSort2(), dense(32, 10))
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(2):
        for chosen in torch.randperm(8000).split(128):
            optimiser.zero_grad()
            loss = hkr(model(x[chosen]), y[chosen])
            loss.backward()
            optimiser.step()
        print(f"epoch {epoch + 1}  loss {loss.item():.3f}", flush=True)

    trained = fold(model)
    report = {}
    for name, network in {"trained": trained, "finished": finish(trained)}.items():
        torch.onnx.export(network, torch.zeros(1, 1, 28, 28), str(folder / f"{name}.onnx"), opset_version=13, input_names=["input"], output_names=["logits"])
        with torch.no_grad():
            report[name] = {"correct": int((network(x[8000:]).argmax(1) == y[8000:]).sum()), "samples": len(x) - 8000}
    with torch.no_grad():
        report["folding"] = (model.eval()(x[8000:]) - trained(x[8000:])).abs().max().item()
    numpy.save(folder / "test.npy", pixels[8000:])
    numpy.save(folder / "test.labels.npy", y[8000:].numpy())
    json.dump(report, open(folder / "report.json", "w"))


if __name__ == "__main__":
    main()
