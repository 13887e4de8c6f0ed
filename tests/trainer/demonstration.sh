#!/usr/bin/env bash
# One demonstration with --short, for ctest: demonstration.sh NAME. The fifth takes eyes and traffic lights from LIPCERT_DATASETS/applications (and is
# skipped without them); EuroSAT, whose 6000 images of 64 x 64 take minutes to certify, is left to `tests/presets/run demonstrations`.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
script=$root/examples/demonstrations/$1.sh
if [ "$1" != 5-applications ]; then
  exec "$script" --short
fi
source=${LIPCERT_DATASETS:-}/applications
if [ ! -d "$source" ]; then
  echo "LIPCERT_DATASETS is not set or has no applications: skipped"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ln -s "$source/eyes_open_closed_24.npz" "$source/traffic_lights_mit_64.npz" "$folder/"
FASHION_MNIST=$folder "$script" --short "$folder"
