"""Local radii on the networks and images of the best published L2 verifier (LIPCERT_LOCAL_CORPUS): at least as many images right and certified as here, accepted by the checker in
whole, refuted by no attack; and never a radius below the global one.

SDP-CROWN (Chiu, Chen, Zhang, Zhang, ICML 2025) verifies 34 % on mnist_mlp with pixels in [0, 1]."""

import os
import unittest

from sample_support import *
from test_local import local_records

CORPUS = os.environ.get("LIPCERT_LOCAL_CORPUS")
# Network, data, radius, right and certified at least: globally, locally, with pixels in [0, 1].
NETWORKS = (("mnist_mlp", "mnist", "1", 31, 45, 49), ("mnist_convsmall", "mnist", "0.3", 76, 82, None),
            ("cifar10_cnn_a", "cifar10", "24/255", 40, 51, None), ("cifar10_cnn_c", "cifar10", "24/255", 37, 45, None))


class LocalCorpus(Case):
    def test_networks(self):
        private, public = self.key()
        for name, data, radius, globally, locally, in_range in NETWORKS:
            model = os.path.join(CORPUS, f"{name}.onnx")
            given = ["--data", os.path.join(CORPUS, f"{data}_100_images.npy"), "--labels", os.path.join(CORPUS, f"{data}_100_labels.npy")]
            path, out = self.certify(model, private, *given, "--eps", radius, "--radii", "local", name=name + ".json")
            eps = out["samples"]["eps"][0]
            print(f"{name}: right and certified at {radius}: {eps['global_correct']} globally, {eps['certified_correct']} locally, {out['seconds']:.1f} s")
            self.assertEqual(eps["global_correct"], globally)
            self.assertGreaterEqual(eps["certified_correct"], locally)
            done = self.lipverify(path, "--model", model, "--public-key", public, *given)
            self.assertTrue(done.stdout.startswith("accepted  "), done.stdout)
            self.assertTrue(all(len(r[6]) <= 100000 for r in local_records(path)))
            attack = json.loads(self.lipcert("attack", model, *given[:2], "--certificate", path, "--json").stdout)
            self.assertEqual(attack["refuted"], 0)
            if in_range:
                path, out = self.certify(model, private, *given, "--eps", radius, "--radii", "local", "--input-range", "0,1", name=name + "-range.json")
                print(f"{name}: with pixels in [0, 1]: {out['samples']['eps'][0]['certified_correct']}")
                self.assertGreaterEqual(out["samples"]["eps"][0]["certified_correct"], in_range)
                self.lipverify(path, "--model", model, "--public-key", public, *given)

    def test_radii(self):
        """Radii to 1 %, accepted in whole."""
        private, public = self.key()
        name, data = NETWORKS[0][:2]
        model = os.path.join(CORPUS, f"{name}.onnx")
        given = ["--data", os.path.join(CORPUS, f"{data}_100_images.npy"), "--labels", os.path.join(CORPUS, f"{data}_100_labels.npy"), "--limit", "50"]
        before, _ = self.certify(model, private, *given, "--radii", "global", name="before.json")
        path, out = self.certify(model, private, *given, "--radii", "local", name="after.json")
        pairs = [(old[4], new[4]) for old, new in zip(records(before), local_records(path))]
        self.assertTrue(all(new >= old for old, new in pairs))
        print(f"{name}: mean of local by global radii {sum(new / old for old, new in pairs) / len(pairs):.2f}, {out['seconds']:.1f} s")
        given = given[:4]
        self.lipverify(path, "--model", model, "--public-key", public, *given)


if __name__ == "__main__":
    if not CORPUS:
        sys.exit(SKIPPED)
    main()
