"""Finding and running the programs. No shell is involved; options and their values are one word each, and file names follow "--", so that no name is
taken for an option."""

from __future__ import annotations

import contextlib
import dataclasses
import decimal
import json
import os
import pathlib
import shutil
import subprocess
import typing

from . import errors

StrPath = typing.Union[str, "os.PathLike[str]"]
JsonObject = dict[str, typing.Any]


def find_program(name: str) -> str:
    """The path of `lipcert` or `lipverify`: in the folder LIPCERT_BIN, else beside this module (the prefix it is installed under, or the build of
    the checkout it lies in), else on the PATH."""
    named = os.environ.get("LIPCERT_BIN")
    here = pathlib.Path(__file__).resolve()
    if named:
        folders = [pathlib.Path(named)]
    elif here.parents[2].name.startswith("python3") and here.parents[3].name == "lib":
        folders = [here.parents[4] / "bin"]
    else:
        folders = [here.parents[3] / "build" / "release" / "bin"]
    for folder in folders:
        path = folder / name
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    found = None if named else shutil.which(name)
    if found is None:
        raise errors.ProgramMissing(f"{name} was not found {'in LIPCERT_BIN, ' + named if named else 'beside this module or on the PATH'}; install Debian's package {name}, "
                                    "or set LIPCERT_BIN to the folder that has it.")
    return found


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a program answered."""
    exit_code: int
    stdout: str
    stderr: str

    def sentence(self, program: str) -> str:
        """The error's sentence: the last line on stderr, without the program's name in front."""
        lines = [line for line in self.stderr.splitlines() if line.strip()]
        text = lines[-1] if lines else f"{program} ended with exit code {self.exit_code} and said nothing."
        for front in (f"{program}: error: ", f"{program}: "):
            if text.startswith(front):
                return text[len(front):]
        return text

    def json(self, program: str) -> JsonObject:
        """The one object on stdout, with numbers as they stand there."""
        try:
            value = json.loads(self.stdout, parse_float=decimal.Decimal, object_pairs_hook=_without_duplicates)
        except ValueError as error:
            raise errors.InternalError(f"The answer of {program} cannot be read ({error}); are program and module of one version?", self.exit_code) from error
        if not isinstance(value, dict):
            raise errors.InternalError(f"The answer of {program} is no JSON object; are program and module of one version?", self.exit_code)
        return value


def _without_duplicates(pairs: list[tuple[str, typing.Any]]) -> JsonObject:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key stands there twice")
    return out


def run(program: str, *words: str, files: typing.Iterable[StrPath] = (), passphrase: str | None = None, timeout: float | None = None) -> Answer:
    """Runs a program to its end. The passphrase goes through a pipe, never through the arguments."""
    arguments = [find_program(program), *words]
    with contextlib.ExitStack() as stack:
        descriptors = []
        if passphrase is not None:
            if "\n" in passphrase or len(passphrase.encode()) > 1024:
                raise errors.UsageError("A passphrase is one line of at most 1024 bytes.")
            reader, writer = os.pipe()
            stack.callback(os.close, reader)
            with open(writer, "wb") as pipe:
                pipe.write(passphrase.encode() + b"\n")
            arguments.append(f"--passphrase-fd={reader}")
            descriptors.append(reader)
        if (names := [os.fspath(file) for file in files]):
            arguments += ["--", *map(plain, names)]
        try:
            done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", pass_fds=descriptors, timeout=timeout,
                                  check=False)
        except subprocess.TimeoutExpired:
            raise errors.InternalError(f"{program} did not finish within {timeout} seconds and was stopped; give it more time.") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            raise errors.UsageError(f"{program} cannot be started ({error}).") from error
    return Answer(done.returncode, done.stdout, done.stderr)


def plain(name: str) -> str:
    """A file of this very name: "@..." means a list of files to the programs."""
    return f"./{name}" if name.startswith("@") else name


def option(name: str, value: typing.Any) -> list[str]:
    """--name=value, or nothing for None; a flag for True, nothing for False."""
    if value is None or value is False:
        return []
    return [f"--{name}"] if value is True else [f"--{name}={os.fspath(value) if isinstance(value, os.PathLike) else value}"]


def version(program: str = "lipcert") -> str:
    """The first line of --version, such as "lipcert 0.1.0"."""
    answer = run(program, "--version")
    if answer.exit_code != 0:
        raise errors.error_of(answer.exit_code, answer.sentence(program))
    return answer.stdout.split("\n", 1)[0]
