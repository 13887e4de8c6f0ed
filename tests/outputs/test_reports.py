"""The reports for machines: our JSON against formats/verdict.schema.json, JUnit against an XSD, SARIF's structure, Markdown, GitHub annotations and GitLab's
code quality; each with names that try to break out of it. None of them says less, or more, than the verdict."""

import json
import os
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as xml

import jsonschema

import support
from gate_support import GateCase, layer

HOSTILE = "]]><x>&\"' |`*[a](b)%0A,:@all ##[error]\x1b[31m\n::error::injected\n\u202e\ufffe"


def values(document):
    """All texts and numbers in a JSON document, without the names of its members."""
    if isinstance(document, (dict, list)):
        return [v for item in (document.values() if isinstance(document, dict) else document) for v in values(item)]
    return [document]


class Reports(GateCase):
    def setUp(self):
        super().setUp()
        schema = json.loads((support.ROOT / "formats" / "verdict.schema.json").read_text())
        self.validator = jsonschema.validators.validator_for(schema)
        self.validator.check_schema(schema)
        self.schema = schema

    def valid(self, document, part):
        schema = {**self.schema, "oneOf": [{"$ref": f"#/$defs/{part}"}]}
        return [f"{list(e.absolute_path)}: {e.message[:300]}" for e in self.validator(schema).iter_errors(document)]

    def mixed(self):
        """An accepted certificate, one in part, one of another model, one that is none, one that is missing; one of them has a hostile name."""
        self.models(a=1, b=2, c=3)
        data = self.write("b.csv", "".join(f"{i % 3 + 1},0,{i},{i % 2}\n" for i in range(5)))
        self.certify(self.folder / "models/b.onnx", self.folder / "key.pem", "--data", data, "--eps", "0.01", name="certificates/b.lipcert.sigstore.json")
        (self.folder / "models/c.onnx").write_bytes(layer(7))
        hostile = HOSTILE.replace("/", "")
        self.write(f"certificates/{hostile}.sigstore.json", json.dumps({"mediaType": HOSTILE}))
        return ["certificates", "nowhere.json", *self.trusted(), "--data", "b.csv", "--audit", "2"]

    def reports(self, *arguments, code, env=None):
        done = self.verify(*arguments, "--json=r.json", "--junit", "r.xml", "--sarif", "r.sarif", "--markdown", "r.md", "--codequality", "r.cq", code=code, env=env)
        read = lambda name: (self.folder / name).read_text(encoding="utf-8")
        return done, json.loads(read("r.json")), read("r.xml"), json.loads(read("r.sarif")), read("r.md"), json.loads(read("r.cq"))

    def test_every_report_of_a_mixed_run(self):
        arguments = self.mixed()
        _, gate, junit, sarif, markdown, quality = self.reports(*arguments, code=3)
        self.assertEqual(self.valid(gate, "gate"), [])
        self.assertEqual([j["verdict"] for j in gate["judgements"]], ["rejected", "accepted", "accepted in part", "rejected", "error"])
        self.assertEqual((gate["verdict"], gate["exitCode"]), ("error", 3))

        suites = xml.fromstring(junit)
        self.xsd(self.folder / "r.xml")
        kinds = []
        for suite, judgement in zip(suites, gate["judgements"]):
            inside = [child.tag for case in suite.iter("testcase") for child in case]
            kinds.append(inside)
            for tag, counter in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
                self.assertEqual(int(suite.get(counter)), inside.count(tag))
            self.assertEqual(int(suite.get("tests")), len(list(suite.iter("testcase"))))
            self.assertEqual(next(p.get("value") for p in suite.iter("property") if p.get("name") == "verdict"), judgement["verdict"])
        self.assertEqual(kinds, [["failure"], [], ["skipped"], ["failure"], ["error"]])

        self.sarif_is_well_formed(sarif)
        results = sarif["runs"][0]["results"]
        self.assertEqual([(r["ruleId"], r["level"]) for r in results],
                         [("rejected", "error"), ("accepted-in-part", "warning"), ("check-model-digest", "error"), ("input", "error")])
        self.assertEqual(results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "certificates/c.lipcert.sigstore.json")

        self.assertEqual([q["check_name"] for q in quality], [r["ruleId"] for r in results])
        self.assertEqual(len({q["fingerprint"] for q in quality}), 4)
        for item in quality:
            self.assertEqual(set(item), {"description", "check_name", "fingerprint", "severity", "location"})
            self.assertIn(item["severity"], ("info", "minor", "major", "critical", "blocker"))
            self.assertFalse(item["location"]["path"].startswith(("/", "./", "..")))

        rows = [line for line in markdown.splitlines() if line.startswith("| ") and "certificate" not in line.split("|")[2][:13]]
        self.assertEqual(len([line for line in markdown.splitlines() if line.startswith("| ")]), 6, markdown)
        self.assertTrue(markdown.startswith("### Lipschitz certificates: 1 accepted, 1 accepted in part, 2 rejected, 1 error\n"))
        for line in markdown.splitlines():
            if line.startswith("| "):
                self.assertEqual(len(re.findall(r"(?<!\\)\|", line)), 7, line)
        for raw in ("<x>", "](b)", "@all", "\x1b"):
            self.assertNotIn(raw, markdown)
        self.assertEqual(markdown.count("L at most"), 1)
        self.assertNotIn(" 3.", " ".join(r for r in rows if "c.lipcert" in r))  # nothing of what was rejected looks proved

    def test_under_a_policy(self):
        """Each demand is a case and, unmet, a finding; what holds without the policy does not look accepted where the policy wants more."""
        self.models(a=1, b=2)
        self.policy(lipschitz=[{"output": "all", "max": "3"}, {"output": "pairs", "max": "100"}], maximumAge="30d")
        arguments = ["certificates", "--model", "models", "--policy", "policy.json"]
        done, gate, junit, sarif, markdown, quality = self.reports(*arguments, code=1)
        self.assertEqual(self.valid(gate, "gate"), [])
        self.assertEqual(gate["policy"], {"file": "policy.json", "sha256": support.sha256((self.folder / "policy.json").read_bytes())})
        good, bad = gate["judgements"]
        self.assertEqual((good["verdict"], bad["verdict"], bad["report"]["recheck"]), ("accepted", "rejected", "holds"))
        self.assertNotIn("accepted", values(bad))  # no reader of any member takes a rejected judgement for another
        self.assertNotEqual(self.valid({**gate, "judgements": [good, {**bad, "report": {**bad["report"], "verdict": "accepted"}}]}, "gate"), [])
        self.assertEqual(good["signers"][0]["issuer"], "the issuer")
        self.assertEqual([r["pointer"] for r in bad["requirements"] if not r["met"]], ["/lipschitz/0/max"])
        self.assertTrue(next(r for r in bad["requirements"] if not r["met"])["remedy"])
        self.assertRegex(done.stdout, r"(?m)^    unmet   the policy's demand /lipschitz/0/max is not met: wanted .+; found .+; .+$")
        cases = [[(c.get("name"), [x.tag for x in c]) for c in s.iter("testcase")] for s in xml.fromstring(junit)]
        self.assertEqual([len(c) for c in cases], [1 + len(good["requirements"])] * 2)
        self.assertEqual([name for name, inside in cases[1] if inside], ["policy lipschitz /lipschitz/0/max"])
        self.assertEqual([name for name, inside in cases[0] if inside], [])
        self.xsd(self.folder / "r.xml")
        self.sarif_is_well_formed(sarif)
        self.assertEqual([r["ruleId"] for r in sarif["runs"][0]["results"]], ["policy-lipschitz"])
        self.assertEqual([q["check_name"] for q in quality], ["policy-lipschitz"])
        self.assertIn("| **rejected** | certificates/b", markdown)
        self.assertNotIn(" 4.0", markdown.split("What to do")[0])
        # Of a certificate that does not hold, that is said, and no demand beside it; an unmet demand is said once.
        self.assertEqual(done.stdout.count("is not met"), 1)
        (self.folder / "models/b.onnx").write_bytes(layer(7))
        done, _, _, sarif, markdown, quality = self.reports("certificates/b.lipcert.sigstore.json", "--model", "models/b.onnx", "--policy", "policy.json", code=1)
        self.assertEqual(done.stdout.count("is not met"), 0, done.stdout)
        self.assertEqual(([r["ruleId"] for r in sarif["runs"][0]["results"]], len(quality), markdown.count("\n* ")), (["check-model-digest"], 1, 1))
        # A policy that cannot be read leaves every certificate without a verdict, and every report says so.
        self.write("policy.json", "{")
        _, gate, junit, sarif, _, quality = self.reports(*arguments, code=3)
        self.assertEqual([j["verdict"] for j in gate["judgements"]], ["error", "error"])
        self.assertEqual([r["ruleId"] for r in sarif["runs"][0]["results"]], ["input", "input"])
        self.assertEqual((junit.count("<error "), len(quality)), (2, 2))

    def test_several_signers(self):
        self.models(a=1)
        self.lipcert("keygen", "--out", self.folder / "second.pem")
        issuers = [{"name": n, "publicKey": (self.folder / f"{k}.pub.pem").read_text()} for n, k in (("first", "key"), ("second", "second"))]
        self.policy(issuers=issuers, threshold=2)
        arguments = ["certificates", "--model", "models", "--policy", "policy.json"]
        self.assertIn("/threshold", self.verify(*arguments, code=1).stderr)
        forged = support.forge(self.certificate("a"), support.payload_bytes(self.certificate("a")), self.folder / "second.pem", self.folder)
        forged.rename(self.folder / "certificates/a.second.sigstore.json")
        _, gate, *_ = self.reports(*arguments, code=0)
        self.assertEqual([sorted(s["issuer"] for s in j["signers"]) for j in gate["judgements"]], [["first", "second"]])
        self.assertEqual(len({s["bundle"] for s in gate["judgements"][0]["signers"]}), 2)

    def test_a_bundle_of_a_stranger_is_never_called_accepted(self):
        """Also where another bundle over the same payload, under a key of the policy, opens the gate."""
        self.models(a=1)
        self.lipcert("keygen", "--out", self.folder / "stranger.pem")
        self.policy()
        forged = support.forge(self.certificate("a"), support.payload_bytes(self.certificate("a")), self.folder / "stranger.pem", self.folder)
        forged.rename(self.folder / "certificates/0.stranger.sigstore.json")
        arguments = ["certificates", "--model", "models", "--policy", "policy.json"]
        done, gate, junit, _, markdown, _ = self.reports(*arguments, code=0)
        named = [j["certificate"] for j in gate["judgements"] if j["verdict"] == "accepted"]
        self.assertEqual(named, ["certificates/a.lipcert.sigstore.json"])
        for text in (done.stdout, junit, markdown):
            for line in text.splitlines():
                self.assertFalse("stranger" in line and "accepted" in line, line)
        self.certificate("a").unlink()
        self.assertNotIn("accepted  certificates/0", self.verify(*arguments, code=1).stdout)

    def test_fingerprints_are_stable(self):
        arguments = self.mixed()
        first = self.reports(*arguments, code=3)
        (self.folder / "models/c.onnx").write_bytes(layer(8))  # the same fault with other numbers
        second = self.reports(*arguments, code=3)
        prints = lambda r: ([q["fingerprint"] for q in r[5]], [x["partialFingerprints"] for x in r[3]["runs"][0]["results"]])
        self.assertEqual(prints(first), prints(second))
        self.assertNotEqual([q["description"] for q in first[5]], [q["description"] for q in second[5]])

    def test_accepted_leaves_no_finding(self):
        self.models(a=1, b=2)
        done, gate, junit, sarif, markdown, quality = self.reports("certificates", *self.trusted(), code=0, env=support.environment(GITHUB_ACTIONS="true"))
        self.assertEqual(self.valid(gate, "gate"), [])
        self.assertEqual((sarif["runs"][0]["results"], sarif["runs"][0]["tool"]["driver"]["rules"], quality), ([], [], []))
        self.assertNotIn("::", done.stderr)
        self.assertNotIn("What to do", markdown)
        self.assertNotIn("<failure", junit)
        self.xsd(self.folder / "r.xml")
        one = json.loads(self.verify("certificates/a.lipcert.sigstore.json", *self.trusted(), "--json").stdout)
        self.assertEqual(self.valid(one, "report"), [])
        self.assertEqual([], list(self.validator(self.schema).iter_errors(one)))

    def test_the_schema_refuses_what_no_run_may_say(self):
        self.models(a=1, b=2)
        gate = json.loads(self.verify("certificates", *self.trusted(), "--json").stdout)
        self.assertEqual(self.valid(gate, "gate"), [])
        for change in ("gate['judgements'][0]['verdict'] = 'rejected'", "gate['judgements'][0]['report']['verdict'] = 'accepted in part'", "gate['exitCode'] = 1",
                       "gate['judgements'][0]['report']['checks'][0]['passed'] = False", "gate['judgements'][0]['report']['claimsNotRechecked'].append('sample-radii')",
                       "gate['judgements'] = []", "gate['judgements'][1]['extra'] = 1", "del gate['judgements'][1]['report']['checks']"):
            changed = {"gate": json.loads(json.dumps(gate))}
            exec(change, {}, changed)  # pylint: disable=exec-used
            self.assertNotEqual(self.valid(changed["gate"], "gate"), [], change)

    def test_annotations(self):
        arguments = self.mixed()
        self.assertNotIn("::error", self.verify(*arguments, code=3).stderr.replace("?::error", ""))  # nowhere but under GitHub Actions
        for value in ("false", "1", ""):
            self.assertNotRegex(self.verify(*arguments, code=3, env=support.environment(GITHUB_ACTIONS=value)).stderr, r"(?m)^::")
        done = self.verify(*arguments, code=3, env=support.environment(GITHUB_ACTIONS="true"))
        commands = re.findall(r"(?m)^\s*::.*$", done.stderr + done.stdout)
        self.assertEqual([re.match(r"::(error|warning) file=([^,:]*),title=([^,:]*)::", c).group(1) for c in commands], ["error", "warning", "error", "error"])
        self.assertIn("file=certificates/c.lipcert.sigstore.json,", commands[2])
        self.assertNotIn("##[", done.stderr + done.stdout)
        self.assertIn("%250A%2C%3A", commands[0])
        for kind in ("--json", "--junit=-", "--sarif=-", "--markdown=-", "--codequality=-"):
            plain = self.verify(*arguments, kind, "--time", "2027-01-01T00:00:00Z", code=3).stdout
            shown = self.verify(*arguments, kind, "--time", "2027-01-01T00:00:00Z", code=3, env=support.environment(GITHUB_ACTIONS="true")).stdout
            self.assertNotIn("##[", shown, kind)
            if kind in ("--json", "--codequality=-"):
                self.assertIn("##[", plain)
                self.assertEqual(json.dumps(json.loads(plain)).count("##["), json.dumps(json.loads(shown)).count("##["))

    def test_a_report_on_standard_output_is_alone_there(self):
        arguments = self.mixed()
        json.loads(self.verify(*arguments, "--sarif", "-", code=3).stdout)
        xml.fromstring(self.verify(*arguments, "--junit", "-", code=3, env=support.environment(GITHUB_ACTIONS="true")).stdout)

    def xsd(self, path):
        if not shutil.which("xmllint"):  # libxml2-utils; the structure is compared above in any case
            return
        done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", support.ROOT / "tests/outputs/junit.xsd", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sarif_is_well_formed(self, sarif):
        """What the SARIF 2.1.0 schema demands of the parts that we write; tests/presets/run sarif has Microsoft's validator read it."""
        self.assertEqual((sarif["version"], len(sarif["runs"])), ("2.1.0", 1))
        self.assertEqual(set(sarif), {"$schema", "version", "runs"})
        run = sarif["runs"][0]
        self.assertEqual(set(run), {"tool", "invocations", "columnKind", "results"})
        self.assertIn(run["columnKind"], ("unicodeCodePoints", "utf16CodeUnits"))
        rules = run["tool"]["driver"]["rules"]
        self.assertEqual([r["id"] for r in rules], sorted({r["id"] for r in rules}))
        for rule in rules:
            self.assertTrue(rule["shortDescription"]["text"].endswith("."))
            self.assertIn(rule["defaultConfiguration"]["level"], ("warning", "error"))
        for result in run["results"]:
            self.assertEqual(set(result), {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"})
            self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
            self.assertTrue(result["message"]["text"])
            where = result["locations"][0]["physicalLocation"]
            self.assertEqual(where["artifactLocation"]["uriBaseId"], "%SRCROOT%")
            self.assertRegex(where["artifactLocation"]["uri"], r"\A(?!/|\.\.?/)(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+\Z")
            self.assertEqual(where["region"], {"startLine": 1})


if __name__ == "__main__":
    unittest.main(verbosity=2)
