"""A convolution that is too large for an explicit matrix, through the two programs: bounded on a grid of frequencies, accepted, and refused after every
forgery of its evidence."""

import copy
import random
import sys

import support

CHANNELS, SIDE = 96, 16


def model():
    generator = random.Random(5)
    weights = [generator.gauss(0, 1) / 30 for _ in range(CHANNELS * CHANNELS * 9)]
    nodes = [support.node("Conv", ["x", "w"], "c", "conv", pads=[1, 1, 1, 1]), support.node("Relu", ["c"], "y", "relu")]
    shape = (1, CHANNELS, SIDE, SIDE)
    return support.model(nodes, [support.tensor("w", (CHANNELS, CHANNELS, 3, 3), weights)], shape, shape)


class FrequencyGrid(support.Case):
    def test_grid(self):
        secret, public = self.key()
        path = self.write("grid.onnx", model())
        certificate, printed = self.certify(path, secret)
        block = printed["blocks"][0]
        self.assertEqual((block["operator"], block["method"]), ("convolution", "conv-frequency-grid"))
        self.assertLess(float(block["bound"]) / float(block["lower"]), 1.02)
        self.lipverify(certificate, "--model", path, "--public-key", public)
        original = support.statement(certificate)

        def evidence(p):
            return p["blocks"][0]["evidence"]

        def nudge(p):
            value = float.fromhex(p["blocks"][0]["upper"]["exact"]) * (1 - 1e-6)
            p["blocks"][0]["upper"] = support.rigorous(value, up=True)

        def root(p):  # a C2 that is too small proves nothing
            evidence(p)["C2"] = str(int(evidence(p)["C2"]) * 99 // 100)

        def shorter(p):
            evidence(p)["grid"][0] = SIDE

        def circular(p):
            evidence(p)["axes"][1] = "circular"

        def coarse(p):
            evidence(p)["grid"] = [3, 3]
            p["blocks"][0]["method"]["theorem"] = "conv-bernstein"

        def explicit(p):
            p["blocks"][0]["operator"] = "linear"

        def side(p):  # the evidence of the other side does not fit
            evidence(p)["sA"] += 8
        for forge in (nudge, root, shorter, circular, coarse, explicit, side):
            with self.subTest(forge.__name__):
                statement = copy.deepcopy(original)
                forge(statement["predicate"])
                forged = support.forge(certificate, statement, secret, self.folder)
                self.lipverify(forged, "--model", path, "--public-key", public, code=1)
        # Without a change the forger's signature is accepted: the refusals above are about what was changed.
        self.lipverify(support.forge(certificate, original, secret, self.folder), "--model", path, "--public-key", public)


if __name__ == "__main__":
    if support.SANITIZED:
        print("minutes under sanitizers, and the units are tested there: skipped")
        sys.exit(support.SKIPPED)
    support.main()
