#!/usr/bin/python3
"""formats/policy.schema.json against tests/vectors/policies: policy.json is valid, each edit of edits.json stays so or does not. What the checker's own reader
says of the same edits, test_policy.cpp tests. Exits with 77, which ctest counts as skipped, where Debian's python3-jsonschema is missing.
"""
import json
import pathlib
import re
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from edits import edited  # noqa: E402


def main():
    schema = json.loads((ROOT / "formats" / "policy.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    folder = ROOT / "tests" / "vectors" / "policies"
    policy = json.loads((folder / "policy.json").read_text())
    edits = json.loads((folder / "edits.json").read_text())
    wrong = 0
    for error in validator.iter_errors(policy):
        print(f"policy.json: {error.message}")
        wrong += 1
    for edit in edits:
        if validator.is_valid(edited(policy, edit)) != edit["schema"]:
            print(f"the schema takes {json.dumps(edit)[:200]} for {'invalid' if edit['schema'] else 'valid'}")
            wrong += 1
        if edit["reader"] and not edit["schema"]:
            print(f"the reader would take what the schema refuses: {json.dumps(edit)[:200]}")
            wrong += 1
    # The page of the format shows whole policies: they follow the schema too.
    shown = re.findall(r"```json\n(.*?)```", (ROOT / "formats" / "policy.md").read_text(), re.S)
    for text in shown:
        document = json.loads(text)
        which = validator if "issuers" in document else validator.evolve(schema={"$ref": "#/$defs/revocationListPayload", "$defs": schema["$defs"]})
        for error in which.iter_errors(document):
            print(f"formats/policy.md: {error.message}")
            wrong += 1
    print(f"{len(edits)} edits, {len(shown)} examples of the page, {wrong} wrong")
    return 1 if wrong or len(edits) < 100 or len(shown) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
