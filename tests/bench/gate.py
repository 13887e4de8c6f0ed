#!/usr/bin/python3
"""A gate over many certificates: MODELS different networks of the size of examples/models/mnist.onnx (each with one weight halved), certified, then checked by
lipverify in one call under a policy. Prints seconds and processor seconds, and fails where the gate does.

    tests/bench/gate.py [MODELS] [--samples N]      # default: 100, without samples; build/release, or LIPCERT_BUILD

The first run certifies and keeps models and certificates in build/bench/gate; the next ones only measure.
"""

import argparse
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LIPCERT_BUILD", ROOT / "build" / "release"))
os.environ.setdefault("LIPCERT", str(BUILD / "bin" / "lipcert"))
os.environ.setdefault("LIPVERIFY", str(BUILD / "bin" / "lipverify"))
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import support  # noqa: E402  pylint: disable=wrong-import-position

MODEL = ROOT / "examples" / "models" / "mnist.onnx"
IMAGES, LABELS = (MODEL.with_name(f"mnist10k-{part}-ubyte.gz") for part in ("images-idx3", "labels-idx1"))


def network(k):
    """The network with the k-th weight of its largest tensor halved."""
    data = bytearray(MODEL.read_bytes())
    values = max((v for _, v in support.initialisers_of(MODEL).values()), key=len)
    at = data.find(struct.pack(f"<{len(values)}f", *values)) + 4 * (7 * k % len(values))
    data[at:at + 4] = struct.pack("<f", struct.unpack("<f", data[at:at + 4])[0] / 2)
    return bytes(data)


def prepare(folder, number, samples):
    models, certificates = folder / "models", folder / "certificates"
    models.mkdir(parents=True, exist_ok=True)
    certificates.mkdir(exist_ok=True)
    if not (folder / "key.pem").exists():
        subprocess.run([support.LIPCERT, "keygen", "--out", folder / "key.pem"], check=True, stdout=subprocess.DEVNULL)
    data = ["--data", IMAGES, "--labels", LABELS, "--scale", "1/255", "--eps", "36/255", "--limit", str(samples)] if samples else []
    for k in range(number):
        model, certificate = models / f"m{k:03}.onnx", certificates / f"m{k:03}.lipcert.sigstore.json"
        if certificate.exists():
            continue
        model.write_bytes(network(k))
        subprocess.run([support.LIPCERT, "certify", model, "--key", folder / "key.pem", "-o", certificate, "--no-recheck", *data], check=True, stdout=subprocess.DEVNULL)
    policy = {"formatVersion": 1, "issuers": [{"name": "bench", "publicKey": (folder / "key.pub.pem").read_text()}], "lipschitz": [{"output": "all", "max": "1.01"}]}
    (folder / "policy.json").write_text(json.dumps(policy))
    return ["--data", IMAGES, "--labels", LABELS] if samples else []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="?", type=int, default=100)
    parser.add_argument("--samples", type=int, default=0)
    options = parser.parse_args()
    folder = BUILD.parent / "bench" / "gate" / f"{options.models}-{options.samples}"
    data = prepare(folder, options.models, options.samples)
    digests = {support.sha256(p.read_bytes()) for p in (folder / "models").iterdir()}
    assert len(digests) == options.models, "the networks differ"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = support.run(support.LIPVERIFY, folder / "certificates", "--model", folder / "models", "--policy", folder / "policy.json", *data,
                       f"--json={folder / 'verdict.json'}", "--junit", folder / "junit.xml", "--sarif", folder / "gate.sarif")
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    accepted = [j["verdict"] for j in json.loads((folder / "verdict.json").read_text())["judgements"]].count("accepted")
    print(f"{options.models} certificates ({options.samples} samples each): {accepted} accepted under a policy in {seconds:.1f} s, {processor:.1f} s of processor time, "
          f"{os.cpu_count()} cores, at most {after.ru_maxrss // 1024} MiB")
    if done.returncode != 0 or accepted != options.models:
        print(done.stderr[-2000:], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
