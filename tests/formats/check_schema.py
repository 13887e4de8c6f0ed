#!/usr/bin/python3
"""The JSON Schemas of formats/ against examples: tests/vectors/certificates/*.json are valid, each edit of edits.json stays so or does not.

Exits with 77, which ctest counts as skipped, where Debian's python3-jsonschema is missing.
"""
import json
import os
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from edits import edited  # noqa: E402


def load(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return json.load(file)


def main():
    wrong = 0
    validators = {}
    documents = {}
    for name, schema in (("statement", "certificate"), ("bundle", "bundle")):
        schema = load("formats", schema + ".schema.json")
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[name] = jsonschema.Draft202012Validator(schema)
        documents[name] = load("tests", "vectors", "certificates", name + ".json")
        for error in validators[name].iter_errors(documents[name]):
            print("%s.json: %s at %s" % (name, error.message, list(error.absolute_path)))
            wrong += 1
    edits = load("tests", "vectors", "certificates", "edits.json")
    for verdict in ("valid", "invalid"):
        for edit in edits[verdict]:
            valid = validators[edit["document"]].is_valid(edited(documents[edit["document"]], edit))
            if valid != (verdict == "valid"):
                print("%s: should be %s" % (edit["name"], verdict))
                wrong += 1
    print("%d valid and %d invalid examples, %d wrong" % (2 + len(edits["valid"]), len(edits["invalid"]), wrong))
    return 1 if wrong else 0


sys.exit(main())
