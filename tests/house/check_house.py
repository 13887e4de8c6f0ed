#!/usr/bin/python3
"""The rules of the house that a machine can see (CONTRIBUTING.md). Usage: check_house.py SOURCE_FOLDER LIPVERIFY_BINARY

Each rule is a function that returns the places where it is broken. With --self-test the rules are applied to a copy of the sources in which
each of them is broken once, and every one of them must notice.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CODE = {".cpp", ".hpp", ".h", ".cc", ".ml", ".v", ".py", ".sh", ".cmake", ".txt", ".proto", ".mjs"}


def sources(root, folder=".", suffixes=CODE):
    base = root / folder
    skipped = {"build", ".git", "node_modules"}
    for path in sorted(base.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and path.suffix in suffixes and inside.parts[0] not in skipped and "node_modules" not in inside.parts:
            yield inside, path.read_text(encoding="utf-8", errors="replace")


def without_comments(text):
    """C++ text with comments, string and character literals blanked, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def lines_matching(root, folder, suffixes, pattern, clean=lambda text: text):
    found = []
    for path, text in sources(root, folder, suffixes):
        for number, line in enumerate(clean(text).splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    return found


def checker_includes(root, _):
    """verifier/ includes nothing from the generator's side."""
    return lines_matching(root, "verifier", {".cpp", ".hpp"}, r'#\s*include\s*[<"](?:\.\./)*(?:certify|formats|proofs|examples|tests)/|cblas|lapack')


def checker_links(root, _):
    """verifier/ links nothing from the generator's side."""
    return lines_matching(root, "verifier", {".txt", ".cmake"}, r"lipcert_(?!options)|OPENBLAS|openblas|protobuf|lapack|MPFR")


# What a verdict rests on, and how many lines of it: few enough to be read.
TRUSTED = [f"verifier/{room}" for room in ("base", "envelope", "graph", "theorems", "samples", "local", "verdict")]
# 2700 of them are bounds in the ball around one sample: forms, adjoints and norms of the steps of samples/, and the room local/.
TRUSTED_LINES = 20600
# What an acceptance under a policy rests on besides.
POLICY = "verifier/policy"
POLICY_LINES = 1750

# The rooms of each part from the ground up; rooms of one floor stand beside each other. An include goes down, or stays in its room.
FLOORS = {
    "formats": ["encoding", "network", "operators", "onnx data"],
    "certify": ["numbers", "norms", "graph", "bounds", "local", "samples", "attack certificate", "report", "renewal", "commands"],
    "verifier": ["base", "envelope graph", "theorems", "samples", "local", "verdict hint", "policy", "outputs", "program"],
}


def trusted_numbers(root, _):
    """No floating point in what a verdict rests on."""
    pattern = r"\b(double|float|long double|_Float\w+|__m\d+d|strtod|stod|stof|std::sqrt|std::pow|ldexp|frexp)\b|\b\d+\.\d+\b|<cmath>|<cfloat>"
    return [place for folder in [*TRUSTED, POLICY] for place in lines_matching(root, folder, {".cpp", ".hpp"}, pattern, without_comments)]


def trusted_size(root, _):
    """What a verdict rests on stays readable."""
    found = []
    for folders, most in ((TRUSTED, TRUSTED_LINES), ([POLICY], POLICY_LINES)):
        lines = sum(len(text.splitlines()) for folder in folders for _, text in sources(root, folder, {".cpp", ".hpp"}))
        if lines > most:
            found.append(f"what a verdict rests on has {lines} lines in {', '.join(folders)}, more than {most}")
    return found


def trusted_includes(root, _):
    """What a verdict rests on includes nothing of the checker's hints, output or command line."""
    pattern = r'#\s*include\s*"verifier/(?:hint|policy|outputs|program)/'
    return [place for folder in TRUSTED for place in lines_matching(root, folder, {".cpp", ".hpp"}, pattern)]


def rooms(root, _):
    """Every include goes down the floors of its part or stays in its room."""
    found = []
    for part, floors in FLOORS.items():
        floor = {room: number for number, names in enumerate(floors) for room in names.split()}
        for path, text in sources(root, part, {".cpp", ".hpp"}):
            if len(path.parts) < 3:
                continue
            room = path.parts[1]
            if room not in floor:
                found.append(f"{path}: FLOORS does not know this room")
                continue
            for other in re.findall(rf'#\s*include\s*"{part}/(\w+)/', text):
                if other != room and floor.get(other, len(floors)) >= floor[room]:
                    found.append(f"{path}: includes {part}/{other}/, which does not lie below {room}/")
    return found


def command_lines(root, _):
    """A command line uses the public header of its library and nothing else."""
    found = []
    for folder, allowed in (("certify/commands", "certify/(?:commands/|lipcert\\.hpp)"), ("verifier/program", "verifier/(?:program/|policy/|outputs/|lipverify\\.hpp)")):
        found += lines_matching(root, folder, {".cpp", ".hpp"}, rf'#\s*include\s*"(?!{allowed})')
    return found


def rounding_modes(root, _):
    """No rounding modes, no value-changing compiler flags."""
    found = []
    for folder in ("certify", "formats", "verifier", "examples", "."):
        glob = {".cpp", ".hpp"} if folder != "." else {".txt", ".cmake"}
        clean = without_comments if folder != "." else (lambda text: re.sub(r"#[^\n]*", "", text))
        found += lines_matching(root, folder, glob, r"\bfesetround\b|-ffast-math|-Ofast|-funsafe-math|-freciprocal-math|-fassociative-math", clean)
    return found


def signing_room(root, _):
    """A key is seen by the signing room and the commands alone."""
    found = []
    allowed = {"key_file.cpp", "key_file.hpp", "keys.cpp", "keys.hpp", "sign.cpp", "sign.hpp"}
    for path, text in sources(root, "certify", {".cpp", ".hpp"}):
        if path.name not in allowed and re.search(r"<openssl/(?!opensslv|crypto|sha)", text):
            found.append(f"{path}: includes OpenSSL outside the signing room")
    for path, text in sources(root, "formats", {".cpp", ".hpp"}):
        if re.search(r"bound_norm|Lipschitz constant <=", without_comments(text)):
            found.append(f"{path}: formats knows about bounds")
    return found


def left_over_marks(root, _):
    """Nothing is left for later in the code."""
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
    return lines_matching(root, ".", CODE | {".md"}, rf"\b({marks})\b")


def machine_paths(root, _):
    """No path of somebody's machine."""
    pattern = r"(?<![\w.$}])/(work|root|farm)/|(?<![\w.$}])/home/[a-z]"
    return [place for place in lines_matching(root, ".", CODE | {".md", ".json"}, pattern) if "check_house.py" not in place]


def file_names(root, _):
    """Names of files are plain: letters, digits, point, line and low line."""
    skipped = {"build", ".git", "node_modules", "__pycache__"}
    return [repr(str(inside)) for inside in (path.relative_to(root) for path in sorted(root.rglob("*")))
            if not skipped & set(inside.parts) and not re.fullmatch(r"[A-Za-z0-9._+/-]+", str(inside))]


def unproved(root, _):
    """No axiom and no admitted proof."""
    clean = lambda text: re.sub(r"\(\*.*?\*\)", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    return lines_matching(root, "proofs", {".v"}, r"^\s*(Admitted|Axiom|Axioms|Parameter|Parameters|Conjecture)\b|\badmit\b", clean)


def linked_libraries(_, lipverify):
    """The checker's program carries no linear algebra library and no protobuf."""
    listing = subprocess.run(["ldd", lipverify], capture_output=True, text=True, check=True).stdout
    return [line.strip() for line in listing.splitlines() if re.search(r"blas|lapack|protobuf|mpfr|gfortran", line)]


def traps(root, _):
    """tests/TRAPS.md maps every trap to a test that exists, or to a later topic."""
    page = root / "tests/TRAPS.md"
    if not page.exists():
        return ["tests/TRAPS.md is missing"]
    corpus = "\n".join(text for path, text in sources(root, "tests", CODE))
    found, rows = [], 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or set("".join(cells)) <= set("-: ") or cells[-1].lower() in ("test", "tests"):
            continue
        rows += 1
        answer = cells[-1]
        if answer.startswith("later:") and len(answer) > len("later: "):
            continue
        names = re.findall(r"`([^`]+)`", answer)
        if not names:
            found.append(f"tests/TRAPS.md:{number}: no test is named: {line[:80]}")
        for name in names:
            last = name.split(":")[-1].strip()
            if last not in corpus and not list((root / "tests").rglob(last)):
                found.append(f"tests/TRAPS.md:{number}: no test has the name {name}")
    return found if rows >= 40 else found + [f"tests/TRAPS.md has only {rows} lines"]


def promises(root, _):
    """Every promise of SECURITY.md names a test that exists; budget, verdicts, faults and keys are among them."""
    page = (root / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*([^*]+)\.\*\* .*\| ([^|]*) \|$", page, re.M)
    corpus = "\n".join(text for _, text in sources(root, "tests", CODE))
    found = [f"SECURITY.md: no promise is called {name}" for name in ("Budget", "A verdict in time", "Verdicts", "Faults", "Keys") if name not in dict(rows)]
    for promise, answer in rows:
        names = re.findall(r"`([^`]+)`", answer)
        found += [] if names else [f"SECURITY.md: no test is named for {promise}"]
        found += [f"SECURITY.md: no test has the name {name}" for name in names if f"def {name}(" not in corpus and name not in corpus and not (root / name).is_file()]
    return found


RULES = [checker_includes, checker_links, trusted_numbers, trusted_size, trusted_includes, rooms, command_lines, rounding_modes, signing_room, left_over_marks, machine_paths, file_names, unproved,
         linked_libraries, traps, promises]

BREAKS = {
    "checker_includes": [("verifier/broken.cpp", '#include "formats/network/network.hpp"\n'), ("verifier/theorems/broken.cpp", '#include "certify/bound.hpp"\n')],
    "checker_links": [("verifier/broken.cmake", "target_link_libraries(lipverify PRIVATE lipcert_formats)\n")],
    "trusted_numbers": [("verifier/base/broken.cpp", "double x = 0;\n"), ("verifier/theorems/broken.cpp", "const auto x = 0.5;\n"), ("verifier/samples/broken.cpp", "float x;\n"),
                        ("verifier/policy/broken.cpp", "double x = 0;\n")],
    "trusted_size": [("verifier/base/broken.hpp", "// line\n" * TRUSTED_LINES), ("verifier/policy/broken.hpp", "// line\n" * POLICY_LINES)],
    "trusted_includes": [("verifier/base/broken.cpp", '#include "verifier/hint/cholesky.hpp"\n'), ("verifier/theorems/broken.cpp", '#include "verifier/program/output.hpp"\n')],
    "rooms": [("certify/numbers/broken.cpp", '#include "certify/graph/steps.hpp"\n'), ("verifier/base/broken.hpp", '#include "verifier/verdict/verify.hpp"\n'),
              ("verifier/hint/broken.cpp", '#include "verifier/verdict/verify.hpp"\n'), ("verifier/graph/operators/broken.cpp", '#include "verifier/theorems/linear.hpp"\n'),
              ("certify/attack/broken.cpp", '#include "certify/certificate/keys.hpp"\n'), ("formats/cellar/broken.cpp", "\n")],
    "command_lines": [("certify/commands/broken.cpp", '#include "formats/network/network.hpp"\n'),
                      ("verifier/program/broken.cpp", '#include "verifier/verdict/verify.hpp"\n')],
    "rounding_modes": [("certify/broken.cpp", "void f() { fesetround(0); }\n")],
    "signing_room": [("certify/broken.hpp", "#include <openssl/evp.h>\n")],
    "left_over_marks": [("formats/broken.cpp", "// TO" + "DO later\n")],
    "machine_paths": [("formats/broken.hpp", "// see /ro" + "ot/x\n")],
    "file_names": [("tests/faults/a b.txt", "\n"), ("formats/a\u202eb.cpp", "\n")],
    "unproved": [("proofs/broken.v", "Axiom truth : False.\n")],
    "promises": [("SECURITY.md", "| **A promise.** Nobody tests it. | `no such " + "promise anywhere` |\n"), ("SECURITY.md", "| **Another.** Nobody tests it. | nothing |\n")],
    "traps": [("tests/TRAPS.md", "| a trap | nobody tests it | `no such " + "test anywhere` |\n")],
}


def self_test(root):
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "tree"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns("build", ".git", "node_modules"))
        for rule in RULES:
            for name, text in BREAKS.get(rule.__name__, []):
                before = len(rule(copy, None))
                target = copy / name
                target.parent.mkdir(exist_ok=True)
                kept = target.read_text(encoding="utf-8") if target.exists() else None
                with open(target, "a", encoding="utf-8") as file:
                    file.write(text)
                if len(rule(copy, None)) <= before:
                    failures.append(f"{rule.__name__} does not notice when it is broken in {name}")
                if kept is None:
                    target.unlink()
                else:
                    target.write_text(kept, encoding="utf-8")
    return failures


def main():
    arguments = [a for a in sys.argv[1:] if a != "--self-test"]
    root = pathlib.Path(arguments[0]).resolve()
    if "--self-test" in sys.argv:
        problems = self_test(root)
    else:
        problems = [f"{rule.__doc__}  {place}" for rule in RULES for place in rule(root, arguments[1])]
    for problem in problems:
        print(problem)
    print(f"{len(RULES)} rules, {len(problems)} places where one is broken")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
