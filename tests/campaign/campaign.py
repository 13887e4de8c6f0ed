#!/usr/bin/python3
"""Certificates forged by somebody who holds the trusted key: thousands of changed statements, each signed properly, with every digest that the forger can mend
mended. None may be accepted unless what it claims is still proved, and each acceptance has to be explained by this file's own arithmetic (judge.py).

    campaign.py --checker CHECK_PAYLOADS --found FOLDER [--count N] [--seed S] [--jobs J]

LIPCERT names the generator that makes the originals (cases.py). Forgery k depends on S and k alone. A forgery that is accepted without an explanation is written
to FOLDER with its number, and the exit code is 1. The same where too few are accepted or rejected for the right reasons to mean anything: the originals must be
accepted, and every kind of forgery must have been tried.
"""

import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cases  # noqa: E402
import forge  # noqa: E402
import judge  # noqa: E402


class Checker:
    """One process that checks what it is asked."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, payload, model, samples, records=None):
        asked = {"payload": payload, "model": str(model), **samples}
        if records is not None:
            asked["records"] = str(records)
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            return -1, f"the checker died with {self.process.wait()}"
        answer = json.loads(line)
        return answer["outcome"], answer["error"]


def text_of(statement):
    return json.dumps(statement, separators=(",", ":"), ensure_ascii=False)


def work(arguments):
    """Forgeries first, first + step, ...: counts of what was tried and accepted, and those that nothing explains."""
    program, made, seed, first, count, step, scratch = arguments
    checker = Checker(program)
    scratch = pathlib.Path(scratch)
    tried, accepted, other = (collections.Counter() for _ in range(3))
    unexplained = []
    for case in made:
        records = scratch / f"{first}.{case.name}.records"
        if case.records is not None:
            records.write_bytes(case.records)
        outcome, error = checker(text_of(case.statement), case.model, case.samples, records if case.records is not None else None)
        if outcome != 0:
            unexplained.append((case.name, "the original", error, text_of(case.statement)))
    for k in range(first, count, step):
        numbers = random.Random(f"{seed} {k}")
        case = numbers.choice(made)
        forged = forge.forge(case, numbers, checker, scratch, f"{first}")
        if forged is None:
            continue
        tried[forged.kind] += 1
        outcome, error = checker(forged.text, forged.model, case.samples, forged.records_path)
        if outcome == 1:
            continue
        if outcome != 0:
            other[outcome] += 1
            if outcome in (-1, 4, 5):  # died, an internal error, or accepted in part although all data were there
                unexplained.append((k, forged.kind, f"outcome {outcome}: {error}", forged.text))
                if outcome == -1:
                    checker = Checker(program)
            continue
        why = judge.explanation(case, forged)
        if why is None:
            unexplained.append((k, forged.kind, "accepted without an explanation", forged.text))
        else:
            accepted[f"{forged.kind}: {why}"] += 1
    return tried, accepted, other, unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checker", required=True)
    parser.add_argument("--found", required=True)
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        made = cases.make(pathlib.Path(folder) / "cases")
        jobs = [(options.checker, made, options.seed, j, options.count, options.jobs, folder) for j in range(options.jobs)]
        with multiprocessing.Pool(options.jobs) as pool:
            results = pool.map(work, jobs, chunksize=1)
    tried, accepted, other = (sum((r[i] for r in results), collections.Counter()) for i in range(3))
    unexplained = [u for r in results for u in r[3]]
    total = sum(tried.values())
    print(f"{total} forgeries of {len(made)} certificates with {len(cases.blocks_of(made))} kinds of blocks, seed {options.seed}, {time.monotonic() - start:.0f} s")
    for kind, n in sorted(tried.items()):
        print(f"  {n:7}  {kind}")
    print(f"{total - sum(accepted.values()) - sum(other.values()) - len(unexplained)} rejected, {sum(other.values())} that could not be read, {sum(accepted.values())} accepted and explained:")
    for why, n in sorted(accepted.items()):
        print(f"  {n:7}  {why}")
    found = pathlib.Path(options.found)
    for name, kind, error, text in unexplained:
        found.mkdir(parents=True, exist_ok=True)
        (found / f"{options.seed}.{name}.json").write_text(text)
        print(f"UNEXPLAINED  {name}  {kind}  {error[:300]}")
    missing = [kind for kind in forge.KINDS if options.count >= 10000 and tried[kind] == 0]
    if missing:
        print(f"never tried: {', '.join(missing)}")
    return 1 if unexplained or missing else 0


if __name__ == "__main__":
    sys.exit(main())
