#!/usr/bin/env bash
# From a fresh checkout to an accepted certificate: installs what is missing, builds, then makes a key, looks at a network, certifies it
# and checks the certificate with the independent program.
#
#   examples/quickstart.sh [MODEL.onnx]
#
# Without a model it takes the convolutional MNIST network that ships with the repository, and certifies 1000 digits with it that it was not trained on. Everything that it makes lies under build/: the programs in
# build/release/bin, the key and the certificate in build/quickstart.
set -euo pipefail
here=$(pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/install.sh

model=examples/models/mnist.onnx
data=(--data examples/models/mnist10k-images-idx3-ubyte.gz --labels examples/models/mnist10k-labels-idx1-ubyte.gz)
scaling=(--scale 1/255 --eps 36/255 --limit 1000)
if [ $# -gt 0 ]; then
  model=$1
  data=()
  scaling=()
  case $model in
    /*) ;;
    *) model=$here/$model ;;
  esac
fi
if [ ! -f "$model" ]; then
  echo "quickstart: error: $model is not a file; name an ONNX model, or none for the one that ships here." >&2
  exit 2
fi

install_parts build

bin=build/release/bin
log=build/quickstart.log
mkdir -p build
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
if [ ! -t 1 ]; then
  say() { printf '\n$ %s\n' "$*"; }
fi
echo "building lipcert and lipverify (a few minutes the first time) ..."
without_tests=()
if [ ! -f build/release/CMakeCache.txt ]; then  # a tree that tests/run.sh has configured keeps its tests
  without_tests=(-DLIPCERT_TESTS=OFF)
fi
if ! { cmake --preset release "${without_tests[@]}" && cmake --build --preset release --parallel "$(nproc)" --target lipcert lipverify; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "quickstart: error: the build failed; the whole output is in $log." >&2
  exit 4
fi

out=build/quickstart
mkdir -p "$out"
name=$(basename "$model" .onnx)
certificate=$out/$name.lipcert.sigstore.json
run() {
  say "$@"
  "$@"
}
if [ ! -f "$out/key.pem" ]; then  # a second run signs with the same key
  run "$bin/lipcert" keygen --out "$out/key.pem"
fi
run "$bin/lipcert" inspect "$model"
run "$bin/lipcert" certify "$model" --key "$out/key.pem" -o "$certificate" -v "${data[@]}" "${scaling[@]}"
run "$bin/lipverify" "$certificate" --model "$model" --public-key "$out/key.pub.pem" "${data[@]}"
cat <<END

The certificate is $certificate.
Hand it over with the model and $out/key.pub.pem: whoever has lipverify can repeat the last command.
END
