"""What the tests of faults share."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from support import *  # noqa: E402,F403

# A network of two inputs and two outputs, and samples for it: quick to certify.
SMALL = dense([[[1, -1], [-1, 1]]])


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.model = self.write("small.onnx", SMALL)
        self.data = self.write("small.csv", "".join(f"{k % 7},{(3 * k) % 5},{int(k % 7 < (3 * k) % 5)}\n" for k in range(6)))
        self.samples = ("--data", self.data, "--label-column", "-1", "--allow-low-accuracy")

    def listing(self):
        """Everything in the folder, with content and target: a test compares it before and after."""
        return {str(p.relative_to(self.folder)): os.readlink(p) if p.is_symlink() else p.read_bytes() if p.is_file() else None for p in self.folder.rglob("*")}
