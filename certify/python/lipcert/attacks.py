"""Looking for counter-examples. The distances that are found are floating-point numbers and prove nothing; a certified radius that they refute does."""

from __future__ import annotations

import dataclasses
import decimal
import typing

from . import certificates, errors, models, numbers, programs


@dataclasses.dataclass(frozen=True)
class Flip:
    """An input at this distance from a sample that is decided otherwise. `radius` and `ratio` where a certificate was given."""
    index: int
    from_class: int
    to_class: int
    distance: decimal.Decimal
    radius: decimal.Decimal | None
    ratio: decimal.Decimal | None


@dataclasses.dataclass(frozen=True)
class AttackResult:
    """What the search found. `refuted`: certified samples that were flipped inside their radius; a number above 0 means that the certificate is false."""
    attacked: int
    flipped: int
    unit: str
    smallest_flip: decimal.Decimal | None
    certified: int | None
    refuted: int
    flips: tuple[Flip, ...]
    report: dict[str, typing.Any] = dataclasses.field(repr=False, hash=False)


def attack(model: programs.StrPath, *, data: programs.StrPath, certificate: programs.StrPath | None = None, labels: programs.StrPath | None = None,
           label_column: int | None = None, format: str | None = None, scale: numbers.Number | None = None,
           mean: numbers.Number | typing.Iterable[numbers.Number] | None = None, std: numbers.Number | typing.Iterable[numbers.Number] | None = None,
           layout: str | None = None, array_layout: str | None = None, image_shape: typing.Sequence[int] | None = None, limit: int | None = None,
           eps_unit: str | None = None, steps: int | None = None, seed: int | None = None, flips: int | None = None, threads: int | None = None,
           input_shape: typing.Sequence[int] | None = None, fixed_inputs: bool = False, output: str | None = None, allow_external_data: bool = False,
           timeout: float | None = None) -> AttackResult:
    """Searches for the nearest inputs that change decisions; see `lipcert attack --help`. A refuted certificate is a result, not an exception."""
    option = programs.option
    words = ["attack", "--json", *models.function_options(input_shape, fixed_inputs, output, allow_external_data),
             *certificates.data_options(data, labels, label_column, format, scale, mean, std, layout, array_layout, image_shape, limit),
             *option("certificate", certificate), *option("eps-unit", eps_unit), *option("steps", steps), *option("seed", seed), *option("list", flips),
             *option("threads", threads)]
    answer = programs.run("lipcert", *words, files=[model], timeout=timeout)
    if answer.exit_code not in (0, 1):
        raise errors.error_of(answer.exit_code, answer.sentence("lipcert"))
    report = answer.json("lipcert")
    try:
        refuted = report.get("refuted", 0) or 0
        if (refuted > 0) != (answer.exit_code == 1):
            raise ValueError(f"{refuted} refuted with exit code {answer.exit_code}")
        found = tuple(Flip(flip["index"], flip["from"], flip["to"], decimal.Decimal(flip["distance"]), _optional(flip.get("radius")), _optional(flip.get("ratio")))
                      for flip in report["flips"])
        return AttackResult(report["attacked"], report["flipped"], report["unit"], _optional(report.get("smallestFlip")), report.get("certified"), refuted, found, report)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise errors.InternalError(f"The answer of lipcert attack has another form ({error!r}); are program and module of one version?", answer.exit_code) from error


def _optional(value: typing.Any) -> decimal.Decimal | None:
    return None if value is None else decimal.Decimal(value)
