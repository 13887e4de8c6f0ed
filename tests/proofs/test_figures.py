"""How long a proof takes, in processor time (the machine may be shared): the figures that proofs/README.md promises. Bounds that lipproof accepts
are the claimed ones exactly, so there is no gap to measure."""

import os
import pathlib
import random
import re
import resource
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import support  # noqa: E402

LIPPROOF = os.environ["LIPPROOF"]
TIME = os.environ["LIPPROOF_TIME"]
CORPUS = pathlib.Path(os.environ.get("LIPCERT_CORPUS") or "unset")


def processor_seconds(*command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = support.run(*command, env=support.environment(OPENBLAS_NUM_THREADS=1))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def dense_network(sizes):
    """Gaussian weights, ReLU between the layers."""
    generator = numpy.random.default_rng(1)
    nodes, initialisers, at = [], [], "x"
    for k, (columns, rows) in enumerate(zip(sizes, sizes[1:])):
        weight = (generator.standard_normal((rows, columns)) / columns ** 0.5).astype("<f4")
        bias = (0.1 * generator.standard_normal(rows)).astype("<f4")
        last = k + 2 == len(sizes)
        nodes.append(support.node("Gemm", [at, f"w{k}", f"b{k}"], "y" if last else f"h{k}", f"gemm{k}", transB=1))
        initialisers += [support.tensor(f"w{k}", weight.shape, weight.tobytes()), support.tensor(f"b{k}", bias.shape, bias.tobytes())]
        if not last:
            nodes.append(support.node("Relu", [f"h{k}"], f"a{k}", f"relu{k}"))
            at = f"a{k}"
    return support.model(nodes, initialisers, (1, sizes[0]), (1, sizes[-1]))


class Figures(support.Case):
    def proves(self, model, limit, sample_limit=20, samples=100):
        secret, _ = self.key()
        path, _ = self.certify(model, secret)
        problem = self.folder / "problem"
        done, seconds = processor_seconds(LIPPROOF, path, "--model", model, "-q", "--problem", problem)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        name = pathlib.Path(model).name
        print(f"{name}: proof {seconds:.2f} s")
        each = self.sample_milliseconds(problem.read_text(), samples)
        print(f"{name}: each of {samples} samples {each:.1f} ms")
        self.assertLess(seconds, limit)
        self.assertLess(each, sample_limit)

    def sample_milliseconds(self, text, count):
        """`count` random images, and a radius for each of them and every class, without the proof of the bounds (time_samples.ml)."""
        inputs = int(re.search(r"^input (\d+)", text, re.M).group(1))
        rng = random.Random(1)
        lines = "".join(f"point 0 255 {inputs} " + " ".join(str(rng.randrange(256)) for _ in range(inputs)) + "\n" for _ in range(count))
        claims = "".join(f"robust-class {k} {c} 0 1\n" for k in range(count) for c in range(10))
        changed = re.sub(r"\nclaims \d+\n.*\nend\n", f"\nclaims {10 * count}\n{claims}end\n", text.replace("points 0\n", f"points {count}\n{lines}"), flags=re.S)
        done = support.run(TIME, self.write("samples", changed))
        # Every image has exactly one strictly largest class.
        self.assertIn(f"{count} points, {count} claims of {10 * count} hold", done.stdout, done.stderr)
        return float(re.search(r"each point ([\d.]+) ms", done.stdout).group(1))

    def test_784_256_256_10(self):
        self.proves(self.write("784-256-256-10.onnx", dense_network([784, 256, 256, 10])), 3)

    def test_784_1024x4_10(self):
        # 30 s and 20 ms on a quiet core; a slow processor and a neighbour who shares its caches stretch processor time to twice that.
        self.proves(self.write("784-1024x4-10.onnx", dense_network([784, 1024, 1024, 1024, 1024, 10])), 60, sample_limit=40)

    def test_gloro_mnist(self):
        model = CORPUS / "converted" / "gloro_mnist_8x128.f32.onnx"
        if not model.is_file():
            self.skipTest("LIPCERT_CORPUS is not set")
        self.proves(model, 5)


if __name__ == "__main__":
    support.main()
