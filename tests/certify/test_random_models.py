"""Whatever the generator emits, the checker accepts: random models of every operator, certified and checked as files by the two programs.

test_random_models.py RANDOM_MODELS LIPCERT LIPVERIFY [COUNT [SEED]]"""

import json
import pathlib
import subprocess
import sys
import tempfile


def run(*arguments):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)


def main():
    random_models, lipcert, lipverify = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 60
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    accepted = 0
    with_lower_end = 0
    blocks = {}
    failures = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([random_models, folder, str(count), str(seed)], check=True)
        made = run(lipcert, "keygen", "--out", folder / "key.pem")
        assert made.returncode == 0, made.stderr
        for i in range(count):
            model = folder / f"random_{i}.onnx"
            certificate = folder / "certificate.json"
            certificate.unlink(missing_ok=True)
            made = run(lipcert, "certify", model, "--key", folder / "key.pem", "-o", certificate, "--no-recheck", "--json")
            if made.returncode != 0:
                failures.append(f"model {i}: certify: {made.returncode}: {made.stderr.strip()[:300]}")
                continue
            checked = run(lipverify, certificate, "--model", model, "--public-key", folder / "key.pub.pem", "--json")
            report = json.loads(checked.stdout)
            if checked.returncode != 0 or report["verdict"] != "accepted":
                failures.append(f"model {i}: checked with {checked.returncode}: {report.get('error')} "
                                f"{[c for c in report.get('checks', []) if not c['passed']]}"[:600])
                continue
            accepted += 1
            result = json.loads(made.stdout)
            with_lower_end += float(result["lipschitzLower"]) > 0
            for block in result["blocks"]:
                kind = block["operator"] + " " + block["method"]
                blocks[kind] = blocks.get(kind, 0) + 1
    print(f"{accepted} of {count} accepted, {with_lower_end} with a lower end above 0; blocks: {blocks}")
    for failure in failures:
        print(failure)
    # The driver drives: every kind of block is among the models, and nearly all have a lower end.
    kinds = {"dense dense-gram-psd", "linear explicit-gram-psd", "activation elementwise-slope"}
    return 1 if failures or not kinds <= blocks.keys() or with_lower_end < 0.8 * count else 0


if __name__ == "__main__":
    sys.exit(main())
