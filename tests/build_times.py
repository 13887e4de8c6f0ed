#!/usr/bin/python3
"""Where the time of a build went: tests/build_times.py BUILD_FOLDER [NUMBER]. Sums what ninja wrote down (.ninja_log: seconds on the clock for each step, so
build on a quiet machine, with CCACHE_DISABLE=1) by kind, and lists the NUMBER slowest steps (default 15)."""

import pathlib
import sys


def kind(output):
    folder = "test units" if output.startswith("tests/") else output.split("/")[0]
    if output.endswith((".gch", ".pch")):
        return "precompiled headers"
    if output.endswith(".o"):
        return {"examples": "trainer"}.get(folder, folder)
    return {".vo": "Coq"}.get(pathlib.Path(output).suffix, "archives, links and the rest")


def main():
    steps = {}
    for line in (pathlib.Path(sys.argv[1]) / ".ninja_log").read_text().splitlines():
        if not line.startswith("#"):
            start, end, _, output, _ = line.split("\t")
            steps[output] = (int(end) - int(start)) / 1000
    kinds = {}
    for output, seconds in steps.items():
        kinds.setdefault(kind(output), []).append(seconds)
    for name, all_seconds in sorted(kinds.items(), key=lambda item: -sum(item[1])):
        print(f"{name:30} {len(all_seconds):4} {sum(all_seconds):8.1f} s")
    print(f"{'together':30} {len(steps):4} {sum(steps.values()):8.1f} s\n")
    for output, seconds in sorted(steps.items(), key=lambda item: -item[1])[:int(sys.argv[2]) if len(sys.argv) > 2 else 15]:
        print(f"{seconds:8.1f} s  {output}")


if __name__ == "__main__":
    main()
