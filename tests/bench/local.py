#!/usr/bin/python3
"""Local radii on the networks and images of the best published L2 verifier (LIPCERT_LOCAL_CORPUS): images that are right and certified at the paper's radius by the global
constants, by local radii, and those for which no attack finds a flip; seconds an image to make (one thread, deciding at that radius; and a radius to 1 %) and to check.

    tests/bench/local.py [NETWORK...] [--range] [--radii]     # build/release, or LIPCERT_BUILD
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LIPCERT_BUILD", ROOT / "build" / "release")) / "bin"
CORPUS = pathlib.Path(os.environ.get("LIPCERT_LOCAL_CORPUS", ""))
# Network, data, radius, SDP-CROWN as its authors' code gave it (README of the corpus).
NETWORKS = (("mnist_mlp", "mnist", "1", "34 %"), ("mnist_convsmall", "mnist", "0.3", "11 of the first 14"), ("cifar10_cnn_a", "cifar10", "24/255", "-"), ("cifar10_cnn_c", "cifar10", "24/255", "13 of the first 30"))


def run(program, *arguments, codes=(0,)):
    start = time.perf_counter()
    done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        sys.exit(f"local.py: {program} failed: {done.stderr}")
    return done.stdout, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--range", action="store_true", help="claims for pixels in [0, 1] only")
    parser.add_argument("--radii", action="store_true", help="also radii to 1 percent")
    options = parser.parse_args()
    if not CORPUS.is_dir() or not str(CORPUS).strip("."):
        sys.exit("local.py: LIPCERT_LOCAL_CORPUS is not set")
    stated = ["--input-range", "0,1"] if options.range else []
    print(f"{'network':16} {'radius':>7} {'right':>6} {'global':>7} {'local':>6} {'no flip':>8} {'make s/image':>13} {'check s/image':>14} {'evidence B/image':>17}  SDP-CROWN{'  radius to 1 % s/image' if options.radii else ''}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run("lipcert", "keygen", "--out", folder / "key.pem")
        for name, data, radius, peer in NETWORKS:
            if options.networks and name not in options.networks:
                continue
            model, images = CORPUS / f"{name}.onnx", CORPUS / f"{data}_100_images.npy"
            given = ["--data", images, "--labels", CORPUS / f"{data}_100_labels.npy"]

            def certify(kind, *more):
                place = folder / f"{name}-{kind}-{len(more)}.json"
                out, seconds = run("lipcert", "certify", model, "--key", folder / "key.pem", "-o", place, *given, "--radii", kind, "--threads", "1", "--no-recheck", "--json", "--force", *more)
                return json.loads(out)["samples"], seconds, place
            empty, base, _ = certify("global", "--eps", radius)
            made, seconds, place = certify("local", "--eps", radius, *stated)
            checks = []
            for more in (["--audit", "1"], []):
                _, used = run("lipverify", place, "--model", model, "--public-key", folder / "key.pub.pem", *given, "--threads", "1", *more, codes=(0, 5))
                checks.append(used)
            attack = json.loads(run("lipcert", "attack", model, *given[:2], "--json", "--list", "1000", *(["--input-range", "0,1"] if options.range else []))[0])
            limit = eval_fraction(radius)
            near = {flip["index"] for flip in attack["flips"] if flip["distance"] <= limit}
            labels = labels_of(CORPUS / f"{data}_100_labels.npy")
            wrong = {k for k, c in enumerate(classes(place)) if c != labels[k]}
            clear = sum(1 for k in range(100) if k not in wrong and k not in near)
            evidence = next((json_claim(place)["evidence"].get("local", {}).get("bytes", 0) / 100,))
            line = f"{name:16} {radius:>7} {made['correct']:>6} {empty['eps'][0]['certified_correct']:>7} {made['eps'][0]['certified_correct']:>6} {clear:>8} {(seconds - base) / 100:>13.4f} {(checks[1] - checks[0]) / 99:>14.4f} {evidence:>17.0f}  {peer}"
            if options.radii:
                line += f"  {(certify('local', *stated)[1] - base) / 100:.3f}"
            print(line, flush=True)


def eval_fraction(text):
    import fractions
    return float(fractions.Fraction(text))


def json_claim(place):
    import base64
    statement = json.loads(base64.b64decode(json.loads(place.read_text())["dsseEnvelope"]["payload"]))
    return next(c for c in statement["predicate"]["claims"] if c["kind"] == "sample-radii")


def classes(place):
    import struct
    content = (place.parent / json_claim(place)["records"]["file"]).read_bytes()
    return [struct.unpack_from("<I", content, at + 8)[0] for at in range(0, len(content), 40)]


def labels_of(path):
    import numpy
    return [int(v) for v in numpy.load(path).ravel()]


if __name__ == "__main__":
    main()
