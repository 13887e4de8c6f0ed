"""Making certificates."""

from __future__ import annotations

import contextlib
import dataclasses
import fractions
import os
import pathlib
import typing

from . import errors, models, numbers, programs, torch_export


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of the network with its constant, which lies between `lower` and `bound`."""
    id: str
    operator: str
    method: str
    bound: numbers.Upper
    lower: numbers.Lower


@dataclasses.dataclass(frozen=True)
class PairBounds:
    """Bounds of the differences of two outputs: |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||. Those of all pairs stand in the certificate."""
    classes: int
    count: int
    method: str
    smallest: numbers.Upper
    largest: numbers.Upper


@dataclasses.dataclass(frozen=True)
class EpsCount:
    """How many samples keep their decision at every distance up to eps, and how many of these are classified as labelled."""
    eps: str
    certified: int
    certified_correct: int | None


@dataclasses.dataclass(frozen=True)
class SampleCounts:
    """The claim about samples, in integers. `eps_unit`: "scaled pixel" or "graph input"; `local`: how many radii follow from a bound around the sample, with `evidence`
    as its file; `input_range`: the claim is only about inputs whose scaled pixels lie between these numbers."""
    total: int
    correct: int | None
    undecided: int
    labelled: bool
    eps_unit: str
    eps: tuple[EpsCount, ...]
    records: str
    merkle_root: str
    theorem: str = "margin-over-lipschitz"
    local: int = 0
    input_range: tuple[str, str] | None = None
    evidence: str | None = None

    def certified_accuracy(self, eps: numbers.Number) -> fractions.Fraction:
        """The share of all samples that are right and stay so up to this eps, which must be one of those that were counted."""
        wanted = fractions.Fraction(numbers.spelled("eps", eps))
        for count in self.eps:
            if fractions.Fraction(count.eps) == wanted:
                if count.certified_correct is None:
                    raise ValueError("The samples have no labels, so nobody knows how many are right.")
                return fractions.Fraction(count.certified_correct, self.total)
        raise ValueError(f"eps {eps} was not counted; counted are {', '.join(count.eps for count in self.eps) or 'none'}.")


@dataclasses.dataclass(frozen=True)
class Certificate:
    """What was certified and where the certificate lies. These are the generator's numbers: whoever relies on them calls `verify`. `recheck` tells what the
    lipverify beside the generator said: "accepted", "accepted in part", "skipped" or "no lipverify beside lipcert"."""
    path: pathlib.Path
    model: pathlib.Path
    model_sha256: str
    payload_sha256: str
    key_fingerprint: str
    lipschitz: numbers.Upper
    lipschitz_lower: numbers.Lower
    blocks: tuple[Block, ...]
    pairs: PairBounds | None
    samples: SampleCounts | None
    input: models.Tensor
    output: models.Tensor
    recheck: str
    report: dict[str, typing.Any] = dataclasses.field(repr=False, hash=False)

    def __fspath__(self) -> str:
        """A certificate stands for its file: verify(certificate, certificate.model, ...)."""
        return str(self.path)


def data_options(data: programs.StrPath | None, labels: programs.StrPath | None, label_column: int | None, format: str | None,
                 scale: numbers.Number | None, mean: numbers.Number | typing.Iterable[numbers.Number] | None, std: numbers.Number | typing.Iterable[numbers.Number] | None,
                 layout: str | None, array_layout: str | None, image_shape: typing.Sequence[int] | None, limit: int | None) -> list[str]:
    """Samples and how they become inputs of the graph, (v * scale - mean) / std."""
    option = programs.option
    return [*option("data", data), *option("labels", labels), *option("label-column", label_column), *option("format", format),
            *option("scale", None if scale is None else numbers.spelled("scale", scale)), *option("mean", None if mean is None else numbers.spelled_list("mean", mean)),
            *option("std", None if std is None else numbers.spelled_list("std", std)), *option("layout", layout), *option("array-layout", array_layout),
            *option("image-shape", None if image_shape is None else ",".join(str(int(size)) for size in image_shape)), *option("limit", limit)]


def certify(model: typing.Any, example_input: typing.Any = None, *, key: programs.StrPath, out: programs.StrPath, onnx: programs.StrPath | None = None,
            data: programs.StrPath | None = None, labels: programs.StrPath | None = None, label_column: int | None = None, format: str | None = None,
            scale: numbers.Number | None = None, mean: numbers.Number | typing.Iterable[numbers.Number] | None = None,
            std: numbers.Number | typing.Iterable[numbers.Number] | None = None, layout: str | None = None, array_layout: str | None = None,
            image_shape: typing.Sequence[int] | None = None, limit: int | None = None, eps: numbers.Number | typing.Iterable[numbers.Number] = (),
            eps_unit: str | None = None, radii: str | None = None, input_range: typing.Iterable[numbers.Number] = (), allow_low_accuracy: bool = False, input_shape: typing.Sequence[int] | None = None, fixed_inputs: bool = False,
            output: str | None = None, allow_external_data: bool = False, issuer: str | None = None, not_after: str | None = None,
            requirements: typing.Iterable[str] = (), threads: int | None = None, recheck: bool = True, force: bool = False, passphrase: str | None = None,
            timeout: float | None = None) -> Certificate:
    """Certifies a model file (ONNX, .nnet), or a torch module with `example_input` (a batch of one), and writes the signed certificate to `out`.

    A certificate is about a file. So a torch module is folded and exported first, to `onnx` or beside `out`: keep that file, and deploy it. Settings have the
    names and meanings of `lipcert certify --help`; numbers are strings, ints, Decimals or Fractions, never floats. On failure nothing is written
    but the exported model, and the exception carries the program's sentence."""
    out = pathlib.Path(os.fspath(out))
    if isinstance(model, (str, os.PathLike)):
        if example_input is not None or onnx is not None:
            raise TypeError("example_input and onnx belong to a torch module; this model is a file.")
        path = pathlib.Path(os.fspath(model))
    else:
        path = pathlib.Path(os.fspath(onnx)) if onnx is not None else out.with_name(out.name.removesuffix(".json").removesuffix(".sigstore").removesuffix(".lipcert") + ".onnx")
        torch_export.export(model, example_input, path, overwrite=onnx is not None)
    thresholds = numbers.spelled_list("eps", eps)
    option = programs.option
    words = ["certify", "--json", *option("key", key), *option("out", out), *models.function_options(input_shape, fixed_inputs, output, allow_external_data),
             *data_options(data, labels, label_column, format, scale, mean, std, layout, array_layout, image_shape, limit), *option("eps", thresholds or None),
             *option("eps-unit", eps_unit), *option("radii", radii), *option("input-range", numbers.spelled_list("input_range", input_range) or None), *option("allow-low-accuracy", allow_low_accuracy), *option("issuer", issuer), *option("not-after", not_after),
             *(word for requirement in requirements for word in option("requirement", requirement)), *option("threads", threads),
             *option("no-recheck", not recheck), *option("force", force)]
    answer = programs.run("lipcert", *words, files=[path], passphrase=passphrase, timeout=timeout)
    if answer.exit_code != 0:
        raise errors.error_of(answer.exit_code, answer.sentence("lipcert"))
    with _understood():
        return _certificate(out, path, answer.json("lipcert"))


@contextlib.contextmanager
def _understood() -> typing.Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise errors.InternalError(f"The answer of lipcert certify has another form ({error!r}); are program and module of one version?", 0) from error


def _certificate(out: pathlib.Path, model: pathlib.Path, report: dict[str, typing.Any]) -> Certificate:
    blocks = tuple(Block(block["id"], block["operator"], block["method"], numbers.Upper(block["bound"]), numbers.Lower(block["lower"])) for block in report["blocks"])
    pairs = report.get("pairs")
    samples = report.get("samples")
    return Certificate(
        path=out, model=model, model_sha256=report["model"]["sha256"], payload_sha256=report["payloadSha256"], key_fingerprint=report["keyFingerprint"],
        lipschitz=numbers.Upper(report["lipschitz"]), lipschitz_lower=numbers.Lower(report["lipschitzLower"]), blocks=blocks,
        pairs=PairBounds(pairs["classes"], pairs["count"], pairs["method"], numbers.Upper(pairs["smallest"]), numbers.Upper(pairs["largest"])) if pairs else None,
        samples=_samples(samples) if samples else None, input=models.tensor(report["input"]), output=models.tensor(report["output"]), recheck=report["recheck"], report=report)


def _samples(value: dict[str, typing.Any]) -> SampleCounts:
    labelled = value["labelled"]
    eps = tuple(EpsCount(item["eps"], item["certified"], item["certified_correct"] if labelled else None) for item in value["eps"])
    return SampleCounts(value["total"], value["correct"] if labelled else None, value["undecided"], labelled, value["epsUnit"], eps, value["records"], value["merkleRoot"],
                        value["radii"], value["local"], (value["inputRange"]["low"], value["inputRange"]["high"]) if value["inputRange"] else None, value["evidence"])
