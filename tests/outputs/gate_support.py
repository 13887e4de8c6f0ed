"""What the tests of the gate share: small models of one layer, certificates of them, and a policy. Uses tests/e2e/support.py."""

import json

import support

KEYWORDS = ("accepted", "accepted in part", "rejected", "error")


def layer(scale):
    """x -> scale * A x: 4 inputs, 3 outputs."""
    return support.dense([[[scale, 0, 0, 0], [0, 2 * scale, 0, 0], [0, 0, scale / 2, scale]]])


class GateCase(support.Case):
    """A folder with models/ and certificates/, of `names` with scales, and one key."""

    def models(self, **scales):
        for folder in ("models", "certificates"):
            (self.folder / folder).mkdir(exist_ok=True)
        if not (self.folder / "key.pem").exists():
            self.key()
        for name, scale in scales.items():
            model = self.write(f"models/{name}.onnx", layer(scale))
            self.certify(model, self.folder / "key.pem", "--no-recheck", name=f"certificates/{name}.lipcert.sigstore.json")

    def certificate(self, name):
        return self.folder / "certificates" / f"{name}.lipcert.sigstore.json"

    def verify(self, *arguments, code=0, **more):
        """In the test's folder, with names relative to it."""
        return self.lipverify(*arguments, code=code, cwd=self.folder, **more)

    def trusted(self):
        return ["--model", "models", "--public-key", "key.pub.pem"]

    def policy(self, name="policy.json", **changes):
        """What the certificate of the first model meets, with changes of its members; None removes one."""
        policy = {"formatVersion": 1, "issuers": [{"name": "the issuer", "publicKey": (self.folder / "key.pub.pem").read_text()}]}
        policy.update(changes)
        return self.write(name, json.dumps({k: v for k, v in policy.items() if v is not None}))


def verdicts(text):
    """(verdict, certificate) of each verdict line."""
    out = []
    for line in text.splitlines():
        parts = line.split("  ")
        if len(parts) > 2 and parts[0] in KEYWORDS:
            out.append((parts[0], parts[1]))
    return out
