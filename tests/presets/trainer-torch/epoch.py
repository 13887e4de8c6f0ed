"""Two epochs of demonstration 3's network in torch: spectral + Bjorck projection after each step of Adam, GroupSort2, scaled average pooling, HKR.

  epoch.py IMAGES.npy LABELS.npy REPORT.json
"""

import json
import sys
import time

import numpy
import torch

ALPHA, MARGIN, BATCH, RATE = 200.0, 0.5, 128, 5e-3
torch.manual_seed(1)


def bjorck(w, steps):
    flat = w.reshape(w.shape[0], -1)
    tall = flat.shape[0] > flat.shape[1]
    if tall:
        flat = flat.T
    for _ in range(steps):
        flat = 1.5 * flat - 0.5 * (flat @ flat.T) @ flat
    return (flat.T if tall else flat).reshape(w.shape)


def group_sort(x):
    a, b = x.chunk(2, dim=1)
    return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], dim=1)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(1, 16, 3, padding=1)
        self.second = torch.nn.Conv2d(16, 16, 3, padding=1)
        self.third = torch.nn.Linear(784, 32)
        self.last = torch.nn.Linear(32, 10)
        self.layers = [self.first, self.second, self.third, self.last]
        with torch.no_grad():
            for layer in self.layers:
                flat = layer.weight.reshape(layer.weight.shape[0], -1)
                layer.weight.copy_(bjorck(layer.weight.normal_() / sum(d ** 0.5 for d in flat.shape), 30))
                layer.bias.zero_()

    def forward(self, x):
        # A convolution is divided by 3, scaled pooling multiplies the average by 2.
        x = 2 * torch.nn.functional.avg_pool2d(group_sort(torch.nn.functional.conv2d(x, self.first.weight / 3, self.first.bias, padding=1)), 2)
        x = 2 * torch.nn.functional.avg_pool2d(group_sort(torch.nn.functional.conv2d(x, self.second.weight / 3, self.second.bias, padding=1)), 2)
        return self.last(group_sort(self.third(x.flatten(1))))


def hkr(f, labels):
    own = torch.nn.functional.one_hot(labels, 10).to(f.dtype)
    count = own.sum(0)
    kr = ((f * own).sum(0) / count.clamp(min=1) - (f * (1 - own)).sum(0) / (len(f) - count).clamp(min=1)) * (count > 0)
    hinge = torch.relu(MARGIN / 2 - (2 * own - 1) * f) * (own * 9 + 1 - own)
    return -kr.mean() + ALPHA * hinge.mean()


def main():
    x = torch.from_numpy(numpy.load(sys.argv[1]).astype(numpy.float32) / 255)
    y = torch.from_numpy(numpy.load(sys.argv[2]).astype(numpy.int64))
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    report = {"version": torch.__version__, "threads": torch.get_num_threads(), "cpuSeconds": [], "wallSeconds": [], "loss": []}
    for _ in range(2):
        cpu, wall, total, steps = time.process_time(), time.monotonic(), 0.0, len(x) // BATCH
        order = torch.randperm(len(x))
        for b in range(steps):
            chosen = order[b * BATCH:(b + 1) * BATCH]
            optimiser.zero_grad()
            loss = hkr(network(x[chosen]), y[chosen])
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for layer in network.layers:
                    layer.weight.copy_(bjorck(layer.weight, 2))
            total += loss.item()
        report["cpuSeconds"].append(time.process_time() - cpu)
        report["wallSeconds"].append(time.monotonic() - wall)
        report["loss"].append(total / steps)
    json.dump(report, open(sys.argv[3], "w"))


if __name__ == "__main__":
    main()
