"""What a program's --help says, as a structure: manual pages and completions are made from it, so that they cannot drift from the option tables.

The text is CLI11's: a description, a line "Usage:", sections of entries ("Positionals:", "Options:", option groups, "Subcommands:"), then prose. An
entry stands two columns in; its description begins on the same line or, where the entry is long, on the next one."""

import dataclasses
import re
import subprocess


@dataclasses.dataclass
class Entry:
    """One option, positional or subcommand."""
    names: list[str]  # "-o", "--out"; or one name without dashes
    value: str  # "TEXT"; empty for a flag
    choices: list[str]  # of TEXT:{a,b}
    default: str
    required: bool
    repeated: bool
    text: str
    optional_value: bool = False  # --name, or --name=VALUE


@dataclasses.dataclass
class Page:
    """One program, or one of its subcommands."""
    name: str  # "lipcert certify"
    description: str
    usage: str
    sections: dict[str, list[Entry]]
    prose: str
    subcommands: list["Page"]

    @property
    def options(self):
        return [entry for entries in self.sections.values() for entry in entries if entry.names[0].startswith("-")]


def parse_entry(head, text):
    """"-o,--out TEXT:{a,b}=a REQUIRED ..." and its description."""
    words = head.split(" ")
    # "--json{-}": the value may be left out, and is then what stands in the braces.
    bare, optional = re.fullmatch(r"([^{]+)(\{.*\})?", words[0]).groups()
    names = bare.split(",")
    rest = " ".join(words[1:])
    required = " REQUIRED" in f" {rest}"
    repeated = rest.endswith("...")
    rest = re.sub(r"(^| )(REQUIRED|\.\.\.|Needs: \S+|Excludes: \S+|x \d+)(?= |$)", "", rest).strip()
    rest = re.sub(r"\s*\bREQUIRED\b", "", rest).strip()
    found = re.match(r"(?P<type>[A-Z]+)?(?::(?P<check>\{[^}]*\}|[^=]*))?(?:=(?P<default>.*))?", rest)
    check = found["check"] or ""
    choices = check[1:-1].split(",") if check.startswith("{") else []
    if re.fullmatch(r"[A-Z]+ in \[.*\]", check):
        text += f" ({check.split(' in ')[1].strip('[]').replace(' - ', ' to ')})"
    return Entry(names, found["type"] or "", choices, found["default"] or "", required, repeated, text, optional is not None)


def parse(name, help_text):
    lines = help_text.rstrip("\n").split("\n")
    usage = next((number for number, line in enumerate(lines) if line.startswith("Usage:")), None)
    if usage is None:
        raise ValueError(f"{name}: its help has no line that starts with 'Usage:'; has the program's help another form now?")
    sections, at, number = {}, usage + 1, usage + 1
    while number < len(lines):
        if not lines[number]:
            number += 1
            continue
        title = re.fullmatch(r"(\S.*):", lines[number])
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if not title or not (title[1] in ("Positionals", "Subcommands") or re.match(r"  -", following)):
            break
        entries, number = [], number + 1
        while number < len(lines) and lines[number].startswith("  "):
            if lines[number].startswith(" " * 20):  # goes on
                entries[-1][1].append(lines[number].strip())
            else:
                # The description starts two or more blanks behind the entry, in column 30 or later.
                head, _, text = lines[number][2:].partition("  ")
                entries.append((head.strip(), [text.strip()] if text.strip() else []))
            number += 1
        sections[title[1]] = [parse_entry(head, " ".join(text)) for head, text in entries]
        at = number
    if not any(sections.values()):
        raise ValueError(f"{name}: no option was found in its help; has the program's help another form now?")
    return Page(name, "\n".join(lines[:usage]).strip(), lines[usage].removeprefix("Usage:").strip(), sections, "\n".join(lines[at:]).strip(), [])


def read(program, path):
    """Asks the program, and each of its subcommands."""
    def ask(*words):
        done = subprocess.run([path, *words, "--help"], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise ValueError(f"{path} {' '.join(words)} --help ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def page(*words):
        found = parse(" ".join((program, *words)), ask(*words))
        found.subcommands = [page(*words, entry.names[0]) for entry in found.sections.get("Subcommands", [])]
        return found

    return page()
