"""What is in a model file, before anything is certified."""

from __future__ import annotations

import dataclasses
import typing

from . import errors, programs


@dataclasses.dataclass(frozen=True)
class Tensor:
    """The model's input or output. `symbolic`: indices of dimensions that the file leaves open; `given`: those among them that the caller has fixed."""
    name: str
    shape: tuple[int, ...]
    element_type: str | None = None
    symbolic: tuple[int, ...] = ()
    given: tuple[int, ...] = ()


def tensor(value: typing.Any) -> Tensor:
    return Tensor(value["name"], tuple(value["shape"]), value.get("elementType"), tuple(value.get("symbolic", ())), tuple(value.get("given", ())))


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A part of the model that cannot be bounded, and why."""
    node: str
    operator: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What `lipcert inspect` found. True only when all of the model is supported."""
    supported: bool
    refused: tuple[Refusal, ...]
    sha256: str | None
    graph_digest: str | None
    input: Tensor | None
    output: Tensor | None
    parameters: int | None
    report: dict[str, typing.Any] = dataclasses.field(repr=False, hash=False)

    def __bool__(self) -> bool:
        return self.supported


def function_options(input_shape: typing.Sequence[int] | None, fixed_inputs: bool, output: str | None, allow_external_data: bool) -> list[str]:
    """What the file leaves open; see `lipcert certify --help`."""
    shape = None if input_shape is None else ",".join(str(int(size)) for size in input_shape)
    return [*programs.option("input-shape", shape), *programs.option("fixed-inputs", fixed_inputs), *programs.option("output", output),
            *programs.option("allow-external-data", allow_external_data)]


def inspect(model: programs.StrPath, *, input_shape: typing.Sequence[int] | None = None, fixed_inputs: bool = False, output: str | None = None,
            allow_external_data: bool = False) -> Inspection:
    """Reads a model and says how it can be bounded. A model with parts that are not supported is a result (`supported` is False, `refused` says why); a
    file that cannot be read is an InputError."""
    answer = programs.run("lipcert", "inspect", "--json", *function_options(input_shape, fixed_inputs, output, allow_external_data), files=[model])
    if answer.exit_code not in (0, 3):
        raise errors.error_of(answer.exit_code, answer.sentence("lipcert"))
    if not answer.stdout.strip():
        raise errors.error_of(answer.exit_code, answer.sentence("lipcert"))
    report = answer.json("lipcert")
    if answer.exit_code == 3 and "model" not in report:  # nothing was read
        raise errors.error_of(answer.exit_code, answer.sentence("lipcert"))
    try:
        if report["supported"] is not (answer.exit_code == 0):
            raise KeyError("supported")
        refused = tuple(Refusal(str(item["node"]), str(item["operator"]), str(item["reason"])) for item in report["refused"])
        return Inspection(report["supported"], refused, (report.get("model") or {}).get("sha256"), report.get("graphDigest"), tensor(report["input"]) if report.get("input") else None,
                          tensor(report["output"]) if report.get("output") else None, report.get("parameters"), report)
    except (KeyError, TypeError, AttributeError) as error:
        raise errors.InternalError(f"The answer of lipcert inspect has another form ({error}); are program and module of one version?", answer.exit_code) from error
