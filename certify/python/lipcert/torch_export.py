"""From a module of torch to the ONNX file that is certified. The folding of parametrised layers is that of examples/pytorch/export.py (installed as
torch_layers.py): a layer that computes its weight becomes an ordinary one that holds it."""

from __future__ import annotations

import importlib
import os
import pathlib
import sys
import tempfile
import typing


def export(module: typing.Any, example_input: typing.Any, path: pathlib.Path, *, overwrite: bool) -> None:
    """Writes the folded module, in inference mode, as ONNX (opset 13), whole or not at all; `module` itself is not changed. Without `overwrite` a file that
    is there already is left alone (FileExistsError)."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        raise TypeError(f"The model is a {type(module).__name__}: give the path of an ONNX or .nnet file, or a torch.nn.Module with an example input.")
    if not isinstance(example_input, torch.Tensor) or example_input.dim() == 0 or example_input.shape[0] != 1:
        raise ValueError("A torch module is exported with an example input: give a tensor that is a batch of one, like torch.zeros(1, 1, 28, 28).")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists and was not replaced; name the file for the exported model with onnx=.")
    folded = importlib.import_module(".torch_layers", __package__).fold(module)  # imports torch and numpy itself
    # Beside its place, so that renaming it there is one step.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            with torch.no_grad():
                torch.onnx.export(folded, example_input, file, opset_version=13, input_names=["input"], output_names=["output"])
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
