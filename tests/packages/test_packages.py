"""The Debian packages: what each contains, what it depends on, and that they fit each other. Built from the finished tree, nothing is compiled."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support

BUILD = pathlib.Path(os.environ["LIPCERT_BUILD"])
GENERATOR_ONLY = r"openblas|blas|lapack|gfortran|protobuf|mpfr|gmp|python|perl"


def field(package, name):
    return subprocess.run(["dpkg-deb", "--field", package, name], capture_output=True, text=True, check=True).stdout.strip()


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="lipcert-packages-")
        cls.addClassCleanup(cls.holder.cleanup)
        cls.folder = pathlib.Path(cls.holder.name)
        done = subprocess.run(["cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip"],
                              cwd=cls.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.packages = {field(path, "Package"): path for path in cls.folder.glob("*.deb")}
        cls.root = cls.folder / "root"
        cls.files = {}
        for name, path in cls.packages.items():
            (cls.root / name).mkdir(parents=True)
            subprocess.run(["dpkg-deb", "--extract", path, cls.root / name], check=True)
            cls.files[name] = {str(file.relative_to(cls.root / name)) for file in (cls.root / name).rglob("*") if not file.is_dir() or file.is_symlink()}

    def depends(self, name):
        """Names that must be there, without versions."""
        return {re.split(r"[ (:]", part.strip())[0] for part in re.split(r"[,|]", field(self.packages[name], "Depends"))}

    def test_which(self):
        wanted = {"lipverify", "lipcert", "lipcert-dev", "python3-lipcert"}
        wanted |= {name for name in ("liptrain", "lipproof") if (BUILD / "pages" / f"{name}.bash").is_file()}
        self.assertEqual(set(self.packages), wanted)
        synopses = set()
        for name, path in self.packages.items():
            self.assertEqual(field(path, "Architecture") == "all", name == "python3-lipcert")
            self.assertRegex(field(path, "Version"), r"^\d+\.\d+\.\d+-1$")
            synopsis, *text = field(path, "Description").split("\n")
            self.assertTrue(text[-1].endswith("."), text)
            synopses.add(synopsis)
            self.assertTrue(20 < len(synopsis) < 80 and text and max(map(len, text)) < 90, field(path, "Description"))
            for file in ("copyright", "changelog.gz", "changelog.Debian.gz"):
                self.assertIn(f"usr/share/doc/{name}/{file}", self.files[name])
        self.assertEqual(len(synopses), len(self.packages))

    def test_checker_alone(self):
        """An auditor installs neither linear algebra nor Python."""
        names = self.depends("lipverify")
        self.assertLessEqual({"libc6", "libssl3", "zlib1g", "libstdc++6"}, names)
        self.assertFalse([name for name in names if re.search(GENERATOR_ONLY, name)], names)
        self.assertEqual(field(self.packages["lipverify"], "Recommends"), "")

    def test_generator(self):
        names = self.depends("lipcert")
        self.assertLessEqual({"lipverify", "libopenblas0", "libmpfr6", "libfmt9"}, names)
        self.assertIn(f"lipverify (= {field(self.packages['lipcert'], 'Version')})", field(self.packages["lipcert"], "Depends"))

    def test_files(self):
        for name in ("lipverify", "lipcert", "liptrain", "lipproof"):
            if name in self.packages:
                for file in (f"usr/bin/{name}", f"usr/share/man/man1/{name}.1.gz", f"usr/share/bash-completion/completions/{name}", f"usr/share/zsh/vendor-completions/_{name}"):
                    self.assertIn(file, self.files[name])
                listing = subprocess.run(["file", self.root / name / "usr/bin" / name], capture_output=True, text=True, check=False).stdout
                self.assertNotIn("not stripped", listing)
        self.assertIn("usr/share/man/man1/lipcert-certify.1.gz", self.files["lipcert"])
        if "lipproof" in self.packages:
            self.assertIn("usr/bin/lipproof-check", self.files["lipproof"])
        self.assertLessEqual({"usr/include/lipcert/certify/lipcert.hpp", "usr/include/lipcert/verifier/lipverify.hpp", "usr/lib/cmake/lipcert/lipcertConfig.cmake"},
                             self.files["lipcert-dev"])
        module = {file for file in self.files["python3-lipcert"] if file.startswith("usr/lib/python3/dist-packages/lipcert/")}
        sources = {f"usr/lib/python3/dist-packages/lipcert/{path.name}" for path in (support.ROOT / "certify/python/lipcert").iterdir() if path.suffix in (".py", ".typed")}
        self.assertEqual(module, sources)
        self.assertFalse((self.root / "python3-lipcert/usr/lib/python3/dist-packages/lipcert/torch_layers.py").is_symlink())

    def test_no_file_twice(self):
        owner = {}
        for name, files in self.files.items():
            for file in files:
                self.assertNotIn(file, owner, f"in {name} and {owner.get(file)}")
                owner[file] = name

    def test_unpacked_programs_run(self):
        """The shipped certificate is accepted by the packaged checker with the packaged examples; the packaged module finds the packaged programs."""
        together = self.folder / "together"
        for name in ("lipverify", "lipcert", "python3-lipcert"):
            shutil.copytree(self.root / name, together, symlinks=True, dirs_exist_ok=True)
        models = together / "usr/share/doc/lipcert/examples/models"
        self.assertTrue((models / "mnist.onnx").is_file())
        done = support.run(together / "usr/bin/lipverify", models / "mnist.lipcert.sigstore.json", "--model", models / "mnist.onnx", "--public-key", models / "mnist.pub.pem")
        self.assertEqual(done.returncode, 0, done.stderr)
        env = support.environment(PYTHONPATH=together / "usr/lib/python3/dist-packages", PATH="/usr/bin:/bin")
        env.pop("LIPCERT_BIN", None)
        done = support.run("/usr/bin/python3", "-B", "-c", "import lipcert; print(lipcert.find_program('lipcert'))", env=env)
        self.assertEqual(done.stdout.strip(), str(together / "usr/bin/lipcert"), done.stderr)

    def test_no_machine_path(self):
        """No package names the folder it was built in."""
        folder = str(BUILD).encode()
        for name, files in self.files.items():
            for file in files:
                path = self.root / name / file
                if path.is_file():
                    content = path.read_bytes()
                    self.assertNotIn(folder, gzip.decompress(content) if path.suffix == ".gz" else content, f"{name}: {file}")


if __name__ == "__main__":
    support.main()
