"""Manual pages and completions: they name every command and option of --help and no other, render without a warning, and complete what is typed."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support

BUILD = pathlib.Path(os.environ["LIPCERT_BUILD"])
PAGES = BUILD / "pages"
MAKE = support.ROOT / "cmake" / "packages" / "make_pages.py"
PROGRAMS = {name: BUILD / "bin" / name for name in ("lipcert", "lipverify", "liptrain", "lipproof") if (PAGES / f"{name}.bash").is_file()}


def help_of(name, *words):
    return support.run(PROGRAMS[name], *words, "--help").stdout


def commands_of(name):
    """Read from the section itself, not with the reader that is tested."""
    section = re.search(r"(?ms)^Subcommands:\n(.*?)(?:\n\n|\Z)", help_of(name))
    return re.findall(r"(?m)^  (\S+)", section[1]) if section else []


def options_of(text):
    return {word for line in re.findall(r"(?m)^  (-[^\s{]+)", text) for word in line.split(",")}


def complete(program, *words):
    """What bash offers after these words, the last of which is being typed."""
    script = 'compopt() { :; }; source "$1"; name=$2; shift 2; COMP_WORDS=("$name" "$@"); COMP_CWORD=$#; "_$name"; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", PAGES / f"{program}.bash", program, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


class Pages(support.Case):
    def pages(self):
        for name in PROGRAMS:
            yield name, (), f"{name}.1.gz"
            for command in commands_of(name):
                yield name, (command,), f"{name}-{command}.1.gz"

    def test_every_option(self):
        count = 0
        for name, words, file in self.pages():
            wanted = options_of(help_of(name, *words))
            self.assertIn("--help", wanted)
            shown = subprocess.run(["man", "--local-file", PAGES / file], capture_output=True, text=True, check=True, env=support.environment(MANWIDTH=200, LC_ALL="C.UTF-8")).stdout
            section = re.search(r"(?ms)^OPTIONS\n(.*?)^\S", shown)[1]
            headed = {re.split(r"[ =\[]", part)[0] for line in re.findall(r"(?m)^       (-\S.*)$", section) for part in re.split(r", (?=-)", line)}
            self.assertEqual(headed, wanted, file)
            for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS"):
                self.assertRegex(shown, rf"(?m)^{title}$", file)
            self.assertEqual(complete(name, *words, "-"), wanted, file)
            count += len(wanted)
        self.assertGreater(count, 80)

    def test_no_warning(self):
        for name, words, file in self.pages():
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", PAGES / file], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), file)
            if shutil.which("mandoc"):
                source = gzip.decompress((PAGES / file).read_bytes())
                done = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=source, capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, b""), file)

    def test_completions(self):
        for name in PROGRAMS:
            subprocess.run(["bash", "-n", PAGES / f"{name}.bash"], check=True)
            if shutil.which("zsh"):
                subprocess.run(["zsh", "-n", PAGES / f"_{name}"], check=True)
        self.assertLessEqual({"certify", "inspect", "keygen", "merge", "attack"}, complete("lipcert", ""))
        self.assertEqual(complete("lipcert", "ins"), {"inspect"})
        self.assertEqual(complete("lipcert", "keygen", "--algorithm", ""), {"p256", "ed25519"})
        self.assertEqual(complete("lipcert", "certify", "model.onnx", "--eps-u"), {"--eps-unit"})
        self.assertEqual(complete("lipcert", "certify", "--threads", ""), set())
        self.assertIn(str(support.DIGITS), complete("lipverify", "cert.json", "--model", str(support.DIGITS)[:-2]))

    def test_zsh_offers(self):
        """Where zsh is there: its own machinery completes a command with the generated function."""
        if not shutil.which("zsh"):
            self.skipTest("zsh is not installed")
        folder = self.folder / "functions"
        folder.mkdir()
        for name in PROGRAMS:
            shutil.copy(PAGES / f"_{name}", folder)
        script = "fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; print ${_comps[lipcert]} ${_comps[lipverify]}; autoload +X _lipcert && print loaded"
        done = subprocess.run(["zsh", "-f", "-c", script, "zsh", folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout.split(), ["_lipcert", "_lipverify", "loaded"], done.stderr)

    def test_same_bytes(self):
        named = [f"{name}={path}" for name, path in PROGRAMS.items()]
        for folder in ("first", "second"):
            subprocess.run(["/usr/bin/python3", "-B", MAKE, self.folder / folder, "1.2.3", "1700000000", *named], check=True)
        first = {path.name: path.read_bytes() for path in (self.folder / "first").iterdir()}
        self.assertEqual(first, {path.name: path.read_bytes() for path in (self.folder / "second").iterdir()})
        self.assertEqual(set(first), {path.name for path in PAGES.iterdir()} - {"made"})

    def test_forms_of_entries(self):
        """What CLI11 can print about an option, in one help text."""
        program = self.write("forms", """#!/bin/sh
cat <<'TEXT'
Does this; and that.
Usage: forms [OPTIONS] [FILE...]

Positionals:
  FILE TEXT ...               files

Options:
  -h,--help                   Print this help message and exit
  --json{-}                   print JSON; =FILE: there
  -o,--out TEXT REQUIRED      where to
  --kind TEXT:{a,b}=a         which
  --count UINT:UINT in [1 - 9] x 2 ...
                              how many,
                              of all
  --with INT Needs: --out     needs it
.odd words of prose

Tuning:
  --deep                      in a group
TEXT
""")
        program.chmod(0o755)
        subprocess.run(["/usr/bin/python3", "-B", MAKE, self.folder / "out", "1", "0", f"forms={program}"], check=True)
        shown = subprocess.run(["man", "--warnings", "--local-file", self.folder / "out" / "forms.1.gz"], capture_output=True, text=True, check=True,
                               env=support.environment(MANWIDTH=100, LC_ALL="C.UTF-8"))
        self.assertEqual(shown.stderr, "")
        text = re.sub(r"\s+", " ", shown.stdout)
        for words in ("--json[=VALUE] print JSON; =FILE: there", "-o, --out TEXT where to [required]", "--kind a|b which [default: a]", "--count UINT how many, of all (1 to 9)",
                      "--with INT needs it", ".odd words of prose"):
            self.assertIn(words, text)

    def test_help_of_another_form(self):
        """One sentence, the exit code of an internal error, and nothing written."""
        program = self.write("odd", "#!/bin/sh\necho 'No such thing as a table of options.'\n")
        program.chmod(0o755)
        done = support.run("/usr/bin/python3", "-B", MAKE, self.folder / "out", "1", "0", f"odd={program}")
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, r"\Amake_pages: error: odd: its help has no line [^\n]*\n\Z")
        self.assertEqual(list((self.folder / "out").iterdir()), [])


if __name__ == "__main__":
    support.main()
