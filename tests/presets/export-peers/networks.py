"""Networks of the layers of two libraries, folded as examples/pytorch-and-keras.md says: NAME.onnx, NAME.npy (images) and NAME.labels.npy (torch's decisions).

  networks.py deel-torchlip|orthogonium FOLDER"""

import pathlib
import sys

import numpy
import torch


def deel_torchlip():
    from deel import torchlip
    from deel.torchlip.modules import vanilla_model

    model = torchlip.Sequential(
        torchlip.SpectralConv2d(3, 8, (3, 3), padding=1, padding_mode="zeros"), torchlip.GroupSort2(), torchlip.ScaledAvgPool2d((2, 2)), torch.nn.Flatten(),
        torchlip.SpectralLinear(512, 32), torchlip.FullSort(), torchlip.FrobeniusLinear(32, 10))
    model(torch.randn(4, 3, 16, 16))  # the first pass of a training
    return model, lambda: vanilla_model(model, in_place=False)


def norm_with_type(x, p="fro", dim=None, keepdim=False, dtype=None, plain=torch.norm):
    """torch.norm of torch 1.13 refuses a dtype that later versions take."""
    if p == "fro" and dtype is not None:
        return torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim, dtype=dtype)
    return plain(x, p, dim, keepdim, dtype=dtype)


def orthogonium():
    torch.norm = norm_with_type
    from export import fold
    from orthogonium.layers import AdaptiveOrthoConv2d, AdaptiveOrthoConvTranspose2d, OrthoLinear

    model = torch.nn.Sequential(
        AdaptiveOrthoConv2d(3, 16, kernel_size=3, padding=1, padding_mode="zeros"), torch.nn.ReLU(),
        AdaptiveOrthoConv2d(16, 32, kernel_size=4, stride=2, padding=1, padding_mode="zeros"), torch.nn.ReLU(),  # two parametrised tensors
        AdaptiveOrthoConv2d(32, 32, kernel_size=2, stride=2, padding=0, padding_mode="zeros"), torch.nn.ReLU(),
        AdaptiveOrthoConvTranspose2d(32, 16, kernel_size=2, stride=2), torch.nn.Flatten(), OrthoLinear(1024, 10, bias=False))
    model(torch.randn(4, 3, 16, 16))
    return model, lambda: fold(model)


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    torch.manual_seed(1)
    model, folded = {"deel-torchlip": deel_torchlip, "orthogonium": orthogonium}[name]()
    model.eval()
    plain = folded()
    images = torch.randint(0, 256, (64, 3, 16, 16)).float() / 256
    with torch.no_grad():
        passes = [model(images) for _ in range(2)]  # power iteration goes on in every pass
        apart = (passes[0] - passes[1]).abs().max().item()
        off = (plain(images) - passes[0]).abs().max().item()
        logits = plain(images)
    print(f"export-peers: {name}: folding changes logits by {off:.1e}, another pass by {apart:.1e}")
    if off > 1e-5 + 10 * apart:
        sys.exit("presets: error: folding changes the function.")
    if any(torch.nn.utils.parametrize.is_parametrized(module) for module in plain.modules()):
        sys.exit("presets: error: a parametrised layer is left.")
    torch.onnx.export(plain, torch.zeros(1, 3, 16, 16), str(folder / f"{name}.onnx"), opset_version=13, input_names=["input"], output_names=["logits"])
    numpy.save(folder / f"{name}.npy", images.numpy())
    numpy.save(folder / f"{name}.labels.npy", logits.argmax(1).numpy())


if __name__ == "__main__":
    main()
