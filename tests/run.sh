#!/usr/bin/env bash
# Installs what is missing, builds the release and the sanitizer preset and runs all tests of both as one ctest run.
#
#   tests/run.sh [ctest options]        for example: tests/run.sh -R house
#
# LIPCERT_PROOFS=OFF in the environment leaves out the proved checker (and 1 GB of packages).
# LIPCERT_CORPUS and LIPCERT_DATASETS name folders of public networks and data; tests that need them are skipped where they are unset.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/install.sh

proofs=${LIPCERT_PROOFS:-ON}
if [ ! -f proofs/CMakeLists.txt ]; then
  proofs=OFF
fi

parts=(build test)
if [ "$proofs" = ON ]; then
  parts+=(proofs)
fi
install_parts "${parts[@]}"

jobs=$(nproc)
step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

step "building the release preset"
cmake --preset release -DLIPCERT_TESTS=ON -DLIPCERT_PROOFS="$proofs"
cmake --build --preset release --parallel "$jobs"

# The proved checker is OCaml: the sanitizers do not see it, so it is built once.
step "building the sanitizer preset"
cmake --preset sanitize -DLIPCERT_TESTS=ON -DLIPCERT_PROOFS=OFF
cmake --build --preset sanitize --parallel "$jobs"

# One ctest run over both build trees; the tests of the sanitizer preset carry the prefix "sanitize." (tests/CMakeLists.txt).
step "running the tests"
printf 'subdirs(release sanitize)\n' >build/CTestTestfile.cmake
status=0
ctest --test-dir build --no-tests=error --output-on-failure --parallel "$jobs" "$@" 2>&1 | tee build/ctest.log || status=${PIPESTATUS[0]}

printf 'skipped: %s\n' "$(grep -cE 'Test +#[0-9]+: .*\*\*\*Skipped' build/ctest.log || true)"
printf 'total time: %s s\n' "$SECONDS"
exit "$status"
