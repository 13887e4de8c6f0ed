"""Public networks with their data: accuracies that others measured, the verdicts of the Dafny-verified certifier for each of 10 000 images, and an
attack that flips no certified sample inside its radius.

Needs LIPCERT_CORPUS and LIPCERT_DATASETS (see tests/CMakeLists.txt). LIPCERT_ATTACK_LIMIT is the number of samples per network that are attacked (default 128;
all: 0)."""

import os
import resource
import unittest

from sample_support import *

CORPUS = os.environ.get("LIPCERT_CORPUS")
DATASETS = os.environ.get("LIPCERT_DATASETS")
LIMIT = int(os.environ.get("LIPCERT_ATTACK_LIMIT", "8" if SANITIZED else "128"))

MNIST = ("mnist/t10k-images-idx3-ubyte.gz", "--labels", "mnist/t10k-labels-idx1-ubyte.gz", "--scale", "1/255")
# Network, data, number of samples, correct ones (public/INDEX.tsv: measured with a float32 runtime, so one or two samples may differ).
NETWORKS = [
    ("converted/gloro_mnist_8x128.f64.onnx", MNIST, 10000, 9840),
    ("converted/gloro_mnist_8x128.f32.onnx", MNIST, 10000, 9840),
    ("public/mnist-net_256x2.onnx", MNIST, 10000, 9808),
    ("public/mnist2x10.onnx", MNIST, 10000, 9226),
    ("public/mnist5x20_leaky_relu.onnx", MNIST, 10000, 9451),
    ("public/mnist-point.onnx", MNIST + ("--layout", "NCWH"), 10000, 9817),
    ("public/ffnnSIGMOID__Point_6x200.onnx", MNIST + ("--limit", "500"), 500, None),
    ("converted/vcr_neural_network_3.f64.onnx", MNIST, 10000, None),
] + [(f"converted/fnn{n}_seed{s}.onnx", ("small/digits.csv", "--label-column", "-1", "--scale", "1/16"), 1797, None) for n in (2, 3) for s in range(6)]


@unittest.skipUnless(CORPUS and DATASETS, "LIPCERT_CORPUS and LIPCERT_DATASETS are not set")
class Corpus(Case):
    def certify_network(self, network, data, *options):
        arguments = [os.path.join(DATASETS, a) if a.endswith((".gz", ".csv")) else a for a in data]
        path, out = self.certify(os.path.join(CORPUS, network), self.private, "--data", *arguments, *options)
        return path, out, arguments

    def setUp(self):
        super().setUp()
        self.private, self.public = self.key()

    def test_gloro_verdicts(self):
        def processor():
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime

        start = processor()
        path, out, _ = self.certify_network(NETWORKS[0][0], MNIST, "--eps", "0.3")
        seconds = processor() - start
        claim, all_records = check_counts(self, path)
        self.assertGreaterEqual(claim["counts"][0]["certified"], 9574)
        self.assertGreaterEqual(claim["counts"][0]["certifiedCorrect"], 9540)
        if not SANITIZED:
            self.assertLess(seconds, 40)  # of processor time: 20 s on two cores, whatever else the machine does
        differences = []
        with open(os.path.join(CORPUS, "converted/PUBLISHED_gloro_mnist_verdicts.tsv")) as lines:
            next(lines)
            for line, (index, predicted, label, margin, radius) in zip(lines, all_records, strict=True):
                theirs = line.rstrip("\n").split("\t")
                self.assertEqual((int(theirs[0]), int(theirs[1])), (index, label))
                outputs = [Fraction(v) for v in theirs[4].split(",")]
                self.assertEqual(outputs.index(max(outputs)), predicted)
                first, second = sorted(outputs)[-1], sorted(outputs)[-2]
                self.assertLess(abs(Fraction(margin) - (first - second)), Fraction(1, 100))  # theirs are computed with float32 and five decimals
                if (theirs[2] == "1") != (Fraction(radius) > Fraction(3, 10)):
                    differences.append((index, theirs[2], radius))
        print(f"gloro: {claim['counts'][0]}, {seconds:.1f} s, differences {differences}")
        self.assertEqual([d for d in differences if d[1] == "1"], [], "certified by the verified certifier and not by us")

    def test_transposed_pixels(self):
        done = self.lipcert("certify", os.path.join(CORPUS, "public/mnist-point.onnx"), "--key", self.private, "-o", self.folder / "t.json", "--data",
                            os.path.join(DATASETS, MNIST[0]), "--labels", os.path.join(DATASETS, MNIST[2]), "--scale", "1/255", "--limit", "1000", code=3)
        self.assertIn("--layout NCWH", done.stderr)

    def test_attack(self):
        for network, data, total, correct in NETWORKS:
            with self.subTest(network):
                path, out, arguments = self.certify_network(network, data, "--eps", "0.01,0.1,0.3")
                self.assertEqual(out["samples"]["total"], total)
                if correct is not None:
                    self.assertLessEqual(abs(out["samples"]["correct"] - correct), 2)
                options = ["--limit", LIMIT] if LIMIT else []
                done = self.lipcert("attack", os.path.join(CORPUS, network), "--data", arguments[0], "--certificate", path, "--json", *options)
                found = json.loads(done.stdout)
                self.assertEqual(found["refuted"], 0)
                self.assertLess(found["largestRatio"], 1)
                print(f"{network}: {out['samples']['correct']} of {total} correct, robust {[e['certified'] for e in out['samples']['eps']]}, "
                      f"{out['seconds']:.1f} s; attack {found['attacked']} in {found['seconds']:.1f} s, ratio {found['medianRatio']:.4f} "
                      f"to {found['largestRatio']:.4f}", flush=True)


if __name__ == "__main__":
    if not (CORPUS and DATASETS):
        sys.exit(SKIPPED)
    main()
