"""Whether an accepted forgery claims nothing that is not proved. Exact arithmetic of this file's own (fractions), from formats/SPEC.md and from what the generator
proved of the original: its lower ends are proved bounds on what an upper end may say, and the other way round."""

import json
import math
import struct
from fractions import Fraction

NEAR = Fraction(1, 10 ** 6)  # original records are so near to what they could have claimed; their slack is 2^-30 and 32 times an enclosure's error
NOBODY = 0xFFFFFFFF


def exact(number):
    """The value of a rigorous number's `exact`."""
    text = number["exact"] if isinstance(number, dict) else number
    if "x" in text:
        mantissa, exponent = text.split("p")
        sign = -1 if mantissa.startswith("-") else 1
        whole, _, part = mantissa.lstrip("-")[2:].partition(".")
        return sign * Fraction(int(whole + part, 16), 16 ** len(part)) * Fraction(2) ** int(exponent)
    return Fraction(text)


def composed(predicate):
    """P of the graph's output (SPEC.md, section 4) from the blocks as they are claimed; None where a join claims less than its parts make."""
    bounds = {"": Fraction(1)}
    split = None  # of the last split: later outputs of it are named nowhere in the certificate
    for block in predicate["blocks"]:
        values = [bounds[name] if name in bounds else split for name in block["inputs"]]
        upper, theorem = exact(block["upper"]), block["method"]["theorem"]
        if None in values:
            return None
        if theorem == "sum":
            enough = upper >= sum(values)
        elif theorem == "root-sum-squares":
            enough = upper * upper >= sum(v * v for v in values)
        elif theorem == "disjoint-slices":
            enough = upper >= max(values)
        else:
            enough, upper = len(values) == 1, upper * values[0]
        if not enough:
            return None
        bounds[block["id"]] = upper
        split = upper if block["operator"] == "split" else split
    return bounds[predicate["blocks"][-1]["id"]]


def outward(number, up):
    decimal = Fraction(number["decimal"])
    return decimal >= exact(number) if up else decimal <= exact(number)


def claims_of(predicate):
    return {claim["kind"]: claim for claim in predicate["claims"]}


def inputs_of(case, claim):
    """The samples of a CSV file as the claim scales them."""
    scale, mean, std = Fraction(claim["data"]["scale"]), [Fraction(x) for x in claim["data"]["mean"]], [Fraction(x) for x in claim["data"]["std"]]
    for line in open(case.samples["data"], encoding="ascii"):
        values = [Fraction(v) for v in line.split(",")]
        del values[claim["data"]["labelColumn"]]
        yield [float((v * scale - mean[k % len(mean)]) / std[k % len(std)]) for k, v in enumerate(values)]


def evaluated(case, claim, rows, constants):
    """Records at other inputs than the original's: class, margin and radius by this test's own evaluation of the network. `constants`: L, or L_ij for i < j."""
    points = list(inputs_of(case, claim))
    for index, predicted, _, margin, radius in rows:
        if predicted == NOBODY:
            continue
        f = [float(v) for v in case.network(points[index])]
        if len(f) == 1:
            gaps = [(f[0] if predicted == 1 else -f[0], constants[0])]
        else:
            n = len(f)
            pair = lambda i, j: constants[i * n - i * (i + 1) // 2 + j - i - 1]
            gaps = [(f[predicted] - f[j], pair(min(predicted, j), max(predicted, j))) for j in range(n) if j != predicted]
        if any(margin > gap * (1 + 1e-9) or margin < 0 or not radius * float(constant) <= gap * (1 + 1e-9) for gap, constant in gaps):
            return False
    return True


def samples_explained(case, old, new, records, original, constants):
    """The claim about samples of the forgery, from its records alone and from those of the original."""
    fixed = ("kind", "id", "evidence", "selection", "total", "labelled")
    if any(old[name] != new[name] for name in fixed):
        return False
    spelled = ("mean", "std", "scale", "files")
    if {k: v for k, v in old["data"].items() if k not in spelled} != {k: v for k, v in new["data"].items() if k not in spelled}:
        return False
    same = all([Fraction(x) for x in old["data"][name]] == [Fraction(x) for x in new["data"][name]] for name in ("mean", "std"))
    same = same and Fraction(old["data"]["scale"]) == Fraction(new["data"]["scale"])
    if [(f["role"], f["bytes"], f["sha256"]) for f in old["data"]["files"]] != [(f["role"], f["bytes"], f["sha256"]) for f in new["data"]["files"]]:
        return False
    before, after = (list(struct.iter_unpack("<QIIdd", content)) for content in (original, records))
    if len(before) != len(after):
        return False
    smallest = min(abs(Fraction(s)) for s in new["data"]["std"])
    pixels = new.get("epsUnit", "graph input") == "scaled pixel"
    if pixels != ("scaled pixels" in new["formula"]):
        return False
    for a, b in zip(before, after):
        if a[0] != b[0] or a[2] != b[2]:
            return False
        if b[1] == NOBODY:
            if b[3] != 0 or b[4] != 0:
                return False
            continue
        if math.isnan(b[3]) or math.isnan(b[4]) or b[3] < 0 or b[4] < 0 or math.isinf(b[3]):
            return False
        if not same:
            continue
        if a[1] != b[1] or Fraction(b[3]) > Fraction(a[3]) * (1 + NEAR) or math.isinf(b[4]) and not math.isinf(a[4]):
            return False
        if not math.isinf(a[4]) and Fraction(b[4]) > Fraction(a[4]) * (1 + NEAR):
            return False
    if not same and not evaluated(case, new, after, constants):
        return False
    if new["undecided"] != sum(r[1] == NOBODY for r in after) or new["correct"] != sum(r[1] == r[2] != NOBODY for r in after):
        return False
    last = None
    for count in new["counts"]:
        eps = Fraction(count["eps"])
        if last is not None and eps <= last:
            return False
        last = eps
        robust = [r for r in after if math.isinf(r[4]) or Fraction(r[4]) * (smallest if pixels else 1) > eps]
        if count["certified"] != len(robust) or count["certifiedCorrect"] != sum(r[1] == r[2] for r in robust):
            return False
    return True


def explanation(case, forged):
    """Why the claims of an accepted forgery are proved, in a few words; None: nothing says so."""
    try:
        return explained(case, forged, json.loads(forged.text))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # of another form than the format's: nothing explains it
        return None


def explained(case, forged, new):
    old = forged.original
    if new == old and not forged.mutant:
        return "the same content"
    p, q = old["predicate"], new["predicate"]
    if old["_type"] != new["_type"] or old["predicateType"] != new["predicateType"] or len(new["subject"]) != 1 or old["subject"][0]["digest"]["sha256"] != new["subject"][0]["digest"]["sha256"]:
        return None
    for name in ("formatVersion", "semantics", "notCovered", "assumptions", "model"):
        if p[name] != q[name]:
            return None
    if not "2000-01-01T00:00:00Z" <= q["issuance"]["issuedAt"] <= "2027-01-02T00:00:00Z" or (q["issuance"]["notAfter"] or "9999") < "2027-01-01T00:00:00Z":
        return None
    # Every claim that is left.
    before, after = claims_of(p), claims_of(q)
    if len(after) != len(q["claims"]) or not after or not set(after) <= set(before):
        return None
    structure = [(b["id"], b["operator"], b["nodes"], b["inputs"], b["method"]["theorem"]) for b in p["blocks"]] == [
        (b["id"], b["operator"], b["nodes"], b["inputs"], b["method"]["theorem"]) for b in q["blocks"]] and p["constantNodes"] == q["constantNodes"]
    for a, b in zip(p["blocks"], q["blocks"]) if structure else ():
        # The upper end is that of the block alone; what a join claims is compared with its parts below.
        if len(b["inputs"]) == 1 and exact(b["upper"]) < exact(a["lower"]):
            return None
        if exact(b["lower"]) > exact(a["upper"]):
            return None
    for b in q["blocks"]:
        if exact(b["upper"]) < 0 or not outward(b["upper"], True) or not outward(b["lower"], False):
            return None
    whole = composed(q)
    if whole is None:
        return None
    reasons = []
    # A mutated network has no original claims to compare with: its own slopes must lie below.
    truth = Fraction(forged.truth) * (1 - NEAR)
    upper = None
    if "global-lipschitz" in after:
        a, b = before["global-lipschitz"], after["global-lipschitz"]
        upper = exact(b["upper"])
        if a["formula"] != b["formula"] or not outward(b["upper"], True) or not outward(b["lower"], False):
            return None
        if upper < whole or upper < truth or not forged.mutant and upper < exact(a["lower"]):
            return None
        if not forged.mutant and exact(b["lower"]) > exact(a["upper"]):
            return None
        reasons.append("a weaker bound" if upper > exact(a["upper"]) else "the same bound" if upper == exact(a["upper"]) else "a bound within the slack")
    elif whole < truth:
        return None
    if "pair-lipschitz" in after:
        a, b = before["pair-lipschitz"], after["pair-lipschitz"]
        if a["classes"] != b["classes"] or a["formula"] != b["formula"] or len(a["upper"]["exact"]) != len(b["upper"]["exact"]):
            return None
        for x, y, decimal in zip(a["upper"]["exact"], b["upper"]["exact"], b["upper"]["decimal"], strict=True):
            if Fraction(decimal) < exact(y) or not forged.mutant and exact(y) < exact(x) * (1 - NEAR / 1000):
                return None
    if "sample-radii" in after:
        kind = "pair-lipschitz" if "pair-lipschitz" in before else "global-lipschitz"
        if forged.mutant or kind not in after:
            return None
        upper = after[kind]["upper"]
        constants = [exact(x) for x in (upper["exact"] if kind == "pair-lipschitz" else [upper["exact"]])]
        if not samples_explained(case, before["sample-radii"], after["sample-radii"], forged.records, case.records, constants):
            return None
        reasons.append("radii not larger")
    if forged.mutant:
        reasons.append("the changed network's slopes lie below")
    if not structure:
        reasons.append("another partition")
    if len(after) < len(before):
        reasons.append("claims left out")
    return ", ".join(reasons) or "claims about pairs alone"
