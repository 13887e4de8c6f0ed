"""Local radii of random graphs: whatever radius `lipcert` finds around a sample `lipverify` must accept, and no input inside of the ball may be found, on the evaluator of
the tests' own, that is classified otherwise. And networks of each activation, kinks of any slope and constants included.

    test_graphs_local.py [--count N] [--seed S] [--jobs J]    N certified graphs from seed S on; a quarter of them networks of one activation
    test_graphs_local.py --only KIND SEED                     one graph again: KIND is node, network or activation"""

import argparse
import json
import multiprocessing
import os
import pathlib
import struct
import sys
import tempfile
import warnings

import numpy

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # many small programs at a time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import networks  # noqa: E402
import nodes  # noqa: E402
import onnx_numpy  # noqa: E402
import support  # noqa: E402

SAMPLES = 8
PLAIN = ("Relu", "Abs", "Sigmoid", "Tanh", "Elu", "Selu", "Celu", "Softplus", "Softsign", "HardSwish", "Gelu", "Mish", "Sin", "Cos", "Erf")


def activation(seed):
    """Three Gemm nodes with an activation after each but the last; the numbers of the activation are arbitrary."""
    random = numpy.random.default_rng(seed)
    kinds = [("LeakyRelu", a) for a in (0.1, 1.0, 2.5, -0.5, -3.0)] + [("PRelu", s) for s in (0.3, 2.0)] + [("Max", 0.3), ("Min", 0.0), ("Clip", 0.4)]
    kinds += [("HardSigmoid", a) for a in (0.2, 3.0, -0.5)] + [(op, None) for op in PLAIN]
    op, number = kinds[seed % len(kinds)]
    model = onnx_numpy.Model((1, 4), 16 if op == "LeakyRelu" else 20, seed)
    at = "x"
    for _ in range(2):
        at = model.add("Gemm", at, model.normal(5, 4 if at == "x" else 5), model.normal(5), transB=1)
        if op == "LeakyRelu":
            at = model.add(op, at, alpha=number)
        elif op == "PRelu":
            at = model.add(op, at, model.weight(random.normal(size=5) * number))
        elif op in ("Max", "Min"):
            limit = model.weight(random.normal(size=5) + number)
            at = model.add(op, at, limit) if random.random() < 0.5 else model.add(op, limit, at)
        elif op == "Clip":
            at = model.add(op, at, model.weight(numpy.array(-number)), model.weight(numpy.array(2 * number)))
        elif op == "HardSigmoid":
            at = model.add(op, at, alpha=number, beta=0.5)
        else:
            at = model.add(op, at)
    model.add("Gemm", at, model.normal(3, 5), model.normal(3), transB=1)
    return model


BUILD = {"node": nodes.build, "network": networks.build, "activation": activation}


def records(certificate):
    """[(radius, rule, predicted)]"""
    claim = next(c for c in support.statement(certificate)["predicate"]["claims"] if c["kind"] == "sample-radii")
    content = (certificate.parent / claim["records"]["file"]).read_bytes()
    size = 40 if claim["evidence"]["theorem"] == "layer-dual" else 32
    out = []
    for k in range(0, len(content), size):
        _, predicted, _, _, radius = struct.unpack("<QIIdd", content[k:k + 32])
        out.append((radius, struct.unpack("<I", content[k + 32:k + 36])[0] if size == 40 else 0, predicted))
    return out


def margin(model, x, predicted, dtype=float):
    """Of the predicted class over the best of the others."""
    y = numpy.ravel(model(numpy.asarray(x, dtype=dtype), dtype))
    if len(y) == 1:
        return y[0] if predicted == 1 else -y[0]
    return y[predicted] - numpy.max(numpy.delete(y, predicted))


def worst(model, x, radius, predicted, random):
    """The least margin that a search finds at points with ||y - x|| < radius."""
    size, radius = len(x), radius * (1 - 1e-9)
    best, at = numpy.inf, x
    for round_ in range(3):
        for _ in range(3 * size + 8):
            direction = random.normal(size=size) if round_ == 0 else (at - x) + random.normal(size=size) * radius * 0.3 ** round_ / numpy.sqrt(size)
            length = numpy.linalg.norm(direction)
            if length == 0:
                continue
            y = x + direction * (radius / length * (1.0 if random.random() < 0.8 else random.random()))
            value = margin(model, y, predicted)
            if value < best:
                best, at = value, y
        step = 1e-6 * radius
        slope = numpy.array([(margin(model, at + step * e, predicted) - margin(model, at - step * e, predicted)) / (2 * step) for e in numpy.eye(size)])
        for y in (x - slope / (numpy.linalg.norm(slope) or 1.0) * radius, at - slope / (numpy.linalg.norm(slope) or 1.0) * radius):
            gone = numpy.linalg.norm(y - x)
            y = x + (y - x) * min(1.0, radius / gone) if gone > 0 else y
            value = margin(model, y, predicted)
            if value < best:
                best, at = value, y
    return best, at


def examine(task):
    """(kind, seed, what became of it, sentence, local radii)."""
    kind, seed, secret, public = task
    warnings.simplefilter("ignore")
    model = BUILD[kind](seed)
    content, random = model.bytes(), numpy.random.default_rng(seed)
    size = int(numpy.prod(model.shape))
    if size > 160:
        return kind, seed, "large", "", 0
    points = numpy.float32(random.normal(size=(SAMPLES, size)) * random.choice([0.3, 1.0, 3.0]))
    with tempfile.TemporaryDirectory(prefix="lipcert-graphs-") as name:
        folder = pathlib.Path(name)
        (folder / "model.onnx").write_bytes(content)
        (folder / "data.csv").write_text("".join(",".join(repr(float(v)) for v in row) + "\n" for row in points))
        certificate = folder / "certificate.json"
        made = support.run(support.LIPCERT, "certify", folder / "model.onnx", "--key", secret, "-o", certificate, "--no-recheck", "--threads", 1,
                           "--data", folder / "data.csv", "--allow-low-accuracy")
        if made.returncode == 3 or (made.returncode == 2 and "output" in made.stderr):
            return kind, seed, "refused", made.stderr.strip(), 0
        if made.returncode != 0:
            return kind, seed, "wrong", f"lipcert ends with {made.returncode}: {made.stderr.strip()}", 0
        checked = support.run(support.LIPVERIFY, certificate, "--model", folder / "model.onnx", "--public-key", public, "--data", folder / "data.csv", "--json", "--threads", 1)
        said, local = [], 0
        if checked.returncode != 0 or json.loads(checked.stdout)["verdict"] != "accepted":
            said = [f"lipverify ends with {checked.returncode}: {checked.stderr.strip() or json.loads(checked.stdout).get('error')}"]
        for k, (radius, rule, predicted) in enumerate(records(certificate)):
            if rule != 1:
                continue
            local += 1
            x = numpy.asarray(points[k], dtype=float)
            least, at = worst(model, x, radius, predicted, random)
            if least < 0 and margin(model, at, predicted, numpy.longdouble) < 0:
                said.append(f"sample {k}: at {at.tolist()}, within {radius}, the margin is {least}")
        if said:
            kept = f"random_local_{kind}_{seed}"
            pathlib.Path(f"{kept}.onnx").write_bytes(content)
            pathlib.Path(f"{kept}.csv").write_bytes((folder / "data.csv").read_bytes())
            return kind, seed, "wrong", f"{'; '.join(said)} ({kept}.onnx: {' '.join(sorted({step[0] for step in model.steps}))})", 0
        return kind, seed, "certified", "", local


def notices():
    """The search says no where a radius is a little too large: the decision x_0 > x_1 at a distance of 1 / sqrt(2)."""
    model = onnx_numpy.Model((1, 2), 13, 0)
    model.add("Relu", model.add("Gemm", "x", model.weight(numpy.eye(2)), transB=1))
    x, random = numpy.array([2.0, 1.0]), numpy.random.default_rng(0)
    assert worst(model, x, 0.999 / numpy.sqrt(2), 0, random)[0] > 0
    assert worst(model, x, 1.001 / numpy.sqrt(2), 0, random)[0] < 0, "a radius that is too large is not noticed"


def tasks(seed, secret, public):
    while True:
        yield ("activation", "node", "network", "network")[seed % 4], seed // 4 if seed % 4 == 0 else seed, secret, public
        seed += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lipcert-graphs-") as name:
        secret, public = pathlib.Path(name) / "key.pem", pathlib.Path(name) / "key.pub.pem"
        made = support.run(support.LIPCERT, "keygen", "--out", secret)
        assert made.returncode == 0, made.stderr
        if given.only:
            done = examine((given.only[0], int(given.only[1]), secret, public))
            print(*done[2:])
            return 1 if done[2] == "wrong" else 0
        notices()
        counts, wrong, local = {}, [], 0
        with multiprocessing.Pool(given.jobs) as pool:
            at = tasks(given.seed, secret, public)
            while counts.get("certified", 0) + len(wrong) < given.count and sum(counts.values()) < 4 * given.count:
                batch = [next(at) for _ in range(min(200, max(8, given.count - counts.get("certified", 0))))]
                for kind, seed, fate, sentence, radii in pool.imap(examine, batch, chunksize=2):
                    counts[fate] = counts.get(fate, 0) + 1
                    local += radii
                    if fate == "wrong":
                        wrong.append(f"{kind} {seed}: {sentence}")
                        print(wrong[-1], flush=True)
    certified = counts.get("certified", 0)
    print(f"{certified} graphs with {local} local radii, all accepted and none refuted; {counts.get('refused', 0)} refused, {counts.get('large', 0)} too large to search, {len(wrong)} wrong")
    # The drive drives: enough graphs have radii beyond the global ones.
    return 1 if wrong or certified < given.count or local < certified else 0


if __name__ == "__main__":
    sys.exit(main())
