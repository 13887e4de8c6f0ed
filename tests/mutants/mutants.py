#!/usr/bin/python3
"""Breaks the checker in one place at a time and looks whether a test notices.

A mutant is one comparison, sign, constant, negation, connective, bound or refusal of a file that an acceptance rests on, changed. Only its file is compiled
again; its object is linked before the library of the release tree, so that the linker takes it. The tests that see the room run until one fails, the
quickest and nearest first. A mutant that passes all of them is a survivor, unless equivalent.txt names it with the argument why no test can tell it from
the original. That list is checked first: a line of it that is no mutant of today's code is an error.

    mutants.py --build build/release --room theorems --room verdict --seed 1 --count 200 --jobs 2
    mutants.py --build build/release --file verifier/theorems/spectral.cpp        # all of one file
    mutants.py --build build/release --list                                       # how many there are

The exit code is 0 when there is no survivor, 1 when there is one, 2 when it could not be run.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EQUIVALENT = pathlib.Path(__file__).resolve().parent / "equivalent.txt"
ROOMS = ("base", "envelope", "graph", "theorems", "samples", "verdict", "policy")

# (pattern, what stands there instead); spaces around an operator tell it from a template's bracket, a pointer or a stream.
CHANGES = [
    (r"(?<= )<(?= )", ["<="]), (r"(?<= )<=(?= )", ["<"]), (r"(?<= )>(?= )", [">="]), (r"(?<= )>=(?= )", [">"]),
    (r"(?<= )==(?= )", ["!="]), (r"(?<= )!=(?= )", ["=="]),
    (r"(?<= )\+(?= )", ["-"]), (r"(?<= )-(?= )", ["+"]), (r"(?<= )\+=(?= )", ["-="]), (r"(?<= )-=(?= )", ["+="]),
    (r"(?<= )&&(?= )", ["||"]), (r"(?<= )\|\|(?= )", ["&&"]),
    (r"(?<![\w!])!(?=[\w(])", [""]),
    (r"\bstd::max\b", ["std::min"]), (r"\bstd::min\b", ["std::max"]),
    (r"\bfloor_", ["ceil_"]), (r"\bceil_", ["floor_"]), (r"_down\b", ["_up"]), (r"_up\b", ["_down"]), (r"\bupper\(", ["lower("]), (r"\blower\(", ["upper("]),
    (r"\btrue\b", ["false"]), (r"\bfalse\b", ["true"]),
    (r"(?<![\w.])(?:0|[1-9]\d*)(?![\w.])", ["+1", "-1"]),
    (r"(?<=\) )(?:reject|unreadable|exhausted)\(.*;$", [";"]),
    (r"(?<=\) )return\b[^;]*;", [";"]),
]

# The tests that see a room, the quickest first: a program and its file of test cases (None: all of it), or a script that runs lipverify.
V, B, N, S = "test_verifier", "test_verifier_blocks", "test_verifier_norms", "verifier_samples_"
TESTS = {
    "base": [(V, "test_numbers"), (V, "test_linear"), (V, "test_spectral"), (V, "test_evaluate"), (V, "test_onnx"), (V, "test_gram"), (V, "test_interval"),
             (B, "test_linear_blocks"), (B, "test_blocks"), (S + "claim", None), (V, "test_certificate")],
    "envelope": [(V, "test_signature"), ("e2e/test_tamper.py", None), (V, "test_certificate")],
    "graph": [(V, "test_evaluate"), (V, "test_onnx"), (V, "test_operators"), ("test_two_readers", None), (B, "test_blocks"), (B, "test_slopes"), (B, "test_linear_blocks"),
              ("test_verifier_activations", None), (S + "network", None), ("faults/test_cost.py", None), (V, "test_certificate")],
    "theorems": [(V, "test_linear"), (N, "test_roots"), (V, "test_spectral"), (N, "test_sparse"), (B, "test_linear_blocks"), (B, "test_slopes"), (B, "test_blocks"),
                 (N, "test_convolution"), ("e2e/test_convolution.py", None), (V, "test_certificate")],
    "samples": [(S + "data", None), (S + "merkle", None), (S + "fixed_steps", None), (S + "claim", None), (S + "network", None), (S + "two_readers", None),
                ("samples/test_samples.py", None)],
    "verdict": [(B, "test_linear_blocks"), (B, "test_blocks"), ("e2e/test_tamper.py", None), (S + "claim", None), (V, "test_certificate"), ("samples/test_samples.py", None)],
    "policy": [("test_gate", None), ("outputs/test_gates.py", None)],
}


def without_comments(text):
    """C++ text with comments, string and character literals blanked, positions kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


class Mutant:
    def __init__(self, path, number, original, changed):
        self.path, self.number, self.original, self.changed = path, number, original, changed

    def key(self):
        return f"{self.path} | {self.original.strip()} | {self.changed.strip()}"


def mutants_of(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    lines, clean = text.splitlines(), without_comments(text).splitlines()
    found = []
    for number, (line, code) in enumerate(zip(lines, clean), 1):
        if code.lstrip().startswith(("#", "static_assert", "using ", "template")):
            continue
        for pattern, others in CHANGES:
            for match in re.finditer(pattern, code):
                for other in others:
                    old = line[match.start():match.end()]
                    if other in ("+1", "-1"):
                        value = int(old) + int(other)
                        if value < 0:
                            continue
                        other = str(value)
                    changed = line[:match.start()] + other + line[match.end():]
                    found.append(Mutant(path, number, line, changed))
    return found


def room_of(path):
    return path.split("/")[1]


class Tree:
    """A built release tree: how its objects are compiled and its programs linked."""

    def __init__(self, build):
        self.build = build
        commands = json.loads((build / "compile_commands.json").read_text())
        self.source = pathlib.Path(next(c["file"] for c in commands if c["file"].endswith("verifier/theorems/spectral.cpp"))).parents[2]
        self.compile = {str(pathlib.Path(c["file"]).relative_to(self.source)): c["command"] for c in commands if c["file"].startswith(f"{self.source}/verifier/")}
        self.links = {}

    def object_of(self, path, source, target):
        words = shlex.split(self.compile[path])
        words[words.index("-o") + 1] = str(target)
        words[words.index("-c") + 1] = str(source)
        words = [w for w in words if w != "-Werror"] + ["-w", "-iquote", str((self.source / path).parent)]
        return subprocess.run(words, cwd=self.build, capture_output=True, text=True).returncode == 0

    def link(self, program, extra, target):
        if program not in self.links:
            done = subprocess.run(["ninja", "-t", "commands", f"bin/{program}"], cwd=self.build, capture_output=True, text=True, check=True)
            command = done.stdout.splitlines()[-1]
            self.links[program] = shlex.split(command.removeprefix(": && ").removesuffix(" && :"))
        words = list(self.links[program])
        words[words.index("-o") + 1] = str(target)
        words.insert(words.index("-o") + 2, str(extra)) if extra else None
        return subprocess.run(words, cwd=self.build, capture_output=True, text=True).returncode == 0


def run_test(tree, test, folder, extra):
    """(passed, seconds): one test against the programs with this object; a hang is a failure."""
    program, cases = test
    begin = time.monotonic()
    script = program.endswith(".py")
    binary = folder / ("lipverify" if script else program)
    if not binary.exists() and not tree.link("lipverify" if script else program, extra, binary):
        return None, 0
    if script:
        environment = {**os.environ, "LIPCERT": str(tree.build / "bin/lipcert"), "LIPVERIFY": str(binary), "LIPCERT_SANITIZED": "0", "PYTHONPATH": str(ROOT / "tests/e2e"),
                       "LIPCERT_SHARED": str(folder / "shared")}
        words = ["/usr/bin/python3", "-B", str(ROOT / "tests" / program), "-f"]
    else:
        environment = os.environ
        words = [str(binary), "-m", "-aa=1"] + ([f"-sf=*{cases}.cpp"] if cases else [])
    try:
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=tree.limits.get(test, 900))
        return done.returncode in (0, 77), time.monotonic() - begin
    except subprocess.TimeoutExpired:
        return False, time.monotonic() - begin


def judge(tree, mutant, tests):
    """'killed by ...', 'does not compile' or 'survives'."""
    with tempfile.TemporaryDirectory(prefix="mutant") as name:
        folder = pathlib.Path(name)
        source = folder / "mutant.cpp"
        lines = (ROOT / mutant.path).read_text(encoding="utf-8").split("\n")
        lines[mutant.number - 1] = mutant.changed
        source.write_text("\n".join(lines), encoding="utf-8")
        if not tree.object_of(mutant.path, source, folder / "mutant.o"):
            return "does not compile"
        for test in tests:
            passed, _ = run_test(tree, test, folder, folder / "mutant.o")
            if passed is None:
                return "does not compile"
            if not passed:
                return f"killed by {test[0]} {test[1] or ''}".strip()
    return "survives"


def equivalents(all_mutants):
    """The keys that equivalent.txt explains; stops at a line that explains nothing or no mutant."""
    known = {m.key() for m in all_mutants}
    out = set()
    for number, line in enumerate(EQUIVALENT.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, argument = line.rpartition(" | ")
        if len(argument.strip()) < 20:
            sys.exit(f"{EQUIVALENT.name}:{number}: no argument why this mutant is equivalent")
        if key.strip() not in known:
            print(f"mutants: error: {EQUIVALENT.name}:{number}: names no mutant of today's code; take it out or correct it: {key}", file=sys.stderr)
            sys.exit(2)
        out.add(key.strip())
    return out


def nearest_first(path, tests):
    stem = pathlib.Path(path).stem
    return sorted(tests, key=lambda test: not (test[1] and test[1] == f"test_{stem}"))  # stable


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--room", action="append", choices=ROOMS, default=[])
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=0, help="so many, drawn by the seed; 0: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=0, help="begin no mutant after that time; 0: no limit")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check-list", action="store_true", help="only whether equivalent.txt still fits the code")
    arguments = parser.parse_args()
    files = sorted(str(p.relative_to(ROOT)) for room in ROOMS for p in (ROOT / "verifier" / room).rglob("*.cpp") if "_avx" not in p.name)
    every = {path: mutants_of(path) for path in files}
    explained = equivalents([m for found in every.values() for m in found])
    if arguments.check_list:
        print(f"mutants: {len(explained)} equivalent mutants, all of today's code")
        return 0
    wanted = arguments.file or [f for f in files if not arguments.room or room_of(f) in arguments.room]
    if missing := [f for f in wanted if f not in every]:
        print(f"mutants: error: {missing[0]} is no source of the rooms {', '.join(ROOMS)}.", file=sys.stderr)
        return 2
    if arguments.list:
        for room in ROOMS:
            print(f"{room:10} {sum(len(every[f]) for f in files if room_of(f) == room):6} mutants")
        return 0
    chosen = [m for f in wanted for m in every[f]]
    skipped = [m for m in chosen if m.key() in explained]
    chosen = [m for m in chosen if m.key() not in explained]
    random.Random(arguments.seed).shuffle(chosen)
    if arguments.count:
        chosen = chosen[:arguments.count]
    tree = Tree(arguments.build.resolve())
    tree.limits = {}
    with tempfile.TemporaryDirectory(prefix="mutant") as name:  # the unchanged checker passes, and in what time
        for room in sorted({room_of(m.path) for m in chosen}):
            for test in TESTS[room]:
                if test in tree.limits:
                    continue
                passed, seconds = run_test(tree, test, pathlib.Path(name), None)
                if not passed:
                    print(f"mutants: error: {test[0]} {test[1] or ''} does not pass without a change; build the release preset.", file=sys.stderr)
                    return 2
                tree.limits[test] = 10 * seconds + 30
    counts = {"killed": 0, "does not compile": 0, "survives": 0}
    begin = time.monotonic()

    def one(mutant):
        if arguments.seconds and time.monotonic() - begin > arguments.seconds:
            return mutant, None
        return mutant, judge(tree, mutant, nearest_first(mutant.path, TESTS[room_of(mutant.path)]))

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for done in concurrent.futures.as_completed([pool.submit(one, mutant) for mutant in chosen]):
            mutant, result = done.result()
            if result is None:
                continue
            counts["killed" if result.startswith("killed") else result] += 1
            print(f"{result}: {mutant.path}:{mutant.number}\n  - {mutant.original.strip()}\n  + {mutant.changed.strip()}", flush=True)
    tried = sum(counts.values())
    print(f"mutants: {tried} of {len(chosen)} tried (seed {arguments.seed}), {counts['killed']} killed, {counts['survives']} survive, "
          f"{counts['does not compile']} do not compile, {len(skipped)} listed as equivalent")
    return 1 if counts["survives"] else 0


if __name__ == "__main__":
    sys.exit(main())
