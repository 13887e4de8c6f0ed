# %% [markdown]
# # A certificate, step by step
#
# Runs as a script (`python3 notebook.py [FOLDER]`), or cell by cell in an editor that knows `# %%`. FOLDER has `digits.onnx` and `digits_test.csv`: the shipped
# models, in `examples/models` of the repository, or with the Debian package in `/usr/share/doc/lipverify/examples/models`.

# %%
import fractions
import pathlib
import sys
import tempfile

import lipcert

folders = [pathlib.Path(sys.argv[1])] if len(sys.argv) > 1 else [pathlib.Path(__file__).resolve().parents[1] / "models",
                                                                 pathlib.Path("/usr/share/doc/lipverify/examples/models")]
models = next(folder for folder in folders if (folder / "digits.onnx").is_file())
work = pathlib.Path(tempfile.mkdtemp(prefix="lipcert-notebook-"))
model, data = models / "digits.onnx", models / "digits_test.csv"
print(lipcert.version("lipcert"), "and", lipcert.version("lipverify"))

# %% [markdown]
# What is in the model? False where a part of it cannot be bounded.

# %%
inspection = lipcert.inspect(model)
assert inspection, inspection.refused
print(f"{inspection.parameters} parameters, input {inspection.input.shape}, output {inspection.output.shape}")

# %% [markdown]
# A key, and a certificate with radii of 360 digits. Numbers are exact: write eps as a string or a Fraction, never as a float.

# %%
keys = lipcert.keygen(work / "key.pem")
certificate = lipcert.certify(model, key=keys.private, out=work / "digits.lipcert.sigstore.json", data=data, label_column=-1, eps=["1", "3/2", "3"])
print(f"L <= {certificate.lipschitz} and L >= {certificate.lipschitz_lower}; as floats, rounded outward: {float(certificate.lipschitz)}, {float(certificate.lipschitz_lower)}")
for count in certificate.samples.eps:
    print(f"eps {count.eps}: {count.certified_correct} of {certificate.samples.total} right and robust")
assert certificate.samples.certified_accuracy(fractions.Fraction(3, 2)) > fractions.Fraction(4, 5)

# %% [markdown]
# The other side: the checker recomputes everything, given the model, the data and the key that it trusts.

# %%
verdict = lipcert.verify(certificate.path, model, public_key=keys.public, data=data)
print(verdict.verdict)
for claim in verdict.claims:
    print(f"  {claim.id}: {claim.formula}")
assert verdict.accepted

# %% [markdown]
# An audit of 20 samples is an acceptance in part, which is not true: whoever wants all of it calls `require()`.

# %%
audit = lipcert.verify(certificate.path, model, public_key=keys.public, data=data, audit=20)
print(audit.verdict, "- not rechecked:", *audit.not_rechecked)
assert audit.accepted_in_part and not audit
try:
    audit.require()
except lipcert.NotAccepted as error:
    print("refused:", error)

# %% [markdown]
# Another key is not trusted, and a missing file is an exception with the program's sentence.

# %%
stranger = lipcert.keygen(work / "stranger.pem")
print(lipcert.verify(certificate.path, model, public_key=stranger.public, data=data).error)
try:
    lipcert.certify(work / "missing.onnx", key=keys.private, out=work / "no.lipcert.sigstore.json")
except lipcert.InputError as error:
    print(f"exit code {error.exit_code}: {error}")

# %% [markdown]
# How tight are the radii? The falsifier looks for inputs that change the decision; none may lie inside.

# %%
result = lipcert.attack(model, data=data, certificate=certificate.path, limit=100)
print(f"{result.flipped} of {result.attacked} flipped, the nearest at {result.smallest_flip:.4f} ({result.unit}); {result.refuted} radii refuted")
assert result.refuted == 0
