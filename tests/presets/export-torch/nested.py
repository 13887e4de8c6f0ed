"""`fold` of examples/pytorch/export.py on parametrisations that are parametrised themselves, as orthogonium's are, and on a weight that is computed from
two parametrised tensors."""

import sys

import torch
from torch.nn.utils import parametrize

from export import fold


class Unit(torch.nn.Module):
    def forward(self, x):
        return x / x.norm()


class Reflection(torch.nn.Module):
    """w - 2 (w u) u' with u of length 1: a parametrised tensor inside of a parametrisation."""

    def __init__(self, n):
        super().__init__()
        self.u = torch.nn.Parameter(torch.randn(n))
        parametrize.register_parametrization(self, "u", Unit())

    def forward(self, weight):
        flat = weight.flatten(1)
        return (flat - 2 * torch.outer(flat @ self.u, self.u)).reshape(weight.shape)


class Product(torch.nn.Conv2d):
    """Its weight is no tensor of its own: a 1 x 1 convolution after one of this size."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__(inputs, outputs, kernel)
        first = self.weight.detach()
        del self.weight
        self.first = torch.nn.Parameter(first)
        self.second = torch.nn.Parameter(torch.randn(outputs, outputs))
        parametrize.register_parametrization(self, "first", Reflection(inputs * kernel * kernel))
        parametrize.register_parametrization(self, "second", Unit())

    @property
    def weight(self):
        return torch.einsum("ab,bcij->acij", self.second, self.first)


def reflected(layer):
    parametrize.register_parametrization(layer, "weight", Reflection(layer.weight[0].numel()))
    return layer


torch.manual_seed(2)
inner = torch.nn.Sequential(reflected(torch.nn.Conv2d(4, 4, 3, padding=1, bias=False)), torch.nn.ReLU())
model = torch.nn.Sequential(Product(2, 4, 3), torch.nn.ReLU(), inner, reflected(torch.nn.ConvTranspose2d(4, 3, 2, stride=2)), torch.nn.Flatten(),
                            reflected(torch.nn.Linear(3 * 12 * 12, 5))).eval()
x = torch.randn(7, 2, 8, 8)
with torch.no_grad():
    expected = model(x)
    plain = fold(model)
    failures = [] if torch.equal(plain(x), expected) else ["folding changes outputs"]
    if not torch.equal(model(x), expected):
        failures.append("folding changes the model that it copies")
if any(parametrize.is_parametrized(module) for module in plain.modules()):
    failures.append("a parametrised layer is left")
alone = reflected(torch.nn.Linear(6, 2))
if type(fold(alone)) is not torch.nn.Linear or not torch.equal(fold(alone).weight, alone.weight):
    failures.append("a layer by itself is not folded")
try:
    fold(torch.nn.Sequential(reflected(torch.nn.Conv1d(2, 2, 3))))
    failures.append("a parametrised layer of another kind is taken")
except TypeError as error:
    if "Conv1d" not in str(error) or "by hand" not in str(error):
        failures.append(f"unclear: {error}")
for failure in failures:
    print(f"presets: error: nested parametrisations: {failure}.", file=sys.stderr)
sys.exit(1 if failures else 0)
