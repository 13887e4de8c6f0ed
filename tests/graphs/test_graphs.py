"""Random graphs against an evaluator of the tests' own: whatever `lipcert` certifies of them `lipverify` must accept, no slope that is found on the evaluator may be
above the certified constants (of the whole output and of each pair of outputs), and the evaluator must find the lower end along the certificate's own direction.

    test_graphs.py [--count N] [--seed S] [--jobs J]    N certified graphs from seed S on; what fails lies in the working folder, with its seed in its name
    test_graphs.py --only KIND SEED                     one graph again: KIND is node or network

A third of the graphs are single nodes with any attributes, sensible or not (nodes.py: many are refused, and counted as that), the others networks (networks.py)."""

import argparse
import base64
import contextlib
import json
import multiprocessing
import os
import pathlib
import sys
import tempfile
import warnings

import numpy

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # many small programs at a time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import networks  # noqa: E402
import nodes  # noqa: E402
import support  # noqa: E402
from slopes import Slopes  # noqa: E402

BUILD = {"node": nodes.build, "network": networks.build}


def vector(value):
    return numpy.frombuffer(base64.b64decode(value["int32"]), dtype="<i4").astype(numpy.longdouble) * numpy.longdouble(2) ** value["exponent"]


def judge(model, claims, seed):
    """Sentences about what the evaluator finds wrong in claims, the share of L that a slope reached, and the lower end, or 0 where it cannot be measured."""
    claims = {claim["kind"]: claim for claim in claims}
    whole = claims["global-lipschitz"]
    upper, lower = (float.fromhex(whole[end]["exact"]) for end in ("upper", "lower"))
    pairs = [float.fromhex(e) for e in claims["pair-lipschitz"]["upper"]["exact"]] if "pair-lipschitz" in claims else None
    slopes = Slopes(model, seed)
    said, reached = slopes.faults(upper, pairs)
    if lower > upper:
        said.append(f"the lower end {lower} is above the upper one {upper}")
    evidence, measured = whole["lowerEvidence"], True
    if evidence["theorem"] == "zero":
        if lower != 0:
            said.append(f"the lower end {lower} has no witness")
    else:
        found = slopes.along(vector(evidence["point"]), vector(evidence["direction"]), lower * (1 - 1e-6))
        if found is not None and not found >= lower * (1 - 1e-6):
            said.append(f"the lower end {lower} is not found along its direction: {found}")
        measured = found is not None
    return said, reached, lower if measured else 0.0


def examine(task):
    """(kind, seed, what became of it, sentence, share of L, whether a lower end was found, operators)."""
    kind, seed, secret, public = task
    warnings.simplefilter("ignore")  # overflow on the way is found at the end
    model = BUILD[kind](seed)
    content = model.bytes()
    operators = sorted({step[0] for step in model.steps})
    with tempfile.TemporaryDirectory(prefix="lipcert-graphs-") as name:
        folder = pathlib.Path(name)
        (folder / "model.onnx").write_bytes(content)
        certificate = folder / "certificate.json"
        made = support.run(support.LIPCERT, "certify", folder / "model.onnx", "--key", secret, "-o", certificate, "--no-recheck", "--threads", 1)
        if made.returncode == 3:
            return kind, seed, "refused", made.stderr.strip(), 0.0, False, operators
        if made.returncode != 0:
            said = [f"lipcert ends with {made.returncode}: {made.stderr.strip()}"]
        else:
            checked = support.run(support.LIPVERIFY, certificate, "--model", folder / "model.onnx", "--public-key", public, "--json", "--threads", 1)
            said = []
            if checked.returncode != 0 or json.loads(checked.stdout)["verdict"] != "accepted":
                said = [f"lipverify ends with {checked.returncode}: {checked.stderr.strip() or json.loads(checked.stdout).get('error')}"]
            try:
                wrong, reached, lower = judge(model, support.statement(certificate)["predicate"]["claims"], seed)
            except (ArithmeticError, KeyError, IndexError, TypeError, ValueError) as error:
                wrong, reached, lower = [f"the evaluator does not read what lipcert reads: {type(error).__name__}: {error}"], 0.0, 0.0
            said += wrong
        if said:
            kept = f"random_graph_{kind}_{seed}"
            pathlib.Path(f"{kept}.onnx").write_bytes(content)
            if certificate.exists():
                pathlib.Path(f"{kept}.json").write_bytes(certificate.read_bytes())
            return kind, seed, "wrong", f"{'; '.join(said)} ({kept}.onnx: {' '.join(operators)})", 0.0, False, operators
        return kind, seed, "certified", "", reached, lower > 0, operators


def notices(secret):
    """The judge can say no: for a network and for a single node, a constant that is a little too small, one pair alone, a lower end that is too large."""
    for kind in ("node", "network"):
        model = nodes.Nodes(1)
        if kind == "node":
            model.shape = (1, 4)
            model.add("Gemm", model.values(3, 4), transB=1)
        else:
            model = networks.Model((1, 4), 13, 5)
            model.add("Gemm", model.add("LeakyRelu", model.add("Gemm", "x", model.normal(4, 4), transB=1), alpha=1.0), model.normal(3, 4), transB=1)
        with tempfile.TemporaryDirectory(prefix="lipcert-graphs-") as name:
            path, certificate = pathlib.Path(name) / "model.onnx", pathlib.Path(name) / "certificate.json"
            path.write_bytes(model.bytes())
            made = support.run(support.LIPCERT, "certify", path, "--key", secret, "-o", certificate, "--no-recheck")
            assert made.returncode == 0, made.stderr
            claims = support.statement(certificate)["predicate"]["claims"]
        whole, pairs = claims
        assert judge(model, claims, 1)[0] == [], judge(model, claims, 1)[0]
        true, share = dict(whole), judge(model, claims, 1)[1]
        whole["upper"] = support.rigorous(float.fromhex(true["upper"]["exact"]) * share * 0.999, True)
        assert "above L" in " ".join(judge(model, claims, 1)[0]), f"{kind}: a constant that is too small is not noticed"
        whole.update(true)
        whole["lower"] = support.rigorous(float.fromhex(true["lower"]["exact"]) * 1.001, False)
        assert "along its direction" in " ".join(judge(model, claims, 1)[0]), f"{kind}: a lower end that is too large is not noticed"
        whole.update(true)
        pairs["upper"]["exact"] = [support.hex_float(float.fromhex(e) * (0.5 if k == 1 else 1)) for k, e in enumerate(pairs["upper"]["exact"])]
        assert "pair 1" in " ".join(judge(model, claims, 1)[0]), f"{kind}: a pair's constant that is too small is not noticed"


def tasks(seed, secret, public):
    while True:
        yield ("network" if seed % 3 else "node"), seed, secret, public
        seed += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lipcert-graphs-") as name, contextlib.ExitStack() as stack:
        secret, public = pathlib.Path(name) / "key.pem", pathlib.Path(name) / "key.pub.pem"
        made = support.run(support.LIPCERT, "keygen", "--out", secret)
        assert made.returncode == 0, made.stderr
        if given.only:
            done = examine((given.only[0], int(given.only[1]), secret, public))
            print(*done[2:4])
            return 1 if done[2] == "wrong" else 0
        notices(secret)
        pool = stack.enter_context(multiprocessing.Pool(given.jobs))
        counts, wrong, shares, lower, seen, reasons = {}, [], [], 0, {}, []
        at = tasks(given.seed, secret, public)
        while counts.get("certified", 0) + len(wrong) < given.count and sum(counts.values()) < 3 * given.count:
            batch = [next(at) for _ in range(min(400, max(8, given.count - counts.get("certified", 0))))]
            for kind, seed, fate, sentence, share, has_lower, operators in pool.imap(examine, batch, chunksize=2):
                counts[fate] = counts.get(fate, 0) + 1
                if fate == "wrong":
                    wrong.append(f"{kind} {seed}: {sentence}")
                    print(wrong[-1], flush=True)
                elif fate == "refused":
                    reasons.append(f"{kind} {seed}: {sentence}")
                else:
                    shares.append(share)
                    lower += has_lower
                    for operator in operators:
                        seen[operator] = seen.get(operator, 0) + 1
    certified = counts.get("certified", 0)
    print(f"{certified} graphs certified and accepted, {counts.get('refused', 0)} refused, {len(wrong)} wrong; {lower} with a lower end above 0 that was found; "
          f"in {sum(s > 0.99 for s in shares)} a slope reached 99 % of L, in {sum(s > 0.5 for s in shares)} half of it; operators: {dict(sorted(seen.items()))}")
    if os.environ.get("LIPCERT_GRAPHS_REASONS"):
        print(*reasons, sep="\n")
    if wrong:
        return 1
    # The drive drives: enough graphs are read, bounds are met, and lower ends are there.
    return 0 if certified >= given.count and sum(s > 0.99 for s in shares) > 0.2 * certified and lower > 0.7 * certified else 1


if __name__ == "__main__":
    sys.exit(main())
