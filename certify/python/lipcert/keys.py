"""Key pairs."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

from . import errors, programs


@dataclasses.dataclass(frozen=True)
class Keys:
    """Where a key pair lies. The fingerprint is what an issuer tells those who check."""
    private: pathlib.Path
    public: pathlib.Path
    fingerprint: str


def keygen(out: programs.StrPath, *, algorithm: str = "p256", passphrase: str | None = None) -> Keys:
    """Makes a key pair: `out` (private, readable by you only) and its public half beside it (key.pem: key.pub.pem). An existing file is never
    overwritten. `algorithm`: p256 or ed25519. With a passphrase the private key is encrypted."""
    answer = programs.run("lipcert", "keygen", *programs.option("out", out), *programs.option("algorithm", algorithm), *programs.option("encrypt", passphrase is not None),
                          passphrase=passphrase)
    if answer.exit_code != 0:
        raise errors.error_of(answer.exit_code, answer.sentence("lipcert"))
    private = pathlib.Path(os.fspath(out))
    public = private.with_name(f"{private.name.removesuffix('.pem')}.pub.pem")
    found = re.search(r"(?m)^fingerprint +(SHA256:\S+)$", answer.stdout)
    if found is None or not public.is_file():
        raise errors.InternalError("The answer of lipcert keygen cannot be read; are program and module of one version?", answer.exit_code)
    return Keys(private, public, found[1])
