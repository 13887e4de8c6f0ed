#!/usr/bin/python3
"""How much of the work a renewal saves. Usage: renewal.py [LIPCERT_BINARY [NETWORKS [CHANGED]]]

Makes NETWORKS (100) copies of the shipped digits network, each with another weight, with 100 samples each; certifies all through a manifest, changes CHANGED (5)
of them, renews, and renews once more with nothing changed. lipverify checks every certificate before it is written, as always. Exit code 1 when the
renewal takes more than a tenth of the time of making all anew, or renews anything else than what was changed."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "models"


def variant(network, k):
    """The network with one weight's lowest bits replaced: the bytes of the largest initialiser lie where the file is longest without text."""
    at = len(network) // 2
    changed = bytearray(network)
    changed[at - at % 4] ^= 1 + k % 255
    changed[at - at % 4 + 4] ^= 1 + k // 255
    return bytes(changed)


def main():
    lipcert = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/bin/lipcert")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    changed = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    network = (MODELS / "digits.onnx").read_bytes()
    jobs = str(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="lipcert-renewal-") as name:
        folder = pathlib.Path(name)
        subprocess.run([lipcert, "keygen", "--out", folder / "key.pem"], check=True, stdout=subprocess.DEVNULL)
        rows = (MODELS / "digits_test.csv").read_text().splitlines(keepends=True)
        (folder / "digits.csv").write_text("".join(rows[:100]))
        entries = []
        for k in range(count):
            (folder / f"{k}.onnx").write_bytes(variant(network, k))
            entries.append({"name": str(k), "model": f"{k}.onnx", "output": f"{k}.lipcert.sigstore.json",
                            "data": {"samples": "digits.csv", "labelColumn": -1, "eps": ["1", "3"]}})
        (folder / "m.json").write_text(json.dumps({"lipcertManifest": 1, "defaults": {"key": "release"}, "entries": entries}))

        def renew():
            start = time.monotonic()
            done = subprocess.run([lipcert, "renew", folder / "m.json", "--key", f"release={folder / 'key.pem'}", "--json", "--jobs", jobs],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"lipcert renew ended with {done.returncode}: {done.stderr[-2000:]}")
            return time.monotonic() - start, json.loads(done.stdout)["renewed"]

        all_seconds, all_made = renew()
        for k in range(changed):
            (folder / f"{k}.onnx").write_bytes(variant(network, count + k))
        some_seconds, some_made = renew()
        none_seconds, none_made = renew()
    print(f"all {all_made}: {all_seconds:.2f} s; {some_made} changed: {some_seconds:.2f} s ({some_seconds / all_seconds:.3f} of that); {none_made} changed: {none_seconds:.2f} s")
    return 0 if (all_made, some_made, none_made) == (count, changed, 0) and some_seconds <= all_seconds / 10 else 1


if __name__ == "__main__":
    sys.exit(main())
