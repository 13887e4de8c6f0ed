"""What the proofs assume, and what was extracted, against the committed files. Uses the theories that the build has compiled."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROOFS = ROOT / "proofs"


def coqc(source, folder):
    """Compiles a copy of one file in `folder` and returns what it prints."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = shutil.copy(source, folder)
    done = subprocess.run([OPTIONS.coqc, "-q", "-R", OPTIONS.theories, "Lipcert", pathlib.Path(copy).name], cwd=folder,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


class Sources(unittest.TestCase):
    def golden(self, name):
        printed = coqc(PROOFS / "theories" / f"{name}.v", OPTIONS.work)
        self.assertEqual(printed, (PROOFS / "theories" / f"{name}.golden").read_text())
        return printed

    def test_main_theorems_assume_nothing(self):
        printed = self.golden("Assumptions")
        asked = (PROOFS / "theories" / "Assumptions.v").read_text().count("Print Assumptions")
        self.assertGreater(asked, 5)
        self.assertEqual(printed.splitlines(), ["Closed under the global context"] * asked)

    def test_what_speaks_about_real_numbers_assumes_their_axioms(self):
        printed = self.golden("AssumptionsReals")
        axioms = set(re.findall(r"^([\w.]+)\s*(?::|$)", printed, re.M)) - {"Axioms"}
        self.assertEqual(axioms, {"ClassicalDedekindReals.sig_not_dec", "ClassicalDedekindReals.sig_forall_dec",
                                  "FunctionalExtensionality.functional_extensionality_dep", "Classical_Prop.classic"})

    def test_extracted_files_are_the_committed_ones(self):
        coqc(PROOFS / "extract" / "Extract.v", OPTIONS.work)
        for name in ("core.ml", "core.mli"):
            self.assertEqual((OPTIONS.work / name).read_text(), (PROOFS / "ocaml" / name).read_text(),
                             f"{name} differs: run proofs/extract/Extract.v and commit what it writes")

    def test_nothing_is_admitted(self):
        files = sorted(PROOFS.rglob("*.v"))
        self.assertGreater(len(files), 15)
        for path in files:
            text = re.sub(r"\(\*.*?\*\)", "", path.read_text(), flags=re.S)
            found = re.findall(r"\b(Admitted|admit|Axiom|Parameter|Conjecture|Abort|give_up|Unset Guard Checking|bypass_check)\b", text)
            self.assertEqual(found, [], path)

    def test_what_runs_imports_no_mathcomp(self):
        files = sorted((PROOFS / "theories" / "exec").glob("*.v"))
        self.assertEqual(len(files), 5)
        for path in files:
            imports = re.findall(r"^(?:From\s+(\S+)\s+)?Require\s+Import\s+(.*)\.$", path.read_text(), re.M)
            self.assertTrue(imports, path)
            for source, names in imports:
                self.assertIn(source, ("Coq", "Lipcert"))
                if source == "Lipcert":
                    self.assertTrue(all(n.startswith("exec.") for n in names.split()), path)

    def test_every_theory_is_built(self):
        listed = {line for line in (PROOFS / "_CoqProject").read_text().split() if line.endswith(".v")}
        there = {str(p.relative_to(PROOFS)) for p in (PROOFS / "theories").rglob("*.v")} - {"theories/Assumptions.v", "theories/AssumptionsReals.v"}
        self.assertEqual(listed, there)
        cmake = (PROOFS / "CMakeLists.txt").read_text()
        self.assertEqual({f"theories/{n}.v" for n in re.findall(r"^coq_theory\((\S+?)[ )]", cmake, re.M)}, there)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--coqc", default="coqc")
    parser.add_argument("--theories", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    OPTIONS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])
