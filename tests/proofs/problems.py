"""Plain problems (proofs/FORMAT.md) written by a program that shares nothing with the front: Python's integers and numpy's Cholesky."""

import math
import os
import struct
import subprocess
from fractions import Fraction

import numpy

CHECKER = os.environ["LIPPROOF_CHECK"]


def f32_bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def f64_bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def ratio(x):
    f = Fraction(x)
    return f"{f.numerator} {f.denominator}"


def vector(values):
    return f"f64 {len(values)} " + " ".join(str(f64_bits(float(v))) for v in values)


def hint(matrix, bound, divisor=1, norm_bits=50, all_off_grid=False):
    """The numbers of a dense layer's evidence, for the claim ||matrix|| / divisor <= bound. For the product of a folded block the matrix is
    only near the true one, so every entry may be off the grid."""
    bound = Fraction(bound) * divisor
    matrix = numpy.array(matrix, dtype=float)
    rows, columns = matrix.shape
    scale = norm_bits - math.frexp(float(bound))[1] if bound else 0
    grid = [[math.floor(Fraction(float(x)) * Fraction(2) ** scale) for x in row] for row in matrix]
    off = sum(Fraction(float(x)) * Fraction(2) ** scale != g for row, gs in zip(matrix, grid) for x, g in zip(row, gs))
    off = matrix.size if all_off_grid else off
    spread = math.isqrt(off)
    spread += spread * spread < off
    norm = max(0, math.floor(bound * Fraction(2) ** scale) - spread)
    b = numpy.array(grid, dtype=float)
    transposed = columns < rows
    b = b.T if transposed else b
    n = len(b)
    d = float(norm) ** 2
    gram = b @ b.T
    factor = numpy.zeros((n, n))
    delta = 0.0
    for share in (0.5, 0.1, 0.01):
        try:
            # As much of the gap between the claim and the truth as can be had.
            delta = share * (d - numpy.linalg.eigvalsh(gram)[-1])
            factor = numpy.linalg.cholesky((d - delta) * numpy.eye(n) - gram) if delta > 0 else factor
            break
        except numpy.linalg.LinAlgError:
            continue
    off_diagonal = max(0, math.floor(delta / (2 * n)))
    width = (norm * norm).bit_length() + 2
    lines = [f"{int(transposed)} {scale} {spread} {norm} {off_diagonal} {width} 2 {n}"]
    for i in range(n):
        lines.append(f"{i + 1} " + " ".join(str(round(x)) for x in factor[i, :i + 1]))
    return "\n".join(lines)


def folded(layers, matrix, divisor=1):
    """A chain of linear layers with one piece of evidence for all; `matrix` is their product times `divisor`, near enough."""
    whole = chain(layers)
    return Layer(whole.text, lambda bound: f"folded {ratio(bound)} {hint(matrix, bound, divisor, all_off_grid=True)}")


class Layer:
    """A layer's text, and its evidence for a claimed bound."""

    def __init__(self, text, evidence):
        self.text, self.evidence = text, evidence


def plain(word):
    return Layer(word, lambda bound: f"claim {ratio(bound)}")


def dense(matrix, bias=None, divisor=1):
    matrix = [[float(x) for x in row] for row in matrix]
    weights = " ".join(str(f64_bits(x)) for row in matrix for x in row)
    text = f"dense {divisor} {len(matrix)} {len(matrix[0])} f64 {weights}\nbias "
    text += vector(bias) if bias is not None else f"zeros {len(matrix)}"
    return Layer(text, lambda bound: f"dense {ratio(bound)} {hint(matrix, bound, divisor)}")


def diagonal(factors, bias=None, divisor=1):
    text = f"diagonal {divisor} {vector(factors)}\nbias " + (vector(bias) if bias is not None else f"zeros {len(factors)}")
    return Layer(text, lambda bound: f"claim {ratio(bound)}")


def max_pool(windows):
    return plain("max-pool " + str(len(windows)) + " " + " ".join(f"{len(w)} " + " ".join(map(str, w)) for w in windows))


def leaky_relu(slope):
    return plain(f"leaky-relu f32 {f32_bits(slope)}")


def compose(f, g):
    """Bounds are pairs."""
    return Layer(f"compose\n{f.text}\n{g.text}", lambda bounds: f"both\n{f.evidence(bounds[0])}\n{g.evidence(bounds[1])}")


def chain(layers):
    """Bounds are lists."""
    if len(layers) == 1:
        return Layer(layers[0].text, lambda bounds: layers[0].evidence(bounds[0]))
    head = chain(layers[:-1])
    return Layer(f"compose\n{head.text}\n{layers[-1].text}",
                 lambda bounds: f"both\n{head.evidence(bounds[:-1])}\n{layers[-1].evidence(bounds[-1])}")


def residual(a, g):
    return Layer(f"residual f64 {f64_bits(a)}\n{g.text}", lambda bound: f"inner\n{g.evidence(bound)}")


def concat(f, g):
    """Bounds are (whole, f, g)."""
    return Layer(f"concat\n{f.text}\n{g.text}", lambda b: f"join {ratio(b[0])}\n{f.evidence(b[1])}\n{g.evidence(b[2])}")


def problem(inputs, body, body_bound, last, last_bound, claims, points=(), precision=60):
    lines = ["lipcert-problem 1", f"input {inputs}", "body", body.text, "last", last.text,
             "body-evidence", body.evidence(body_bound), "last-evidence", last.evidence(last_bound), f"precision {precision}",
             f"points {len(points)}"]
    for power, divisor, coordinates in points:
        lines.append(f"point {power} {divisor} {len(coordinates)} " + " ".join(map(str, coordinates)))
    lines.append(f"claims {len(claims)}")
    for kind, *numbers in claims:
        lines.append(kind + " " + " ".join(ratio(x) if isinstance(x, (Fraction, float)) else str(x) for x in numbers))
    return "\n".join(lines + ["end"]) + "\n"


IDENTITY = plain("identity")


def run(text):
    return subprocess.run([CHECKER, "-"], input=text if isinstance(text, bytes) else text.encode(), capture_output=True, timeout=300)
