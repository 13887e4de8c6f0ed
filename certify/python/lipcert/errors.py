"""What can go wrong, by exit code. The text of an exception is the program's own sentence: place, reason and remedy."""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from .verdicts import Verdict


class LipcertError(Exception):
    """A program ended with an error. `exit_code` is the program's, or None where no program has run to its end."""

    def __init__(self, sentence: str, exit_code: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.exit_code = exit_code


class UsageError(LipcertError):
    """A setting is wrong (exit code 2)."""


class InputError(LipcertError):
    """A file cannot be read, or is not supported (exit code 3)."""


class InternalError(LipcertError):
    """A fault of the program or a limit of the machine (exit code 4), or an answer that this module does not understand."""


class ProgramMissing(LipcertError):
    """`lipcert` or `lipverify` was not found."""


class NotAccepted(LipcertError):
    """`Verdict.require()` met a verdict other than "accepted", which is in `verdict`."""

    def __init__(self, sentence: str, exit_code: int, verdict: Verdict) -> None:
        super().__init__(sentence, exit_code)
        self.verdict = verdict


def error_of(exit_code: int, sentence: str) -> LipcertError:
    kind = {2: UsageError, 3: InputError}.get(exit_code, InternalError)
    return kind(sentence, exit_code)
