"""Every --help shows an example, and every example works as it is typed, in the order in which a reader meets them; --version tells what runs."""

import os
import pathlib
import re
import subprocess
import sys

import support


class Help(support.Case):
    def examples(self, program, *arguments):
        text = (self.lipcert if program == support.LIPCERT else self.lipverify)(*arguments, "--help").stdout
        found = re.findall(r"^ +((?:[A-Z_]+=\S.*? )?lip(?:cert|verify) .+)$", text, re.M)
        self.assertTrue(found, text)
        return found

    def shell(self, line):
        """Runs a line as a reader would type it in the repository's root, with the programs on the path. An audit is an acceptance in part."""
        folders = {str(pathlib.Path(p).resolve().parent) for p in (support.LIPCERT, support.LIPVERIFY)}
        env = support.environment(PATH=os.pathsep.join([*sorted(folders), os.environ["PATH"]]))
        outcome = subprocess.run(["sh", "-c", line], cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)
        self.assertEqual(outcome.returncode, 5 if line.startswith("lipverify ") and "--audit" in line else 0, f"{line}\n{outcome.stdout}{outcome.stderr}")
        return outcome.stdout

    def setUp(self):
        super().setUp()
        (self.folder / "examples").symlink_to(support.ROOT / "examples")

    def test_readme(self):
        """The transcript's commands run and end as shown (last digits depend on the processor); so does the line that looks into a certificate."""
        text = (support.ROOT / "README.md").read_text()
        commands = re.findall(r"^\$ (lip.+)$", text, re.M)
        self.assertEqual([c.split()[0] for c in commands], ["lipcert", "lipcert", "lipcert", "lipverify"])
        printed = "".join(self.shell(command) for command in commands)
        for words in ("supported: every node can be bounded", "L            at most 0.99830", "class pairs  45 of 10 classes", "\naccepted  L <= 0.99830",
                      "samples      1000 (first 0), 0 undecided", "samples all 1000 rechecked"):
            self.assertIn(words, text)
            self.assertIn(words, printed)
        look = re.search(r"^ +(python3 -c .+)$", text, re.M).group(1)
        self.assertIn('"lipschitz-global"', self.shell(look.replace("CERT", "mnist.lipcert.sigstore.json").replace("python3", sys.executable)))

    def test_examples(self):
        lines = self.examples(support.LIPCERT)
        for command in ("keygen", "inspect", "certify", "merge", "attack", "report"):
            lines += self.examples(support.LIPCERT, command)
        lines += self.examples(support.LIPVERIFY)
        done = set()
        for line in lines:
            if line in done:  # the quick start has run it already: keygen would refuse to overwrite the key
                continue
            done.add(line)
            self.shell(line)
        self.assertGreaterEqual(len(done), 6)

    def test_version(self):
        wanted = re.search(r"project\(lipcert VERSION (\S+)", (support.ROOT / "CMakeLists.txt").read_text()).group(1)
        text = self.lipcert("--version").stdout
        self.assertTrue(text.startswith(f"lipcert {wanted}\n"), text)
        for name in ("commit", "openblas", "mpfr", "gmp", "openssl", "protobuf", "nlohmann_json", "cpu kernel"):
            self.assertRegex(text, rf"(?m)^{name} \S+")


if __name__ == "__main__":
    support.main()
