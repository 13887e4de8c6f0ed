"""Checking certificates. Only the word "accepted" together with exit code 0 counts as an acceptance."""

from __future__ import annotations

import dataclasses
import os
import typing

from . import errors, numbers, programs

_CODES = {"accepted": 0, "rejected": 1, "accepted in part": 5}
_RECHECKS = {"holds": ("accepted", 0), "holds in part": ("accepted in part", 5)}  # inside a judgement, where nothing but the judgement is called accepted


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison, with both sides in words."""
    id: str
    subject: str
    claimed: str
    recomputed: str
    passed: bool


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence with its numbers. `upper` and `lower` are those of a Lipschitz constant (of pairs: the largest upper end); `fields` has all that was said."""
    id: str
    formula: str
    upper: numbers.Upper | None
    lower: numbers.Lower | None
    fields: dict[str, typing.Any] = dataclasses.field(repr=False, hash=False)


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One demand of a policy: the place in its file, both sides in words, and what to do where it is not met."""
    id: str
    pointer: str
    wanted: str
    found: str
    met: bool
    remedy: str | None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What lipverify said. True only when it is "accepted"; "accepted in part" and "rejected" are false.

    `claims` are those that were recomputed: all of them for "accepted", those without samples left out for "accepted in part", none for "rejected". What a
    certificate merely says is in `claimed`."""
    verdict: str
    exit_code: int
    error: str | None
    claims: tuple[Claim, ...]
    claimed: tuple[Claim, ...]
    not_rechecked: tuple[str, ...]
    not_covered: tuple[str, ...]
    assumptions: tuple[str, ...]
    not_checked: tuple[str, ...]
    checks: tuple[Check, ...] = dataclasses.field(repr=False)
    payload_sha256: str | None = None
    key_fingerprint: str | None = None
    model_sha256: str | None = None
    issuer: str | None = None
    issued_at: str | None = None
    not_after: str | None = None
    requirements: tuple[Requirement, ...] = ()  # of the policy; empty under a public key
    report: dict[str, typing.Any] = dataclasses.field(default_factory=dict, repr=False, hash=False)

    @property
    def accepted(self) -> bool:
        """Every claim was recomputed and holds."""
        return self.verdict == "accepted" and self.exit_code == 0 and not self.not_rechecked

    @property
    def accepted_in_part(self) -> bool:
        """Nothing was found wrong, and samples were left out, as was asked."""
        return self.verdict == "accepted in part" and self.exit_code == 5

    def __bool__(self) -> bool:
        return self.accepted

    def require(self) -> Verdict:
        """This verdict where it is "accepted", else NotAccepted."""
        if not self.accepted:
            raise errors.NotAccepted(self.error or f"The verdict is '{self.verdict}': not rechecked are {', '.join(self.not_rechecked)}.", self.exit_code, self)
        return self

    def claim(self, id: str) -> Claim:
        """A recomputed claim, such as "lipschitz-global", "lipschitz-pairs" or "sample-radii"; KeyError where the verdict has none."""
        for claim in self.claims:
            if claim.id == id:
                return claim
        raise KeyError(f"No claim '{id}' was rechecked (verdict: {self.verdict}).")


def verify(certificate: programs.StrPath, model: programs.StrPath | typing.Iterable[programs.StrPath], *, public_key: programs.StrPath | None = None,
           policy: programs.StrPath | None = None, data: programs.StrPath | None = None, labels: programs.StrPath | None = None,
           records: programs.StrPath | None = None, local_evidence: programs.StrPath | None = None, audit: int | None = None, seed: int | None = None, leave_out_samples: bool = False, time: str | None = None,
           allow_external_data: bool = False, threads: int | None = None, timeout: float | None = None) -> Verdict:
    """Rechecks a certificate for a model file (of several the digest decides), under a trusted public key or a policy of `lipverify --policy`.

    A rejection is a result; what cannot be checked at all (a missing file, a wrong setting, radii without their data) is an exception. With
    `leave_out_samples` or `audit` the verdict is at best "accepted in part", which is not true."""
    if (public_key is None) == (policy is None):
        raise errors.UsageError("Give the public key that you trust, or a policy: exactly one of the two.", 2)
    option = programs.option
    files = [model] if isinstance(model, (str, os.PathLike)) else list(model)
    words = ["--json", *(word for file in files for word in option("model", programs.plain(os.fspath(file)))), *option("public-key", public_key), *option("policy", policy),
             *option("data", data), *option("labels", labels), *option("records", records), *option("local-evidence", local_evidence), *option("audit", audit), *option("seed", seed),
             *option("no-samples", leave_out_samples), *option("time", time), *option("allow-external-data", allow_external_data), *option("threads", threads)]
    answer = programs.run("lipverify", *words, files=[certificate], timeout=timeout)
    if answer.exit_code not in _CODES.values():
        raise errors.error_of(answer.exit_code, answer.sentence("lipverify"))
    try:
        report = answer.json("lipverify")
        return _verdict(answer.exit_code, report) if policy is None else _judged(answer.exit_code, report)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise errors.InternalError(f"The answer of lipverify has another form ({error!r}); are program and module of one version?", answer.exit_code) from error


def _word(report: dict[str, typing.Any], exit_code: int) -> str:
    """The verdict, which must fit its own exit code and the program's."""
    word = report["verdict"]
    if not isinstance(word, str) or _CODES.get(word) != exit_code or type(report["exitCode"]) is not int or report["exitCode"] != exit_code:
        raise ValueError(f"verdict '{word}' with exit code {exit_code}")
    return word


def _judged(exit_code: int, answer: dict[str, typing.Any]) -> Verdict:
    """Under a policy: the judgement of the one certificate, around the report of its recheck. What is wrong with either is wrong with both."""
    word = _word(answer, exit_code)
    (judgement,) = answer["judgements"]
    _word(judgement, exit_code)
    requirements = tuple(Requirement(item["id"], item["pointer"], item["wanted"], item["found"], item["met"] is True, item["remedy"]) for item in judgement["requirements"])
    if word == "rejected":
        report = judgement["report"]
        claimed = tuple(_claim(claim) for claim in report.get("claims", ()))
        return Verdict(word, exit_code, judgement["error"], (), claimed, (), (), (), (), (), report.get("payloadSha256"), requirements=requirements, report=answer)
    if not requirements or not all(requirement.met for requirement in requirements):
        raise ValueError("an acceptance with a demand that is not met")
    verdict, code = _RECHECKS[judgement["report"]["recheck"]]
    return dataclasses.replace(_verdict(exit_code, {**judgement["report"], "verdict": verdict, "exitCode": code}), error=judgement["error"], requirements=requirements, report=answer)


def _verdict(exit_code: int, report: dict[str, typing.Any]) -> Verdict:
    word = _word(report, exit_code)
    claimed = tuple(_claim(claim) for claim in report["claims"])
    not_rechecked = tuple(report["claimsNotRechecked"])
    checks = tuple(Check(check["id"], check["subject"], check["claimed"], check["recomputed"], check["passed"] is True) for check in report["checks"])
    if word == "accepted" and (not_rechecked or not claimed or not checks or not all(check.passed for check in checks)):
        raise ValueError("an acceptance with something unchecked")
    if word == "accepted in part" and not not_rechecked:
        raise ValueError("an acceptance in part that leaves nothing out")
    claims = () if word == "rejected" else tuple(claim for claim in claimed if claim.id not in not_rechecked)
    return Verdict(word, exit_code, report["error"], claims, claimed, not_rechecked, tuple(report["notCovered"]), tuple(report["assumptions"]), tuple(report["notChecked"]),
                   checks, report["payloadSha256"], report["key"]["fingerprint"], report["model"]["sha256"], report["issuer"], report["issuedAt"], report["notAfter"], report=report)


def _claim(value: dict[str, typing.Any]) -> Claim:
    upper, lower = value.get("upper", value.get("largest")), value.get("lower")
    return Claim(value["id"], value["formula"], None if upper is None else numbers.Upper(upper), None if lower is None else numbers.Lower(lower), value)
