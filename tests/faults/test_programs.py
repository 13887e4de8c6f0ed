"""liptrain and lipproof: outputs that cannot be written, a limit on file sizes, a full disk and signals end in a sentence and an exit code, never in an abort;
nothing half-written stays, and what stood there is kept. lipproof is left out where it was not built, liptrain likewise."""

import signal
import time
import unittest

from faults_support import *
from test_cost import wide

LIPTRAIN, LIPPROOF = os.environ.get("LIPTRAIN", ""), os.environ.get("LIPPROOF", "")
DIGITS = ROOT / "examples" / "models" / "digits_test.csv"
WAYS = {">&-": True, "2>&-": False, "<&- >&- 2>&-": True, ">/dev/full": True, ">/dev/full 2>&1": True, "> >(exec true)": True}


def under(way, program, *arguments):
    """Runs a program with these outputs; a reader that is gone is gone for sure after a moment."""
    return subprocess.run(["bash", "-c", f"exec {way}; {'sleep 0.02; ' if '>(' in way else ''}exec \"$0\" \"$@\"", program, *map(str, arguments)], env=environment(),
                          capture_output=True, text=True, timeout=120)


@unittest.skipUnless(LIPPROOF, "lipproof was not built")
class Proof(Faults):
    def setUp(self):
        super().setUp()
        self.private, self.public = self.key()
        self.cert, _ = self.certify(self.model, self.private, "--no-recheck")

    def test_outputs(self):
        for way, broken in WAYS.items():
            for arguments, code in (((self.cert, "--model", self.model), 0), ((self.cert, "--model", self.model, "--quiet"), 0), (("--help",), 0),
                                    ((self.cert, "--model", self.data), 1), ((self.data, "--model", self.model), 1), ((), 2)):
                done = under(way, LIPPROOF, *arguments)
                self.assertIn(done.returncode, (4,) if broken and code == 0 else (code, 4), f"{way} {arguments}: {done.stderr}")

    def test_problem_is_written_whole(self):
        problem = self.write("problem.txt", "old")
        before = self.listing()
        for limit in (0, 100):
            done = run(LIPPROOF, self.cert, "--model", self.model, "--problem", problem, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))  # noqa: B023
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertRegex(done.stderr, r"\Alipproof: [^\n]+\.\n\Z")
            self.assertEqual(self.listing(), before)
        self.assertEqual(run(LIPPROOF, self.cert, "--model", self.model, "--problem", problem).returncode, 0)
        self.assertNotEqual(problem.read_text(), "old")

    def test_budget(self):
        """Shapes are counted before anything is converted."""
        cert, _ = self.certify(self.write("small.onnx", wide(8)), self.private, "--no-recheck", name="wide.json")
        big = self.write("big.onnx", wide(1 << 27))
        content = json.loads(payload_bytes(cert).decode())
        content["subject"][0]["digest"]["sha256"] = sha256(big.read_bytes())
        done = run(LIPPROOF, forge(cert, content, self.private, self.folder), "--model", big)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertRegex(done.stderr, r"\Alipproof: [^\n]*--max-(work|memory)[^\n]*\n\Z")
        self.assertEqual(run(LIPPROOF, self.cert, "--model", self.model, "--max-memory", "0").returncode, 2)


@unittest.skipUnless(LIPTRAIN, "liptrain was not built")
class Training(Faults):
    def arguments(self, name, epochs=1):
        return ("train", "--data", DIGITS, "--label-column", "-1", "--scale", "1/16", "--limit", "200", "--network", "dense 16, groupsort2, dense 10", "--epochs", str(epochs), "--seed", "1",
                "--out", self.folder / f"{name}.onnx", "--report", self.folder / f"{name}.json")

    def names(self):
        return sorted(p.name for p in self.folder.iterdir())

    def test_outputs(self):
        for way, broken in WAYS.items():
            for arguments, codes in ((self.arguments("a"), (0, 4)), (("--help",), (4,) if broken else (0,)), (("evaluate", "--help"), (4,) if broken else (0,)), (("nothing",), (2, 4)),
                                     (("evaluate", self.data), (2, 3, 4))):
                done = under(way, LIPTRAIN, *arguments)
                self.assertIn(done.returncode, codes, f"{way} {arguments}: {done.stderr}")
                for path in self.folder.iterdir():
                    self.assertFalse(path.name.startswith("."), path)

    def test_file_size_limit(self):
        run(LIPTRAIN, *self.arguments("a"))
        for name in ("a.onnx", "a.json"):
            self.write(name, "old")
        failed = 0
        for limit in (0, 50, 1000, 10 ** 7):
            before = self.listing()
            done = run(LIPTRAIN, *self.arguments("a"), "--force", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))  # noqa: B023
            if done.returncode != 0:
                failed += 1
                self.assertIn(done.returncode, (2, 3, 4), done.stderr)
                self.assertRegex(done.stderr.splitlines()[-1], r"\Aliptrain: error: .*\.\Z")
                after = self.listing()
                self.assertEqual({k: v for k, v in after.items() if "checkpoint" not in k}, before)
        self.assertGreaterEqual(failed, 2)

    def test_signals(self):
        ended = 0
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            for delay in (0.05, 0.3):
                process = subprocess.Popen([LIPTRAIN, *map(str, self.arguments("b", 20000))], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                time.sleep(delay)
                process.send_signal(number)
                process.communicate(timeout=60)
                ended += process.returncode != 0
                self.assertNotIn(-process.returncode, (signal.SIGABRT, signal.SIGSEGV))
                self.assertFalse((self.folder / "b.onnx").exists())
                self.assertFalse((self.folder / "b.json").exists())
                for name in self.names():
                    if number != signal.SIGKILL:
                        self.assertFalse(name.startswith("."), name)
                    if name.startswith(".") or "checkpoint" in name:
                        (self.folder / name).unlink()
        self.assertEqual(ended, 8)


if __name__ == "__main__":
    main()
