"""The Python module with a module of torch: one call from a network to a certificate. The exported file is the model, the module is left as it was, and
nothing is overwritten or left half-written.   module.py FOLDER (which export.py has written)"""

import fractions
import pathlib
import sys

import numpy
import torch

import lipcert
from lipcert import torch_layers as example

folder = pathlib.Path(sys.argv[1])
torch.manual_seed(3)
network = torch.nn.Sequential(example.convolution(1, 4), example.GroupSort2(), example.ScaledAveragePooling(), torch.nn.Flatten(), example.dense(784, 10))
images = numpy.load(folder / "test.npy")
with torch.no_grad():
    network(torch.from_numpy(images[:4].astype(numpy.float32) / 255))  # the power iteration of spectral normalisation takes its first steps
network.train()
keys = lipcert.keygen(folder / "module-key.pem")
out = folder / "module.lipcert.sigstore.json"
wrong = 0


def expect(condition, sentence):
    global wrong
    if not condition:
        wrong += 1
        print(f"presets: error: {sentence}.", file=sys.stderr)


certificate = lipcert.certify(network, torch.zeros(1, 1, 28, 28), key=keys.private, out=out, data=folder / "test.npy", labels=folder / "test.labels.npy", scale="1/255",
                              eps="36/255", limit=300, allow_low_accuracy=True)
expect(certificate.model == folder / "module.onnx" and certificate.model.is_file(), "the model is not beside its certificate")
expect(network.training and torch.nn.utils.parametrize.is_parametrized(network[0]), "certify has changed the module")
verdict = lipcert.verify(out, certificate.model, public_key=keys.public, data=folder / "test.npy", labels=folder / "test.labels.npy")
expect(verdict.accepted, f"the certificate is not accepted: {verdict.error}")
network.eval()
with torch.no_grad():
    logits = network(torch.from_numpy(images[:300].astype(numpy.float32) / 255))
right = int((logits.argmax(1) == torch.from_numpy(numpy.load(folder / "test.labels.npy")[:300])).sum())
expect(certificate.samples.correct == right, f"the certificate counts {certificate.samples.correct} right, torch {right}")
slopes = [float((logits[i] - logits[j]).double().norm() / torch.from_numpy((images[i].astype(float) - images[j]) / 255).norm()) for i in range(30) for j in range(i)]
expect(max(slopes) <= float(certificate.lipschitz), "two images are farther apart behind the network than the certificate allows")
expect(fractions.Fraction(str(certificate.lipschitz)) < 2, "the bound of a nearly 1-Lipschitz network is 2 or more")

before = certificate.model.read_bytes()
for settings, kind in (({"out": out}, FileExistsError), ({"out": folder / "other.json", "onnx": folder / "missing" / "model.onnx"}, OSError)):
    try:
        lipcert.certify(network, torch.zeros(1, 1, 28, 28), key=keys.private, **settings)
        expect(False, f"{kind.__name__} was expected")
    except kind:
        pass
expect(certificate.model.read_bytes() == before, "an exported model was replaced without being asked")
for example_input in (None, torch.zeros(2, 1, 28, 28)):
    try:
        lipcert.certify(network, example_input, key=keys.private, out=folder / "no.json")
        expect(False, "a batch of one was expected")
    except ValueError:
        pass


class Square(torch.nn.Module):
    def forward(self, x):
        return x * x


try:
    lipcert.certify(Square(), torch.zeros(1, 4), key=keys.private, out=folder / "square.json")
    expect(False, "a network without a constant was certified")
except lipcert.InputError as error:
    print(f"refused: {error}")
expect(not (folder / "square.json").exists() and not list(folder.glob(".*.tmp")), "something half-written is left")
print(f"module: L <= {certificate.lipschitz}, {certificate.samples.correct} of 300 right")
sys.exit(1 if wrong else 0)
