"""Which convolution certificate is tighter? Measures, for every square kernel (up to 1024 channel pairs) of the networks in a
folder, at stride 1 with zero padding on
n x n pictures:

  true   the norm itself (power iteration: a value from below, converged to about 1e-6)
  grid   the largest norm of the symbol at the N-th roots of unity, N = n + k - 1: what the finite-grid theorem proves
  torus  the same on a fine grid: no lag-sum certificate can prove less, since one certificate holds for every torus

and prints grid / true and torus / true. Usage: python3 proofs/convolution_tightness.py FOLDER [n]. Not rigorous, not part of the build."""

import pathlib
import struct
import sys

import numpy


def fields(data):
    """(number, value) of a protocol buffers message; a value is an integer or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, data[at:at + 8]
            at += 8
        elif key & 7 == 5:
            yield key >> 3, data[at:at + 4]
            at += 4
        else:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size


def kernels(path):
    """The initialisers with four dimensions (field numbers of onnx.proto3: graph 7, initializer 5, dims 1, data_type 2, raw_data 9)."""
    for number, graph in fields(path.read_bytes()):
        if number != 7:
            continue
        for part, tensor in fields(graph):
            if part != 5:
                continue
            shape, kind, raw = [], 0, b""
            for number2, value in fields(tensor):
                if number2 == 1:
                    if isinstance(value, int):
                        shape.append(value)
                    else:
                        shape += list(value)  # packed, all below 128
                elif number2 == 2:
                    kind = value
                elif number2 == 9:
                    raw = value
                elif number2 == 4:
                    raw = value
            if len(shape) == 4 and kind == 1 and len(raw) == 4 * numpy.prod(shape) and shape[2] == shape[3] and shape[2] > 1:
                yield numpy.frombuffer(raw, "<f4").astype(float).reshape(shape)


def symbol_norm(w, n):
    """Largest singular value over the n x n frequencies."""
    values = numpy.fft.fft2(w, (n, n)).transpose(2, 3, 0, 1)
    return numpy.linalg.norm(values.reshape(-1, *w.shape[:2]), 2, axis=(1, 2)).max()


def true_norm(w, n):
    """Zero padding of k // 2 on every side, by power iteration."""
    k = w.shape[2]
    size = n + k - 1
    transform = numpy.fft.fft2(w[:, :, ::-1, ::-1], (size, size))
    offset = k - 1 - k // 2
    rng = numpy.random.default_rng(0)
    x = rng.standard_normal((w.shape[1], n, n))
    value = 0.0
    for _ in range(3000):
        x /= numpy.linalg.norm(x)
        y = numpy.fft.ifft2(numpy.einsum("ocab,cab->oab", transform, numpy.fft.fft2(x, (size, size)))).real[:, offset:offset + n, offset:offset + n]
        padded = numpy.zeros((w.shape[0], size, size))
        padded[:, offset:offset + n, offset:offset + n] = y
        x = numpy.fft.ifft2(numpy.einsum("ocab,oab->cab", transform.conj(), numpy.fft.fft2(padded))).real[:, :n, :n]
        previous, value = value, numpy.linalg.norm(y)
        if value - previous < 1e-9 * value:
            break
    return value


def main():
    folder = pathlib.Path(sys.argv[1])
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 16
    rows = []
    for path in sorted(folder.rglob("*.onnx")):
        try:
            found = [w for w in kernels(path) if w.shape[0] * w.shape[1] <= 32 * 32]
        except (IndexError, struct.error):
            continue
        for w in found:
            true = true_norm(w, n)
            if true == 0:
                continue
            row = (symbol_norm(w, n + w.shape[2] - 1) / true, symbol_norm(w, 96) / true)
            rows.append(row)
            print(f"{path.name:45s} {str(w.shape):18s} grid {row[0]:.5f}  torus {row[1]:.5f}", flush=True)
    grid, torus = numpy.array(rows).T
    print(f"{len(rows)} kernels at n = {n}: grid median {numpy.median(grid):.5f}, worst {grid.max():.5f}; "
          f"torus median {numpy.median(torus):.5f}, worst {torus.max():.5f}; torus > grid in {int((torus > grid * (1 + 1e-9)).sum())}")


if __name__ == "__main__":
    main()
