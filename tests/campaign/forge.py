"""What a forger with the key writes: one change, or a few that belong together, in a statement, in the records, in the network or in the text of the JSON itself.
Whatever follows from the change by a digest or a count is mended, so that nothing but the mathematics is left to refuse it."""

import copy
import hashlib
import json
import math
import re
import struct

import cases
import judge
from support import decimal_text, hex_float

NOBODY = 0xFFFFFFFF
OPERATORS = ["isometry", "scale", "dense", "linear", "convolution", "activation", "softmax", "pool-max", "pool-l2", "sort", "split", "sll", "add", "concat", "max-min"]
THEOREMS = ["isometry", "diagonal-max", "dense-gram-psd", "zero-operator", "diagonal-gram", "explicit-gram-psd", "conv-frequency-grid", "conv-bernstein", "conv-reshape",
            "elementwise-slope", "softmax-half", "max-overlap", "window-sum", "rearrangement", "slices", "sll-psd", "sum", "root-sum-squares", "disjoint-slices"]


class Forged:
    def __init__(self, kind, case):
        self.kind, self.case, self.model = kind, case, case.model
        self.statement = copy.deepcopy(case.statement)
        self.original = case.statement
        self.records, self.records_path, self.text = case.records, None, None
        self.truth, self.mutant = case.truth, False

    @property
    def predicate(self):
        return self.statement["predicate"]


# ------------------------------------------------------------------------------------------------------------------------------------- numbers


def other_value(value, numbers, pool):
    """A number near a rigorous one, or far from it."""
    x = float(value)
    way = numbers.randrange(9)
    if way == 0:
        return math.nextafter(x, numbers.choice([-math.inf, math.inf]))
    if way in (1, 2):
        return x * (1 - 2.0 ** -numbers.randrange(1, 53))
    if way == 3:
        return x * (1 + 2.0 ** -numbers.randrange(1, 53))
    if way == 4:
        return x * 2.0 ** numbers.choice([-1100, -500, -64, -2, -1, 1, 2, 64, 500, 1000])
    if way == 5:
        return numbers.choice([0.0, -x, 5e-324, 1.0, 1.7976931348623157e308, 0.5])
    if way == 6:
        return float(judge.exact(numbers.choice(pool)))
    if way == 7:
        return struct.unpack("<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", x))[0] ^ (1 << numbers.randrange(64))))[0]
    return x - (x - 1) * numbers.random()


def rigorous(value, up, numbers):
    """A rigorous number of a double, spelled as a fraction now and then."""
    text = hex_float(value)
    if numbers.random() < 0.1 and value == value and not math.isinf(value):
        part = judge.Fraction(value)
        text = f"{part.numerator}/{part.denominator}"
    return {"exact": text, "decimal": decimal_text(value, up)}


def places_of_numbers(predicate):
    """(object, key, up) of every rigorous number but those of the pairs."""
    out = []
    for holder in [*predicate["claims"], *predicate["blocks"]]:
        for key in ("upper", "lower"):
            if key in holder and isinstance(holder[key].get("exact"), str):
                out.append((holder, key, key == "upper"))
    for block in predicate["blocks"]:
        if "delta" in block["evidence"]:
            out.append((block["evidence"], "delta", True))
    return out


def number(f, numbers):
    places = places_of_numbers(f.predicate)
    holder, key, up = numbers.choice(places)
    value = other_value(judge.exact(holder[key]), numbers, [h[k] for h, k, _ in places])
    if value != value or math.isinf(value):
        return False
    holder[key] = rigorous(value, up, numbers)
    return True


def decimal(f, numbers):
    holder, key, _ = numbers.choice(places_of_numbers(f.predicate))
    text = holder[key]["decimal"]
    place = numbers.randrange(len(text))
    holder[key]["decimal"] = text[:place] + numbers.choice("0123456789.-e+ ") + text[place + numbers.randrange(2):]
    return True


def sharper(f, numbers):
    """One block, and everything that follows from it, by the same factor."""
    p = f.predicate
    block = numbers.choice(p["blocks"])
    factor = 1 - 2.0 ** -numbers.choice([1, 4, 10, 20, 28, 33, 36, 38, 40, 44, 48, 52])
    block["upper"] = rigorous(float(judge.exact(block["upper"])) * factor, True, numbers)
    if numbers.random() < 0.5:
        block["lower"] = rigorous(min(float(judge.exact(block["lower"])), float(judge.exact(block["upper"]))), False, numbers)
    for claim in p["claims"]:
        if claim["kind"] == "global-lipschitz":
            claim["upper"] = rigorous(float(judge.exact(claim["upper"])) * factor, True, numbers)
        elif claim["kind"] == "pair-lipschitz":
            values = [float(judge.exact(x)) * factor for x in claim["upper"]["exact"]]
            claim["upper"] = {"exact": [hex_float(v) for v in values], "decimal": [decimal_text(v, True) for v in values]}
    return True


def pairs(f, numbers):
    claim = judge.claims_of(f.predicate).get("pair-lipschitz")
    if claim is None:
        return False
    upper = claim["upper"]
    way = numbers.randrange(5)
    k = numbers.randrange(len(upper["exact"]))
    if way < 2:
        value = other_value(judge.exact(upper["exact"][k]), numbers, upper["exact"])
        if value != value or math.isinf(value):
            return False
        upper["exact"][k], upper["decimal"][k] = hex_float(value), decimal_text(value, True)
    elif way == 2:
        j = numbers.randrange(len(upper["exact"]))
        for name in ("exact", "decimal"):
            upper[name][j], upper[name][k] = upper[name][k], upper[name][j]
    elif way == 3:
        claim["evidence"]["theorem"] = "pair-sqrt2" if claim["evidence"]["theorem"] != "pair-sqrt2" else "pair-row-difference"
    else:
        claim["classes"] = numbers.choice([claim["classes"] - 1, claim["classes"] + 1, 2, 1024])
    return True


# ------------------------------------------------------------------------------------------------------------------------- evidence, structure


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, path + (key,))
    elif isinstance(value, list):
        for k, item in enumerate(value):
            yield from leaves(item, path + (k,))
    else:
        yield path


def at(value, path):
    for step in path:
        value = value[step]
    return value


def changed_leaf(value, numbers):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return numbers.choice([value + 1, value - 1, -value, 0, value * 2, value // 2, value + numbers.randrange(-70, 70), 2 ** 53 - 1, 2 ** 53, -2 ** 31])
    if value is None:
        return numbers.choice([0, "", "2020-01-01T00:00:00Z"])
    if re.fullmatch(r"-?[0-9]+", value):
        n = int(value)
        return str(numbers.choice([n + 1, n - 1, n * 2, n // 2, -n, 0, n - n // 2 ** numbers.randrange(1, 60), 2 ** 121, 2 ** 122, 2 ** 200]))
    if not value:
        return "x"
    place = numbers.randrange(len(value))
    return numbers.choice([value[:place] + chr(ord(value[place]) ^ (1 << numbers.randrange(7))) + value[place + 1:], value[:place], value + value[-1], value.upper(), "", value[1:]])


def evidence(f, numbers):
    """A leaf of a block's evidence, of a witness, of the point or the direction of the lower end."""
    holders = [b[name] for b in f.predicate["blocks"] for name in ("evidence", "lowerEvidence") if b[name]]
    holders += [c["lowerEvidence"] for c in f.predicate["claims"] if "lowerEvidence" in c]
    holder = numbers.choice(holders)
    path = numbers.choice(list(leaves(holder)))
    inside = at(holder, path[:-1])
    inside[path[-1]] = changed_leaf(inside[path[-1]], numbers)
    return True


def foreign_evidence(f, numbers):
    """The evidence, or the whole method, of another block."""
    a, b = numbers.choice(f.predicate["blocks"]), numbers.choice(f.predicate["blocks"])
    for name in numbers.choice([("evidence",), ("lowerEvidence",), ("evidence", "upper"), ("method", "evidence"), ("operator", "method", "evidence"), ("method", "evidence", "upper", "lower", "lowerEvidence")]):
        a[name] = copy.deepcopy(b[name])
    return a is not b


def kind_of_block(f, numbers):
    block = numbers.choice(f.predicate["blocks"])
    way = numbers.randrange(4)
    if way != 1:
        block["operator"] = numbers.choice(OPERATORS)
    if way != 0:
        block["method"]["theorem"] = numbers.choice(THEOREMS)
    if way == 3:
        block["evidence"], block["lowerEvidence"], block["lower"] = {}, {"theorem": numbers.choice(["zero", "attained"])}, rigorous(0.0, False, numbers)
    if numbers.random() < 0.5:
        block["upper"] = rigorous(numbers.choice([1.0, 0.5, 0.0, 2.0]), True, numbers)
    return True


def partition(f, numbers):
    p = f.predicate
    blocks = p["blocks"]
    way = numbers.randrange(8)
    i, j = numbers.randrange(len(blocks)), numbers.randrange(len(blocks))
    if way == 0:
        del blocks[i]
    elif way == 1:
        blocks.insert(j, copy.deepcopy(blocks[i]))
    elif way == 2:
        blocks[i], blocks[j] = blocks[j], blocks[i]
    elif way == 3 and i + 1 < len(blocks):  # two blocks as one, with the bound of one of them
        blocks[i + 1]["nodes"] = sorted(blocks[i]["nodes"] + blocks[i + 1]["nodes"])
        blocks[i + 1]["inputs"] = blocks[i]["inputs"]
        if numbers.random() < 0.5:
            blocks[i + 1].update({k: copy.deepcopy(blocks[i][k]) for k in ("operator", "method", "evidence", "upper", "lower", "lowerEvidence")})
        del blocks[i]
    elif way == 4:
        source = blocks[i]["nodes"]
        if not source:
            return False
        node = source.pop(numbers.randrange(len(source)))
        numbers.choice([blocks[j]["nodes"], p["constantNodes"], []]).append(node)
        for block in blocks:
            block["nodes"].sort()
        p["constantNodes"].sort()
    elif way == 5:
        names = ["", *(b["id"] for b in blocks), "nowhere"]
        inputs = blocks[i]["inputs"]
        if numbers.random() < 0.5 and inputs:
            inputs[numbers.randrange(len(inputs))] = numbers.choice(names)
        else:
            blocks[i]["inputs"] = [numbers.choice(names) for _ in range(numbers.randrange(4))]
    elif way == 6:
        blocks[i]["id"] = numbers.choice([blocks[j]["id"], "", "x", "nowhere"])
    else:
        p["constantNodes"] = numbers.choice([[], p["constantNodes"] + [0], [len(blocks)], p["constantNodes"][:-1]])
    return True


def members(f, numbers):
    """Any leaf at all; a member removed, doubled under another name, or of another type."""
    way = numbers.randrange(5)
    path = numbers.choice(list(leaves(f.statement)))
    inside = at(f.statement, path[:-1])
    if way < 2:
        inside[path[-1]] = changed_leaf(inside[path[-1]], numbers)
    elif way == 2:
        del inside[path[-1]]
    elif way == 3:
        inside[path[-1]] = numbers.choice([{}, [], None, True, 0, "", [inside[path[-1]]]])
    elif isinstance(inside, dict):
        inside[numbers.choice(["extra", str(path[-1]) + " ", "Upper", "theorem", "accepted"])] = inside[path[-1]]
    return True


def claims(f, numbers):
    p = f.predicate
    way = numbers.randrange(6)
    k = numbers.randrange(len(p["claims"]))
    if way == 0:
        del p["claims"][k]
    elif way == 1:
        p["claims"].append(copy.deepcopy(p["claims"][k]))
    elif way == 2:
        p["claims"][k]["kind"] = numbers.choice(["global-lipschitz", "pair-lipschitz", "sample-radii", "local-lipschitz"])
    elif way == 3:
        p["claims"][k]["formula"] = numbers.choice([c["formula"] for c in p["claims"]] + [p["claims"][k]["formula"].replace("L", "2 L"), ""])
    elif way == 4:
        p["claims"].reverse()
    else:
        p["claims"][k]["id"] = numbers.choice(["lipschitz-global", "lipschitz-pairs", "sample-radii", ""])
    return True


def frame(f, numbers):
    """What stands around the claims: the model's description, the sentences, the semantics, the times."""
    p = f.predicate
    part = numbers.choice(["model", "semantics", "notCovered", "assumptions", "issuance", "settings", "generator", "subject"])
    holder = f.statement if part == "subject" else p
    paths = list(leaves(holder[part]))
    if part in ("notCovered", "assumptions") and numbers.random() < 0.4:
        numbers.choice([holder[part].pop, holder[part].reverse, holder[part].clear])()
        return True
    if not paths:
        return False
    path = numbers.choice(paths)
    inside = at(holder[part], path[:-1])
    inside[path[-1]] = changed_leaf(inside[path[-1]], numbers)
    return True


# --------------------------------------------------------------------------------------------------------------- samples, networks, the JSON itself


def merkle(hashed):
    if len(hashed) == 1:
        return hashed[0]
    k = 1 << (len(hashed) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + merkle(hashed[:k]) + merkle(hashed[k:])).digest()


def counted(claim, content):
    """The claim with every digest and count that follows from these records."""
    leaves_ = [hashlib.sha256(b"\0" + content[k:k + 32]).digest() for k in range(0, len(content), 32)]
    digest = hashlib.sha256(content).hexdigest()
    claim["records"] = {"file": f"{digest}.lipcert.records", "bytes": len(content), "sha256": digest, "merkleRoot": merkle(leaves_).hex()}
    rows = list(struct.iter_unpack("<QIIdd", content))
    smallest = min(abs(judge.Fraction(s)) for s in claim["data"]["std"])
    unit = smallest if claim.get("epsUnit") == "scaled pixel" else 1
    claim["undecided"] = sum(r[1] == NOBODY for r in rows)
    claim["correct"] = sum(r[1] == r[2] != NOBODY for r in rows)
    for count in claim["counts"]:
        robust = [r for r in rows if not math.isnan(r[4]) and (math.isinf(r[4]) and r[4] > 0 or not math.isinf(r[4]) and judge.Fraction(r[4]) * unit > judge.Fraction(count["eps"]))]
        count["certified"], count["certifiedCorrect"] = len(robust), sum(r[1] == r[2] for r in robust)


def records(f, numbers):
    """One record or all, with everything mended that follows from them."""
    claim = judge.claims_of(f.predicate).get("sample-radii")
    if claim is None:
        return False
    rows = [list(r) for r in struct.iter_unpack("<QIIdd", f.records)]
    chosen = rows if numbers.random() < 0.2 else [numbers.choice(rows)]
    way = numbers.randrange(8)
    factor = numbers.choice([1 + 2.0 ** -numbers.randrange(1, 40), 2.0, 1e6, 1e300, 0.5])
    for row in chosen:
        if way < 2:
            row[4] *= factor
        elif way == 2:
            row[3], row[4] = row[3] * factor, row[4] * factor
        elif way == 3:
            row[1] = numbers.choice([0, 1, 2, NOBODY, 10])
        elif way == 4:
            row[2] = numbers.choice([0, 1, 2, row[1], NOBODY])
        elif way == 5:
            row[4] = numbers.choice([math.inf, -1.0, math.nan, 0.0])
        elif way == 6:
            row[3] = numbers.choice([math.inf, 0.0, row[3] * factor])
        else:
            row[0] = numbers.choice([0, 1, row[0] + 1])
    if way == 7 and numbers.random() < 0.5:
        numbers.shuffle(rows)
    f.records = b"".join(struct.pack("<QIIdd", *r) for r in rows)
    counted(claim, f.records)
    return True


def sample_claim(f, numbers):
    """A leaf of the claim about samples: units, eps, scaling, selection, counts."""
    claim = judge.claims_of(f.predicate).get("sample-radii")
    if claim is None:
        return False
    way = numbers.randrange(4)
    if way == 0:
        claim["epsUnit"] = "graph input" if claim.get("epsUnit") == "scaled pixel" else "scaled pixel"
        if numbers.random() < 0.5:
            tail = "; eps in scaled pixels (v * scale): certified where r_k min_c |std_c| > eps"
            claim["formula"] = claim["formula"].replace(tail, "") + (tail if claim["epsUnit"] == "scaled pixel" else "")
    elif way == 1:
        claim["data"][numbers.choice(["scale", "mean", "std"])] = numbers.choice(["1/2", ["1/3"], ["0"], ["0.25"], "2", ["-1/3"], "1", ["1"], ["2/6"]])
    else:
        path = numbers.choice(list(leaves(claim)))
        inside = at(claim, path[:-1])
        inside[path[-1]] = changed_leaf(inside[path[-1]], numbers)
        if isinstance(inside[path[-1]], str) and path[-1] == "eps":
            inside[path[-1]] = numbers.choice(["0", "1/100", "0.5", "3", "1e-3", "0.50"])
    if numbers.random() < 0.7:
        try:
            counted(claim, f.records)
        except (ValueError, ZeroDivisionError, KeyError, TypeError):
            return True
    return True


def network(f, numbers, checker, scratch, name):
    """One weight of the network is another one; the statement names the new file, its size and its graph."""
    if judge.claims_of(f.predicate).get("sample-radii"):
        return False
    m = copy.deepcopy(f.case.network)
    floats = [k for k, v in m.constants.items() if v.dtype == float]
    chosen = numbers.choice(floats)
    value = m.constants[chosen].copy().reshape(-1)
    k = numbers.randrange(value.size)
    value[k] = numbers.choice([value[k] * 2, value[k] * (1 + 2.0 ** -numbers.randrange(1, 20)), -value[k], 0, value[k] + 1, value[k] * 100, value[k] / 2])
    if "Sqrt" in [s[0] for s in m.steps] or "Resize" in [s[0] for s in m.steps]:
        value[k] = abs(value[k])
    value = value.reshape(m.constants[chosen].shape).astype("<f4")
    m.constants[chosen] = value.astype(float)
    position = int(chosen[1:])
    m.initialisers[position] = cases.support.tensor(chosen, value.shape, value.tobytes())
    content = m.bytes()
    path = scratch / f"{name}.{hashlib.sha256(content).hexdigest()[:16]}.onnx"
    path.write_bytes(content)
    f.model, f.mutant = path, True
    f.statement["subject"][0]["digest"]["sha256"] = hashlib.sha256(content).hexdigest()
    f.predicate["model"]["bytes"] = len(content)
    f.predicate["model"]["graphDigest"] = "0" * 64
    outcome, error = checker(json.dumps(f.statement, separators=(",", ":")), path, {})
    found = re.search(r"graph-digest.*the check finds ([0-9a-f]{64})", error)
    if outcome != 1 or not found:
        return True
    f.predicate["model"]["graphDigest"] = found.group(1)
    if numbers.random() < 0.3:  # sharper bounds too, where the weight became smaller
        sharper(f, numbers)
    f.original = copy.deepcopy(f.original)
    f.original["subject"], f.original["predicate"]["model"] = f.statement["subject"], f.predicate["model"]
    f.truth = cases.slopes(m, 1)
    return True


def text(f, numbers):
    """The JSON as text: spaces, doubled members, other spellings of numbers, bytes."""
    written = json.dumps(f.statement, separators=(",", ":"), ensure_ascii=False)
    way = numbers.randrange(6)
    place = numbers.randrange(len(written))
    if way == 0:
        written = written[:place] + numbers.choice([" ", "\n", "\t", "\u00a0", "\0", ","]) + written[place:]
    elif way == 1:
        found = numbers.choice(list(re.finditer(r'"[A-Za-z]+":', written)))
        written = written[:found.start()] + found.group(0) + numbers.choice(["0,", "null,", '"",', "[],"]) + written[found.start():]
    elif way == 2:
        found = numbers.choice(list(re.finditer(r"(?<=[:,\[])-?[0-9]+(?=[,\]}])", written)))
        written = written[:found.start()] + numbers.choice(["0" + found.group(0), found.group(0) + ".0", found.group(0) + "e0", "+" + found.group(0), "-0"]) + written[found.end():]
    elif way == 3:
        written = written[:place] + chr(ord(written[place]) ^ (1 << numbers.randrange(7))) + written[place + 1:]
    elif way == 4:
        written = numbers.choice([written[:place], written + "x", written + " ", "\ufeff" + written, written + written])
    else:
        found = numbers.choice(list(re.finditer(r'"[^"\\]+"', written)))
        inner = found.group(0)[1:-1]
        written = written[:found.start()] + '"' + "".join(f"\\u{ord(c):04x}" for c in inner) + '"' + written[found.end():]
    f.text = written
    return True


CHANGES = [(number, 14), (decimal, 3), (sharper, 12), (pairs, 6), (evidence, 14), (foreign_evidence, 4), (kind_of_block, 6), (partition, 9), (members, 8), (claims, 3), (frame, 5),
           (records, 8), (sample_claim, 6), (network, 4), (text, 5)]
KINDS = [change.__name__ for change, _ in CHANGES]


def forge(case, numbers, checker, scratch, name):
    """A forgery of the case, or None where this change does not apply to it."""
    change = numbers.choices([c for c, _ in CHANGES], [w for _, w in CHANGES])[0]
    f = Forged(change.__name__, case)
    try:
        applied = change(f, numbers, checker, scratch, name) if change is network else change(f, numbers)
    except OverflowError:  # a number beyond binary64 has no spelling
        return None
    if not applied:
        return None
    if f.text is None:
        f.text = json.dumps(f.statement, separators=(",", ":"), ensure_ascii=False)
    if f.records is not None:
        f.records_path = scratch / f"{name}.{hashlib.sha256(f.records).hexdigest()}"
        if not f.records_path.exists():
            f.records_path.write_bytes(f.records)
    return f
