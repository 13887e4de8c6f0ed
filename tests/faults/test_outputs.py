"""Outputs that fail (closed, full, a pipe without reader, a full disk, a limit on file sizes), signals, and two writers: never an abort, nothing
half-written, nothing left behind, and what stood there stays."""

import random
import signal
import time

from faults_support import *


class Outputs(Faults):
    def setUp(self):
        super().setUp()
        self.private, self.public = self.key()
        self.old, _ = self.certify(self.model, self.private, *self.samples, name="old.json")
        self.shard = self.folder / "0.shard"
        self.lipcert("certify", self.model, "-o", self.shard, "--data", self.data, "--label-column", "-1", "--shard", "0/1")

    def commands(self):
        """(program, arguments, exit code, whether standard output is used); outputs go to names that do not exist yet."""
        new = lambda: self.folder / f"new{random.getrandbits(64):x}"  # noqa: E731
        check = ("--model", self.model, "--public-key", self.public)
        yield LIPCERT, ("--version",), 0, True
        yield LIPCERT, ("certify", "--help"), 0, True
        yield LIPCERT, ("nothing",), 2, False
        yield LIPCERT, ("inspect", self.model), 0, True
        yield LIPCERT, ("inspect", self.model, "--json"), 0, True
        yield LIPCERT, ("inspect", self.data), 3, False
        yield LIPCERT, ("keygen", "--out", new()), 0, True
        yield LIPCERT, ("certify", self.model, "--key", self.private, "-o", new(), *self.samples, "-v"), 0, True
        yield LIPCERT, ("certify", self.model, "--key", self.private, "-o", new(), *self.samples, "-v", "--json"), 0, True
        yield LIPCERT, ("certify", self.model, "-o", new(), "--data", self.data, "--label-column", "-1", "--shard", "0/1"), 0, True
        yield LIPCERT, ("merge", self.model, self.shard, "--key", self.private, "-o", new(), "--allow-low-accuracy"), 0, True
        yield LIPCERT, ("attack", self.model, "--data", self.data, "--label-column", "-1"), 0, True
        yield LIPVERIFY, ("--help",), 0, True
        yield LIPVERIFY, ("--nothing",), 2, False
        yield LIPVERIFY, (self.old, *check, "--data", self.data), 0, True
        yield LIPVERIFY, (self.old, *check, "--data", self.data, "--json"), 0, True
        yield LIPVERIFY, (self.old, *check, "--no-samples"), 5, True
        yield LIPVERIFY, (self.old, "--model", self.data, "--public-key", self.public, "--no-samples"), 1, True
        yield LIPVERIFY, (self.data, *check), 1, True

    def check_files(self):
        for path in self.folder.iterdir():
            self.assertFalse(path.name.startswith("."), path)
            if path.name.startswith("new") and path.read_bytes().startswith(b'{"mediaType"'):
                self.lipverify(path, "--model", self.model, "--public-key", self.public, "--data", self.data)

    def test_unwritable(self):
        ways = {">&-": True, "2>&-": False, ">&- 2>&-": True, "<&- >&- 2>&-": True, ">/dev/full": True, "2>/dev/full": False, ">/dev/full 2>&1": True,
                "> >(exec true)": True, "2> >(exec true)": False}
        for way, stdout_broken in ways.items():
            for program, arguments, code, prints in self.commands():
                pipe = ">(" in way  # the reader is gone for sure after a moment
                done = subprocess.run(["bash", "-c", f"exec {way}; {'sleep 0.02; ' if pipe else ''}exec \"$0\" \"$@\"", program, *map(str, arguments)], env=environment(),
                                      capture_output=True, text=True, timeout=60)
                wanted = (code, 4) if stdout_broken and prints and code in (1, 2, 3) else (4,) if stdout_broken and prints else (code,)
                self.assertIn(done.returncode, wanted, f"{way} {program} {arguments}: {done.stderr}")
                if stdout_broken and prints and wanted == (4,) and "2>" not in way:
                    self.assertRegex(done.stderr, "(?i)standard output cannot be written")
        self.check_files()

    def test_closed_descriptors_are_not_reused(self):
        """With standard error closed the certificate must not get its number, or messages would be written into it."""
        path = self.folder / "new.json"
        for way in ("2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            subprocess.run(["bash", "-c", f'exec {way}; exec "$0" "$@"', LIPCERT, "certify", self.model, "--key", self.private, "-o", path, *map(str, self.samples), "-v"], env=environment(),
                           stdout=subprocess.DEVNULL)
            self.assertEqual(payload_bytes(path)[:10], payload_bytes(self.old)[:10])
            json.loads(path.read_bytes())
            path.unlink()

    def test_file_size_limit(self):
        size = self.old.stat().st_size
        listing = self.listing()
        failed = 0
        for limit in (0, 1, 100, 191, 192, 1000, size - 1, size, 10 * size):
            for recheck in ((), ("--no-recheck",)):
                out = self.folder / "new.json"
                done = run(LIPCERT, "certify", self.model, "--key", self.private, "-o", out, *self.samples, "--eps", "0.25", "--requirement", "r" * 10, *recheck,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))  # noqa: B023
                if done.returncode != 0:
                    failed += 1
                    self.assertIn(done.returncode, (3, 4), done.stderr)
                    self.assertRegex(done.stderr, r"\Alipcert: error: [^\n]+\.\n\Z")
                    self.assertEqual(self.listing(), listing)
                else:
                    self.lipverify(out, "--model", self.model, "--public-key", self.public, "--data", self.data)
                    out.unlink()
        self.assertGreater(failed, 8)

    def test_full_disk(self):
        script = r'''
            mount -t tmpfs -o size="$1" none "$2" || exit 99
            cp "$3" "$2/old.json" || exit 98
            shift 3
            "$@" ; code=$?
            ls -A "$MOUNTED" | tr '\n' ' ' >&2
            cat "$MOUNTED/old.json"
            exit $code'''
        disk = self.folder / "disk"
        disk.mkdir()
        isolated = next((way for way in (["unshare", "-rm"], ["unshare", "-m"])
                         if subprocess.run([*way, "bash", "-c", 'mount -t tmpfs none "$0"', disk], capture_output=True).returncode == 0), None)
        if isolated is None:
            self.skipTest("no tmpfs can be mounted here")
        old = self.old.read_bytes()
        pages = -(-len(old) // 4096)
        codes = set()
        for size in range(pages, 2 * pages + 4):
            for out in ("old.json", "new.json"):
                arguments = [LIPCERT, "certify", self.model, "--key", self.private, "-o", disk / out, *self.samples, "--eps", "0.25", "--json"]
                done = subprocess.run([*isolated, "bash", "-c", script, "bash", f"{4 * size}k", disk, self.old, *map(str, arguments)], env=environment(MOUNTED=disk),
                                      capture_output=True, timeout=60)
                self.assertNotIn(done.returncode, (98, 99), done.stderr)
                left = done.stderr.decode().splitlines()[-1].split()
                codes.add(done.returncode)
                if done.returncode == 0:
                    self.assertEqual(len(left), 2 if out == "old.json" else 3, left)
                    self.assertTrue(any(name.endswith(".lipcert.records") for name in left))
                else:
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(b"cannot be written", done.stderr)
                    self.assertEqual(left, ["old.json"])  # no records, no temporary file
                    self.assertEqual(done.stdout, old)
        self.assertEqual(codes, {0, 3})

    def test_signals(self):
        slow = self.write("slow.csv", "".join(f"{k % 97},{k % 89}\n" for k in range(60000)))
        out = self.write("out.json", self.old.read_bytes())
        before = self.listing()
        shard = ("certify", self.model, "-o", self.folder / "1.shard", "--data", slow, "--shard", "0/1")
        certificate = ("certify", self.model, "--key", self.private, "-o", out, "--data", slow)
        ended = 0
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL):
            for arguments in (certificate, shard):
                for delay in (0.01, 0.04, 0.1, 0.2, 0.4):
                    process = subprocess.Popen([LIPCERT, *map(str, arguments)], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                    time.sleep(delay)
                    process.send_signal(number)
                    process.communicate(timeout=60)
                    if process.returncode == 0:
                        (self.folder / "1.shard").unlink(missing_ok=True)
                        before = self.listing()
                        continue
                    ended += 1
                    self.assertEqual(process.returncode, -number)
                    after = self.listing()
                    if number == signal.SIGKILL:  # a hidden name may stay, which the next run does not mind
                        for name in [name for name in after if name.startswith(".")]:
                            del after[name]
                            (self.folder / name).unlink()
                    if after.pop("1.shard", None) is not None:  # it was complete by then
                        self.assertIn("already done", self.lipcert(*shard).stdout)
                        (self.folder / "1.shard").unlink()
                    if after["out.json"] != before["out.json"]:
                        self.lipverify(out, "--model", self.model, "--public-key", self.public, "--data", slow)
                        before = self.listing()
                        continue
                    self.assertEqual(set(after), set(before), f"{number} after {delay}")
                    self.assertEqual(after, before)
        self.assertGreater(ended, 10)
        self.lipcert(*certificate)
        self.lipverify(out, "--model", self.model, "--public-key", self.public, "--data", slow)

    def test_two_writers(self):
        out = self.folder / "both.json"
        for _ in range(6):
            writers = [subprocess.Popen([LIPCERT, "certify", str(self.model), "--key", str(self.private), "-o", str(out), *map(str, self.samples), "--eps", eps], env=environment(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for eps in ("0.25", "0.5", "0.25")]
            for writer in writers:
                _, err = writer.communicate(timeout=60)
                self.assertEqual(writer.returncode, 0, err)
            self.lipverify(out, "--model", self.model, "--public-key", self.public, "--data", self.data)
        self.check_files()


if __name__ == "__main__":
    main()
