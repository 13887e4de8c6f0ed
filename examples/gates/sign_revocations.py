#!/usr/bin/python3
"""Makes and signs a list of revoked keys and certificates (formats/policy.md, section 4). Needs the openssl command line and nothing else.

    sign_revocations.py --key office.pem --days 30 -o revoked.sigstore.json --revoke-key SHA256:... --revoke-certificate CERT.json
    sign_revocations.py --key office.pem --days 30 -o revoked.sigstore.json --from revoked.sigstore.json        # the same list, for 30 days more

The key is a P-256 or Ed25519 private key in PEM, as `lipcert keygen` writes it; openssl asks for its passphrase where it has one. A certificate is named by its file
or by the SHA-256 of its payload.
"""
import argparse
import base64
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TYPE = "application/vnd.lipcert.revocation-list+json"


def stop(sentence):
    sys.exit(f"sign_revocations.py: {sentence}")


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        stop("openssl could not do its part (its message stands above); check the key")
    return done.stdout


def fingerprint(public_der):
    """As ssh-keygen prints it: the key in SSH's wire format, hashed."""
    def text(data):
        return len(data).to_bytes(4, "big") + data
    if len(public_der) == 44:  # SPKI of Ed25519: 12 bytes before the key
        wire = text(b"ssh-ed25519") + text(public_der[-32:])
    elif len(public_der) == 91:  # of P-256: the point stands in the last 65 bytes
        wire = text(b"ecdsa-sha2-nistp256") + text(b"nistp256") + text(public_der[-65:])
    else:
        stop("the key is neither P-256 nor Ed25519; make one with lipcert keygen")
    return "SHA256:" + base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")


def payload_of(path):
    try:
        return base64.b64decode(json.loads(pathlib.Path(path).read_bytes())["dsseEnvelope"]["payload"], validate=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        stop(f"'{path}' is no bundle that can be read ({error})")


def named_key(text):
    """A fingerprint as lipverify prints it; the gate refuses a list with any other text in its place."""
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", text):
        stop(f"'{text}' is no fingerprint of a key; give SHA256: and 43 characters of base64, as lipcert keygen and lipverify print it")
    return text


def named_certificate(text):
    """The SHA-256 of a payload, in small letters, from itself or from the file."""
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text) and not os.path.exists(text):
        return text.lower()
    return hashlib.sha256(payload_of(text)).hexdigest()


def old_list(path):
    """What an older list revokes."""
    try:
        old = json.loads(payload_of(path))
        return {kind: [text for text in old[kind] if isinstance(text, str) or stop(f"'{path}' is no list of revocations")] for kind in ("keys", "certificates")}
    except (ValueError, KeyError, TypeError):
        stop(f"'{path}' is no list of revocations; give one that this program has made")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", required=True, help="private key of the revocation issuer")
    parser.add_argument("--days", required=True, type=int, help="the list counts so many days; keep it short")
    parser.add_argument("-o", "--out", required=True, help="the list")
    parser.add_argument("--from", dest="old", help="take over what this list revokes (its signature is not checked here)")
    parser.add_argument("--revoke-key", action="append", default=[], metavar="SHA256:...")
    parser.add_argument("--revoke-certificate", action="append", default=[], metavar="FILE|DIGEST")
    arguments = parser.parse_args()
    if not 1 <= arguments.days <= 3660:
        stop("--days is from 1 to 3660")
    old = old_list(arguments.old) if arguments.old else {"keys": [], "certificates": []}
    keys = [named_key(text) for text in [*old["keys"], *arguments.revoke_key]]
    certificates = [*old["certificates"], *map(named_certificate, arguments.revoke_certificate)]
    now = datetime.datetime.now(datetime.timezone.utc)

    def time(moment):
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    payload = json.dumps({"formatVersion": 1, "issuedAt": time(now), "notAfter": time(now + datetime.timedelta(days=arguments.days)),
                          "keys": sorted(set(keys)), "certificates": sorted(set(certificates))},
                         separators=(",", ":")).encode()
    public = openssl("pkey", "-in", arguments.key, "-pubout")
    der = openssl("pkey", "-in", arguments.key, "-pubout", "-outform", "DER")
    keyid = fingerprint(der)
    with tempfile.TemporaryDirectory() as folder:
        message = pathlib.Path(folder, "message")
        message.write_bytes(f"DSSEv1 {len(TYPE)} {TYPE} {len(payload)} ".encode() + payload)
        if len(der) == 44:
            signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", arguments.key, "-in", message)
        else:
            signature = openssl("dgst", "-sha256", "-sign", arguments.key, message)
    bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
              "verificationMaterial": {"publicKey": {"hint": hashlib.sha256(public).hexdigest()}, "tlogEntries": []},
              "dsseEnvelope": {"payload": base64.b64encode(payload).decode(), "payloadType": TYPE,
                               "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}]}}
    # Whole or not at all: a gate that reads the list at this moment finds the old one or the new one.
    folder = os.path.dirname(os.path.abspath(arguments.out))
    try:
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".revoked-", delete=False) as file:
            json.dump(bundle, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(file.name, 0o644)
        os.replace(file.name, arguments.out)
    except OSError as error:
        stop(f"cannot write '{arguments.out}': {error.strerror}")
    print(f"{arguments.out}: {len(json.loads(payload)['keys'])} keys and {len(json.loads(payload)['certificates'])} certificates revoked, signed by {keyid}, until {json.loads(payload)['notAfter']}")


if __name__ == "__main__":
    main()
