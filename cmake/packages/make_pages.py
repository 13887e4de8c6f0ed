#!/usr/bin/python3
"""Manual pages and completions from --help:   make_pages.py FOLDER VERSION EPOCH NAME=PROGRAM...

Writes FOLDER/<name>.1.gz, FOLDER/<name>-<subcommand>.1.gz, FOLDER/<name>.bash and FOLDER/_<name>, each whole or not at all. EPOCH (seconds) is the
date of the pages, so that the same sources give the same bytes. Exit code 4 with one sentence when a program's help cannot be understood."""

import datetime
import gzip
import os
import pathlib
import re
import sys

import help_text

# What the options of every program take that is not a file.
PLAIN = {"INT", "UINT", "FLOAT"}

SEE_ALSO = {"lipcert": ["lipverify"], "lipverify": ["lipcert"], "liptrain": ["lipcert"], "lipproof": ["lipcert", "lipverify"]}

EXIT = {"lipcert": ["0 done", "1 a certificate was refuted (attack)", "2 usage", "3 input unreadable or unsupported", "4 internal error"],
        "lipverify": ["0 accepted: every claim was recomputed", "1 rejected", "2 usage", "3 input unreadable or unsupported", "4 internal error",
                      "5 accepted in part: samples were left out, as was asked"],
        "liptrain": ["0 done", "1 an expectation failed", "2 usage", "3 input unreadable", "4 internal error"],
        "lipproof": ["0 mathematics accepted", "1 rejected", "2 usage", "3 unreadable, unsupported or not covered", "4 internal error"]}


def roff(text):
    """Plain text for troff: nothing of it is a request or an escape, and hyphens stay what a reader can copy."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def option_lines(entry):
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in entry.names)
    value = "|".join(entry.choices) or entry.value
    tail = f" \\fI{roff(value)}\\fR" if value and entry.names[0].startswith("-") else "[=\\fIVALUE\\fR]" if entry.optional_value else ""
    notes = [note for note, holds in (("required", entry.required), (f"default: {entry.default}", entry.default)) if holds]
    text = entry.text + (f" [{'; '.join(notes)}]" if notes else "")
    return [".TP", names + tail, roff(text)]


def prose_lines(text):
    """Paragraphs; what is indented (commands) stays as it is typed."""
    out = []
    for part in re.split(r"\n\s*\n", text):
        open_block = False
        out.append(".PP")
        for line in part.split("\n"):
            indented = line.startswith("  ")
            if indented != open_block:
                out += [".RS 4", ".nf"] if indented else [".fi", ".RE"]
                open_block = indented
            out.append(roff(line.strip() if indented else line))
        if open_block:
            out += [".fi", ".RE"]
    return out


def manual(page, version, date):
    program, name = page.name.split(" ")[0], page.name.replace(" ", "-")
    first = re.split(r"(?<=[.:])\s", page.description.replace("\n", " "))[0].rstrip(".:")
    out = [f'.\\" Made from the option tables of {program} (cmake/packages); changes belong there.',
           f'.TH {roff(name.upper())} 1 {date} "lipcert {version}" "User Commands"', ".SH NAME", f"{roff(name)} \\- {roff(first[0].lower() + first[1:])}", ".SH SYNOPSIS",
           f".B {roff(page.name)}", roff(page.usage.split(" ", len(page.name.split(" ")))[-1]), ".SH DESCRIPTION", roff(page.description)]
    for title, entries in page.sections.items():
        out.append(f".SH {roff({'Positionals': 'ARGUMENTS', 'Subcommands': 'COMMANDS'}.get(title, title.upper()))}")
        for entry in entries:
            out += option_lines(entry)
    if page.prose:
        out += [".SH NOTES", *prose_lines(page.prose)[1:]]
    if program in EXIT:
        out += [".SH EXIT STATUS"]
        for line in EXIT[program]:
            code, _, text = line.partition(" ")
            out += [".TP", f"\\fB{code}\\fR", roff(text)]
    others = [f"{page.name}-{sub.name.split(' ')[-1]}" for sub in page.subcommands] or ([program] if page.name != program else [])
    others += SEE_ALSO.get(program, [])
    if others:
        out += [".SH SEE ALSO", ",\n".join(f".BR {roff(other)} (1)" for other in others)]
    return "\n".join(out) + "\n"


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def bash_case(page, names):
    """The branch for one (sub)command: what an option takes, then which options there are."""
    lines = []
    for entry in page.options:
        if entry.choices:
            lines.append(f"        {'|'.join(entry.names)}) COMPREPLY=($(compgen -W {quoted(' '.join(entry.choices))} -- \"$cur\")); return ;;")
        elif entry.value in PLAIN:
            lines.append(f"        {'|'.join(entry.names)}) COMPREPLY=(); return ;;")
        elif entry.value:
            lines.append(f"        {'|'.join(entry.names)}) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;")
    words = " ".join(name for entry in page.options for name in entry.names)
    return [f"    {names})", *(["      case $prev in", *lines, "      esac"] if lines else []), f"      options={quoted(words)} ;;"]


def bash_completion(page):
    name = page.name
    out = [f"# bash completion for {name}, made from its option tables.", f"_{name}() {{", "  local cur prev command word options commands", "  COMPREPLY=()",
           "  cur=${COMP_WORDS[COMP_CWORD]}", "  prev=${COMP_WORDS[COMP_CWORD-1]}", "  command="]
    commands = [sub.name.split(" ")[-1] for sub in page.subcommands]
    out.append(f"  commands={quoted(' '.join(commands))}")
    if commands:
        out += ["  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do", f"    case $word in {'|'.join(commands)}) command=$word; break ;; esac", "  done"]
    out.append("  case $command in")
    for sub, command in zip(page.subcommands, commands):
        out += bash_case(sub, command)
    out += [*bash_case(page, "*"), "  esac", "  if [[ $cur == -* ]]; then", "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))",
            "  elif [[ -z $command && -n $commands ]]; then", "    COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))",
            "  else", "    compopt -o filenames", "    COMPREPLY=($(compgen -f -- \"$cur\"))", "  fi", "}", f"complete -F _{name} {name}"]
    return "\n".join(out) + "\n"


def zsh_arguments(page):
    """The specifications of _arguments, one in a line."""
    out = []
    for entry in page.options:
        text = re.sub(r"([\[\]:\\])", r"\\\1", entry.text)
        action = f":{entry.value.lower()}:({' '.join(entry.choices)})" if entry.choices else f":{entry.value.lower()}: " if entry.value in PLAIN else \
            f":{entry.value.lower()}:_files" if entry.value else ""
        for name in entry.names:
            out.append(quoted(f"{'*' if entry.repeated else ''}{name}[{text}]{action}"))
    return out


def zsh_completion(page):
    name = page.name
    out = [f"#compdef {name}", f"# zsh completion for {name}, made from its option tables.", ""]
    joined = " \\\n      "
    if not page.subcommands:
        return "\n".join([*out, f"_arguments -s \\\n      {joined.join(zsh_arguments(page))} \\\n      '*:file:_files'"]) + "\n"
    out += ["local context state line", f"_arguments -C \\\n      {joined.join(zsh_arguments(page))} \\\n      '1: :->command' '*:: :->rest'", "case $state in", "  command)",
            "    local -a commands", "    commands=("]
    for sub in page.subcommands:
        text = sub.description.replace("\n", " ").replace(":", "\\:")
        out.append(f"      {quoted(sub.name.split(' ')[-1] + ':' + text)}")
    out += ["    )", f"    _describe -t commands '{name} command' commands ;;", "  rest)", "    case $words[1] in"]
    for sub in page.subcommands:
        out.append(f"    {sub.name.split(' ')[-1]}) _arguments -s \\\n      {joined.join(zsh_arguments(sub))} \\\n      '*:file:_files' ;;")
    out += ["    esac ;;", "esac"]
    return "\n".join(out) + "\n"


def write(path, content):
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def main(folder, version, epoch, *programs):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    date = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).strftime("%Y-%m-%d")
    for item in programs:
        name, _, path = item.partition("=")
        page = help_text.read(name, path)
        for each in [page, *page.subcommands]:
            write(folder / f"{each.name.replace(' ', '-')}.1.gz", gzip.compress(manual(each, version, date).encode(), 9, mtime=0))
        if name == "lipproof":  # its checker has one page with it
            write(folder / "lipproof-check.1.gz", gzip.compress(b".so man1/lipproof.1\n", 9, mtime=0))
        write(folder / f"{name}.bash", bash_completion(page).encode())
        write(folder / f"_{name}", zsh_completion(page).encode())


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        print(f"make_pages: error: {error}", file=sys.stderr)
        sys.exit(4)
