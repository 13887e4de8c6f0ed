"""Every --help shows an example, and every example works as it is typed, in the order in which a reader meets them; --version tells what runs."""

import os
import pathlib
import re
import subprocess

import support


class Help(support.Case):
    def examples(self, program, *arguments):
        text = (self.lipcert if program == support.LIPCERT else self.lipverify)(*arguments, "--help").stdout
        found = re.findall(r"^ +((?:[A-Z_]+=\S.*? )?lip(?:cert|verify) .+)$", text, re.M)
        self.assertTrue(found, text)
        return found

    def test_examples(self):
        (self.folder / "examples").symlink_to(support.ROOT / "examples")
        folders = {str(pathlib.Path(p).resolve().parent) for p in (support.LIPCERT, support.LIPVERIFY)}
        env = support.environment(PATH=os.pathsep.join([*sorted(folders), os.environ["PATH"]]))
        lines = self.examples(support.LIPCERT)
        for command in ("keygen", "inspect", "certify"):
            lines += self.examples(support.LIPCERT, command)
        lines += self.examples(support.LIPVERIFY)
        done = set()
        for line in lines:
            if line in done:  # the quick start has run it already: keygen would refuse to overwrite the key
                continue
            done.add(line)
            outcome = subprocess.run(["sh", "-c", line], cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)
            self.assertEqual(outcome.returncode, 0, f"{line}\n{outcome.stdout}{outcome.stderr}")
        self.assertGreaterEqual(len(done), 6)

    def test_version(self):
        wanted = re.search(r"project\(lipcert VERSION (\S+)", (support.ROOT / "CMakeLists.txt").read_text()).group(1)
        text = self.lipcert("--version").stdout
        self.assertTrue(text.startswith(f"lipcert {wanted}\n"), text)
        for name in ("commit", "openblas", "mpfr", "gmp", "openssl", "protobuf", "nlohmann_json", "cpu kernel"):
            self.assertRegex(text, rf"(?m)^{name} \S+")


if __name__ == "__main__":
    support.main()
