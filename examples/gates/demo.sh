#!/usr/bin/env bash
# A safety case in miniature: the models that ship here are certified from a manifest, pass a gate, one of them is changed, the gate closes, the certificate is
# renewed, the gate opens, and an auditor gets reports.
#
#   examples/gates/demo.sh [FOLDER]        # everything that is made lies in FOLDER (default: build/gate-demo), which must not exist
#
# The programs are those of build/release/bin (examples/quickstart.sh builds them), or of the folder that LIPCERT_BIN names. Ends with 0 when every step did what it
# should; a step that did not is named.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${LIPCERT_BIN:-$root/build/release/bin}
demo=${1:-$root/build/gate-demo}

fail() {
  echo "demo: error: $1" >&2
  exit 1
}
[ -x "$bin/lipcert" ] && [ -x "$bin/lipverify" ] || fail "lipcert and lipverify are not in $bin; build them with examples/quickstart.sh, or set LIPCERT_BIN."
[ ! -e "$demo" ] || fail "$demo exists; remove it, or name another folder."
step() { printf '\n== %s\n' "$1"; }
# run CODE COMMAND...: shows the command, and insists on its exit code.
run() {
  local wanted=$1 code=0
  shift
  printf '$ %s\n' "$*"
  "$@" || code=$?
  [ "$code" -eq "$wanted" ] || fail "'$*' ended with $code instead of $wanted."
}

mkdir -p "$demo"/{models,gate}
cd "$demo"
PATH=$bin:$PATH
cp "$root"/examples/models/{mnist.onnx,digits.onnx,mnist10k-images-idx3-ubyte.gz,mnist10k-labels-idx1-ubyte.gz} models/

step "the issuer: a key, a manifest, certificates"
run 0 lipcert keygen --out release.pem
run 0 lipcert init models
# What init cannot know, a person adds: which data, how scaled, at which radius, for which requirement.
cat >models/lipcert.manifest.json <<'JSON'
{
  "lipcertManifest": 1,
  "defaults": {"key": "release", "issuer": "Model team", "requirements": ["SR-7"], "validityDays": 365, "maximumAgeDays": 90},
  "entries": [
    {"name": "digits", "model": "digits.onnx", "output": "digits.lipcert.sigstore.json"},
    {"name": "mnist", "model": "mnist.onnx", "output": "mnist.lipcert.sigstore.json",
     "data": {"samples": "mnist10k-images-idx3-ubyte.gz", "labels": "mnist10k-labels-idx1-ubyte.gz", "scale": "1/255", "limit": 200, "eps": ["36/255"]}}
  ]
}
JSON
run 0 lipcert renew models/lipcert.manifest.json --key release=release.pem --dry-run
run 0 lipcert renew models/lipcert.manifest.json --key release=release.pem

step "the gate: a policy that lies where the author of a model cannot change it"
cp release.pub.pem gate/
cat >gate/policy.json <<'JSON'
{
  "formatVersion": 1,
  "description": "No output moves more than 1.3 times as far as the input, and somebody answers for it.",
  "issuers": [{"name": "Model team", "publicKeyFile": "release.pub.pem"}],
  "maximumAge": "90d",
  "lipschitz": [{"output": "all", "max": "1.3"}],
  "requirements": ["SR-7"]
}
JSON
run 0 lipverify --explain gate/policy.json
export LIPCERT_POLICY=gate/policy.json LIPCERT_CERTIFICATES=models LIPCERT_MODELS=models
export LIPCERT_DATA=models/mnist10k-images-idx3-ubyte.gz LIPCERT_LABELS=models/mnist10k-labels-idx1-ubyte.gz LIPCERT_REPORTS=reports
run 0 "$root/examples/gates/gate.sh"

step "one weight of one model changes by a millionth or less: the gate closes"
cp models/digits.lipcert.sigstore.json before.lipcert.sigstore.json
at=8110 # inside a weight of the first layer
byte=$(od -An -tu1 -j "$at" -N 1 models/digits.onnx | tr -d ' ')
printf '%b' "\\x$(printf '%02x' $((byte ^ 1)))" | dd of=models/digits.onnx bs=1 seek="$at" conv=notrunc status=none
run 1 "$root/examples/gates/gate.sh"

step "the issuer renews what changed, and nothing else: the gate opens"
run 0 lipcert renew models/lipcert.manifest.json --key release=release.pem --dry-run
run 0 lipcert renew models/lipcert.manifest.json --key release=release.pem
run 0 "$root/examples/gates/gate.sh"

step "the auditor: a page about a certificate, and one about what the renewal changed"
run 0 lipcert report models/mnist.lipcert.sigstore.json --model models/mnist.onnx --policy gate/policy.json --data "$LIPCERT_DATA" --labels "$LIPCERT_LABELS" \
  -o mnist.html --gsn mnist.svg
run 0 lipcert report before.lipcert.sigstore.json --compare models/digits.lipcert.sigstore.json -o changes.html

printf '\nEvery step did what it should. To look at, in %s:\n  reports/ (JSON, JUnit, SARIF, Markdown), mnist.html, mnist.svg, changes.html\n' "$demo"
