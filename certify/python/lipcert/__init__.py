"""Lipschitz certificates of neural networks, from Python.

    import lipcert
    keys = lipcert.keygen("key.pem")
    certificate = lipcert.certify("model.onnx", key=keys.private, out="model.lipcert.sigstore.json")
    verdict = lipcert.verify(certificate.path, "model.onnx", public_key=keys.public)
    if verdict.accepted: ...

The module runs the programs `lipcert` and `lipverify` and reads their JSON; what it returns is what they said, with every number exact (numbers.py).
Errors are exceptions with the program's sentence and exit code (errors.py). A verdict is true only when every claim was recomputed: "accepted in part"
is false. Plain Python; torch is needed by those only who hand over a module of torch."""

from .attacks import AttackResult, Flip, attack
from .certificates import Block, Certificate, EpsCount, PairBounds, SampleCounts, certify
from .errors import InputError, InternalError, LipcertError, NotAccepted, ProgramMissing, UsageError
from .models import Inspection, Refusal, Tensor, inspect
from .numbers import Lower, Upper
from .programs import find_program, version
from .keys import Keys, keygen
from .verdicts import Check, Claim, Requirement, Verdict, verify

__all__ = [
    "AttackResult", "Block", "Certificate", "Check", "Claim", "EpsCount", "Flip", "InputError", "Inspection", "InternalError", "Keys", "LipcertError", "Lower",
    "NotAccepted", "PairBounds", "ProgramMissing", "Refusal", "Requirement", "SampleCounts", "Tensor", "Upper", "UsageError", "Verdict", "attack", "certify", "find_program",
    "inspect", "keygen", "verify", "version",
]
