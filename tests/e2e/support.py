"""What the end-to-end tests share: running the two programs, writing small ONNX files, taking certificates apart, and signing with the
openssl command line (so that a test can be the forger who has a key). Uses Python's standard library only.

The programs come from the environment: LIPCERT, LIPVERIFY (paths) and LIPCERT_SANITIZED (1 when they are slowed down by sanitizers)."""

import atexit
import base64
import contextlib
import decimal
import fcntl
import hashlib
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIPCERT = os.environ["LIPCERT"]
LIPVERIFY = os.environ["LIPVERIFY"]
SANITIZED = os.environ.get("LIPCERT_SANITIZED") == "1"
DIGITS = ROOT / "examples" / "models" / "digits.onnx"
SKIPPED = 77  # ctest counts this exit code as skipped
PAYLOAD_TYPE = "application/vnd.in-toto+json"


def environment(**changes):
    """The environment of a program under test: nothing that the caller's shell happens to set for lipcert."""
    env = {k: v for k, v in os.environ.items() if k not in ("SOURCE_DATE_EPOCH", "LIPCERT_PASSPHRASE")}
    env.update({k: str(v) for k, v in changes.items()})
    return env


def run(program, *arguments, env=None, **more):
    return subprocess.run([str(program), *map(str, arguments)], env=env or environment(), capture_output=True, text=True, timeout=560, **more)


class Case(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="lipcert-e2e-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def lipcert(self, *arguments, code=0, **more):
        done = run(LIPCERT, *arguments, **more)
        self.assertEqual(done.returncode, code, f"lipcert {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done

    def lipverify(self, *arguments, code=0, **more):
        done = run(LIPVERIFY, *arguments, **more)
        self.assertEqual(done.returncode, code, f"lipverify {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
        return done

    def key(self, algorithm="p256", name="key"):
        self.lipcert("keygen", "--out", self.folder / f"{name}.pem", "--algorithm", algorithm)
        return self.folder / f"{name}.pem", self.folder / f"{name}.pub.pem"

    def certify(self, model, key, *options, name="cert.json", **more):
        """Certifies and returns (path, what --json printed). Radii of samples are global where nothing else is asked for (local ones: tests/samples/test_local.py)."""
        path = self.folder / name
        if "--data" in options and "--radii" not in options and not any(str(o).startswith("--radii=") for o in options):
            options += ("--radii", "global")
        done = self.lipcert("certify", model, "--key", key, "-o", path, "--json", *options, **more)
        return path, json.loads(done.stdout)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


def shared_folder():
    """A folder that all tests of a build tree share (LIPCERT_SHARED), or one of this test's own."""
    named = os.environ.get("LIPCERT_SHARED")
    if not named:
        named = os.environ["LIPCERT_SHARED"] = tempfile.mkdtemp(prefix="lipcert-shared-")
        atexit.register(shutil.rmtree, named, ignore_errors=True)
    folder = pathlib.Path(named)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(path):
    """One process at a time."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def content_digest(*paths):
    """Of contents and names."""
    whole = hashlib.sha256()
    for path in map(pathlib.Path, paths):
        whole.update(f"{path.name} {path.stat().st_size}\n".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def shared_key():
    """(secret, public): one key for all certificates that tests share."""
    folder = shared_folder()
    secret, public = folder / "key.pem", folder / "key.pub.pem"
    with locked(folder / "key.lock"):
        if not public.is_file():
            secret.unlink(missing_ok=True)
            done = run(LIPCERT, "keygen", "--out", secret, "--algorithm", "p256")
            assert done.returncode == 0, done.stderr
    return secret, public


class SharedCertificate:
    """What `lipcert certify MODEL OPTIONS --json` did with the shared key: code, stdout, stderr, and the certificate if there is one."""

    def __init__(self, folder):
        done = json.loads((folder / "done.json").read_text())
        self.returncode, self.stdout, self.stderr, self.seconds = done["code"], done["stdout"], done["stderr"], done["seconds"]
        self.path = folder / "certificate.json"
        self.printed = json.loads(self.stdout) if self.returncode == 0 else None


def shared_certificate(model, *options):
    """Certifies a network once for all tests of a build tree. The entry is found by what the result depends on: program, network with the data beside it,
    key and options; so a rebuilt program never meets the certificates of another one."""
    model = pathlib.Path(model)
    if "--data" in options and "--radii" not in options:
        options += ("--radii", "global")
    beside = model.with_name(model.name + ".data")
    secret, _ = shared_key()
    parts = content_digest(LIPCERT, secret, model, *([beside] if beside.exists() else [])), *map(str, options)
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    with locked(shared_folder() / f"{name}.lock"):
        entry = shared_folder() / name
        if not (entry / "done.json").is_file():
            shutil.rmtree(entry, ignore_errors=True)
            entry.mkdir()
            start = processor_seconds()
            done = run(LIPCERT, "certify", model, "--key", secret, "-o", entry / "certificate.json", "--no-recheck", "--json", *options)
            (entry / "done.tmp").write_text(json.dumps(
                {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "seconds": processor_seconds() - start}))
            (entry / "done.tmp").rename(entry / "done.json")
        return SharedCertificate(entry)


def processor_seconds():
    """Of all programs that this test has run so far: a clock that does not see what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])


# --- certificates ---------------------------------------------------------------------------------------------------------------------

def pae(payload):
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def payload_bytes(certificate):
    bundle = json.loads(pathlib.Path(certificate).read_bytes())
    return base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)


def statement(certificate):
    return json.loads(payload_bytes(certificate))


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


def openssl_verifies(certificate, public_key, algorithm, folder):
    """Checks a certificate's signature with the openssl command line alone."""
    bundle = json.loads(pathlib.Path(certificate).read_bytes())
    envelope = bundle["dsseEnvelope"]
    (folder / "pae").write_bytes(pae(base64.b64decode(envelope["payload"], validate=True)))
    (folder / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"], validate=True))
    if algorithm == "p256":
        done = openssl("dgst", "-sha256", "-verify", public_key, "-signature", folder / "sig", folder / "pae")
    else:
        done = openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public_key, "-sigfile", folder / "sig", "-in", folder / "pae")
    return done.returncode == 0


def forge(certificate, payload, key, folder):
    """The certificate's envelope around another payload (bytes, or an object), properly signed with a P-256 key by openssl."""
    if not isinstance(payload, bytes):
        payload = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    (folder / "forged.pae").write_bytes(pae(payload))
    done = openssl("dgst", "-sha256", "-sign", key, "-out", folder / "forged.sig", folder / "forged.pae")
    assert done.returncode == 0, done.stderr
    bundle = json.loads(pathlib.Path(certificate).read_bytes())
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode((folder / "forged.sig").read_bytes()).decode()
    path = folder / "forged.json"
    path.write_text(json.dumps(bundle))
    return path


def hex_float(value):
    """The exact form of a rigorous number: C99, with the shortest mantissa."""
    mantissa, exponent = value.hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


def decimal_text(value, up):
    """The decimal form of a rigorous number, rounded outward to 17 digits."""
    context = decimal.Context(prec=17, rounding=decimal.ROUND_CEILING if up else decimal.ROUND_FLOOR)
    return format(context.create_decimal_from_float(value), "f")


def rigorous(value, up):
    return {"exact": hex_float(value), "decimal": decimal_text(value, up)}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- ONNX files -----------------------------------------------------------------------------------------------------------------------
# Field numbers of onnx.proto3.

FLOAT = 1


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, content):
    """An integer field, or a length-delimited one (message, bytes, string)."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    if isinstance(content, str):
        content = content.encode()
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name, shape, values):
    raw = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}f", *values)
    return b"".join(field(1, d) for d in shape) + field(2, FLOAT) + field(8, name) + field(9, raw)


def external_tensor(name, shape, location):
    entry = field(1, "location") + field(2, location)
    return b"".join(field(1, d) for d in shape) + field(2, FLOAT) + field(8, name) + field(13, entry) + field(14, 1)


def attribute(name, value):
    if isinstance(value, float):
        return field(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + field(20, 1)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], float):
        return field(1, name) + field(7, struct.pack(f"<{len(value)}f", *value)) + field(20, 6)
    if isinstance(value, (list, tuple)):
        return field(1, name) + b"".join(field(8, v % 2 ** 64) for v in value) + field(20, 7)
    return field(1, name) + field(3, value % 2 ** 64) + field(20, 2)


def node(op, inputs, outputs, name="", **attributes):
    """`outputs`: one name, or a list of names."""
    outputs = [outputs] if isinstance(outputs, str) else outputs
    return (b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) + (field(3, name) if name else b"") + field(4, op)
            + b"".join(field(5, attribute(k, v)) for k, v in attributes.items()))


def value_info(name, shape):
    dims = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, dims)))


def graph(nodes, initialisers, inputs, outputs, version=8, opsets=((None, 13),)):
    """A whole file; inputs and outputs are (name, shape)."""
    body = (b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, i) for i in initialisers)
            + b"".join(field(11, value_info(*i)) for i in inputs) + b"".join(field(12, value_info(*o)) for o in outputs))
    imports = b"".join(field(8, (field(1, domain) if domain else b"") + field(2, opset)) for domain, opset in opsets)
    return field(1, version) + field(7, body) + imports


def model(nodes, initialisers, input_shape, output_shape, opset=13):
    """Input "x", output "y"."""
    graph = (b"".join(field(1, n) for n in nodes) + field(2, "test") + b"".join(field(5, i) for i in initialisers)
             + field(11, value_info("x", input_shape)) + field(12, value_info("y", output_shape)))
    return field(1, 8) + field(7, graph) + field(8, field(2, opset))


def dense(weights, activation="Relu"):
    """x -> W_k act(... act(W_1 x)): weights are lists of rows."""
    nodes, initialisers, at = [], [], "x"
    for k, weight in enumerate(weights):
        last = k + 1 == len(weights)
        out = "y" if last else f"h{k}"
        nodes.append(node("Gemm", [at, f"w{k}"], out, f"gemm{k}", transB=1))
        initialisers.append(tensor(f"w{k}", (len(weight), len(weight[0])), [v for row in weight for v in row]))
        at = out
        if not last:
            nodes.append(node(activation, [at], f"a{k}", f"act{k}"))
            at = f"a{k}"
    return model(nodes, initialisers, (1, len(weights[0][0])), (1, len(weights[-1])))


def initialisers_of(path):
    """Name -> (shape, floats) of the float32 initialisers of a file, by a reader of ten lines that shares nothing with the programs."""
    def fields(data):
        at = 0

        def number():
            nonlocal at
            out = shift = 0
            while True:
                byte = data[at]
                at += 1
                out |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return out
        while at < len(data):
            tag = number()
            if tag & 7 == 0:
                yield tag >> 3, number()
            elif tag & 7 == 5:
                yield tag >> 3, data[at:at + 4]
                at += 4
            else:
                size = number()
                yield tag >> 3, data[at:at + size]
                at += size
    out = {}
    graph = next(v for n, v in fields(pathlib.Path(path).read_bytes()) if n == 7)
    for number_, content in fields(graph):
        if number_ == 5:
            parts = list(fields(content))
            raw = next(v for n, v in parts if n == 9)
            name = next(v for n, v in parts if n == 8).decode()
            out[name] = ([v for n, v in parts if n == 1], list(struct.unpack(f"<{len(raw) // 4}f", raw)))
    return out
