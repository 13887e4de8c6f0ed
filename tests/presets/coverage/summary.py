#!/usr/bin/python3
"""Adds up gcovr's summary by rooms of the checker, and fails below what is promised. Usage: summary.py SUMMARY.json"""

import json
import sys

LINES, BRANCHES = 95.0, 85.0


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        files = json.load(file)["files"]
    rooms = {}
    for entry in files:
        sums = rooms.setdefault(entry["filename"].split("verifier/", 1)[1].split("/")[0], [0, 0, 0, 0])
        for k, name in enumerate(("line_covered", "line_total", "branch_covered", "branch_total")):
            sums[k] += entry[name]
    rooms["all"] = [sum(column) for column in zip(*rooms.values())]
    share = lambda part, whole: 100.0 * part / whole if whole else 0.0  # noqa: E731
    print(f"{'room':10} {'lines':>8} {'covered':>9} {'branches':>9} {'covered':>9}")
    for room, (lines, all_lines, branches, all_branches) in rooms.items():
        print(f"{room:10} {all_lines:8} {share(lines, all_lines):8.1f}% {all_branches:9} {share(branches, all_branches):8.1f}%")
    lines, all_lines, branches, all_branches = rooms["all"]
    good = share(lines, all_lines) >= LINES and share(branches, all_branches) >= BRANCHES
    print(f"coverage: {'as' if good else 'less than'} promised: {LINES:.0f} % of the lines and {BRANCHES:.0f} % of the branches")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
