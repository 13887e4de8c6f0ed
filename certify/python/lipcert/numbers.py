"""Rigorous numbers. A bound stays the decimal that the program printed, which lies on the safe side of what is proved; as a float it is rounded to the same
side, never to the nearest. Arithmetic on them is Decimal's, which rounds to the precision of its context: use Fraction(bound) where that matters."""

from __future__ import annotations

import decimal
import fractions
import math
import typing

Number = typing.Union[str, int, decimal.Decimal, fractions.Fraction]


class Upper(decimal.Decimal):
    """An upper end: float() is not below it."""

    def __float__(self) -> float:
        nearest = decimal.Decimal.__float__(self)
        return nearest if math.isinf(nearest) or decimal.Decimal(nearest) >= self else math.nextafter(nearest, math.inf)


class Lower(decimal.Decimal):
    """A lower end: float() is not above it."""

    def __float__(self) -> float:
        nearest = decimal.Decimal.__float__(self)
        if math.isinf(nearest):
            return nearest if nearest < 0 else math.nextafter(nearest, 0.0)
        return nearest if decimal.Decimal(nearest) <= self else math.nextafter(nearest, -math.inf)


def spelled(name: str, value: Number) -> str:
    """How the programs are told a number: exactly. A float is refused, because 0.1 is not the float that Python makes of it."""
    if isinstance(value, bool) or isinstance(value, float):
        raise TypeError(f"{name} is {value!r}: a float is rounded already; write it as a string ('0.1', '36/255'), a Decimal or a Fraction.")
    if isinstance(value, fractions.Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise ValueError(f"{name} is {value}: give a finite number.")
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}: give a string, an int, a Decimal or a Fraction.")


def spelled_list(name: str, values: Number | typing.Iterable[Number]) -> str:
    """One number, or several separated by commas."""
    if isinstance(values, (str, int, float, decimal.Decimal, fractions.Fraction)):
        return spelled(name, values)
    return ",".join(spelled(name, value) for value in values)
