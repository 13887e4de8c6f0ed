"""What the tests of samples share: synthetic data for the shipped network, and an independent reading of a certificate's samples (records, Merkle
root, counts) with Python's integers and fractions only."""

import gzip
import hashlib
import json
import math
import pathlib
import random
import struct
import sys
from fractions import Fraction

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from support import *  # noqa: E402,F403

NONE = 0xFFFFFFFF


def rows(count, width=64, seed=1):
    numbers = random.Random(seed)
    return [[numbers.randrange(0, 17) for _ in range(width)] for _ in range(count)]


def idx(dimensions, data):
    return bytes([0, 0, 8, len(dimensions)]) + b"".join(struct.pack(">I", d) for d in dimensions) + bytes(data)


def npy(descr, shape, content):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def csv(samples, labels=None):
    lines = [",".join(map(str, s + ([labels[k]] if labels else []))) for k, s in enumerate(samples)]
    return "\n".join(lines) + "\n"


def payload(certificate):
    import base64
    return json.loads(base64.b64decode(json.loads(certificate.read_text())["dsseEnvelope"]["payload"]))


def claims(certificate):
    return {claim["kind"]: claim for claim in payload(certificate)["predicate"]["claims"]}


def records(certificate):
    """[(index, class, label, margin, radius)], after checking digest, size and name of the side file."""
    member = claims(certificate)["sample-radii"]["records"]
    content = (certificate.parent / member["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == member["sha256"] and member["file"] == member["sha256"] + ".lipcert.records"
    assert len(content) == member["bytes"] and len(content) % 32 == 0
    assert merkle([content[k:k + 32] for k in range(0, len(content), 32)]).hex() == member["merkleRoot"]
    return list(struct.iter_unpack("<QIIdd", content))


def merkle(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + merkle(leaves[:k]) + merkle(leaves[k:])).digest()


def check_counts(case, certificate):
    """Every count of the claim from the records, with exact comparisons."""
    claim = claims(certificate)["sample-radii"]
    all_records = records(certificate)
    case.assertEqual(claim["total"], len(all_records))
    case.assertEqual(claim["selection"], {"first": all_records[0][0], "count": len(all_records)})
    case.assertEqual([r[0] for r in all_records], list(range(all_records[0][0], all_records[0][0] + len(all_records))))
    case.assertEqual(claim["undecided"], sum(r[1] == NONE for r in all_records))
    case.assertEqual(claim["correct"], sum(r[1] == r[2] != NONE for r in all_records))
    pixels = claim.get("epsUnit") == "scaled pixel"
    case.assertEqual(pixels, "scaled pixels" in claim["formula"])
    for count in claim["counts"]:
        eps = Fraction(count["eps"]) / (min(abs(Fraction(std)) for std in claim["data"]["std"]) if pixels else 1)
        robust = [r for r in all_records if math.isinf(r[4]) or Fraction(r[4]) > eps]
        case.assertEqual(count["certified"], len(robust))
        case.assertEqual(count["certifiedCorrect"], sum(r[1] == r[2] for r in robust))
    for _, c, _, margin, radius in all_records:
        case.assertTrue(margin >= 0 and radius >= 0)
        case.assertTrue(c != NONE or (margin == 0 and radius == 0))
    return claim, all_records
