#!/usr/bin/env bash
# Installs what is missing, builds the release and the sanitizer preset and runs all tests of both as one ctest run.
#
#   tests/run.sh [ctest options]        for example: tests/run.sh -R house
#
# LIPCERT_PROOFS=OFF in the environment leaves out the proved checker (and 1 GB of packages).
# LIPCERT_CORPUS, LIPCERT_LOCAL_CORPUS and LIPCERT_DATASETS name folders of public networks and data; tests that need them are skipped where they are unset.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/install.sh

proofs=${LIPCERT_PROOFS:-ON}
if [ ! -f proofs/CMakeLists.txt ]; then
  proofs=OFF
fi

jobs=$(nproc)
step_names=()
step_starts=()
step() {
  step_names+=("$1")
  step_starts+=("$SECONDS")
  printf '\n== %s (%s s)\n' "$1" "$SECONDS"
}

step "installing packages"
parts=(build test)
if [ "$proofs" = ON ]; then
  parts+=(proofs)
fi
install_parts "${parts[@]}"

step "building the release preset"
cmake --preset release -DLIPCERT_TESTS=ON -DLIPCERT_PROOFS="$proofs"
cmake --build --preset release --parallel "$jobs"

# The proved checker is OCaml: the sanitizers do not see it, so it is built once. Test units are not instrumented, so they are taken from the release tree.
step "building the sanitizer preset"
cmake --preset sanitize -DLIPCERT_TESTS=ON -DLIPCERT_PROOFS=OFF -DLIPCERT_TEST_OBJECTS="$PWD/build/release/test_objects"
cmake --build --preset sanitize --parallel "$jobs"

# One ctest run over both build trees; the tests of the sanitizer preset carry the prefix "sanitize." (tests/CMakeLists.txt).
step "running the tests"
rm -rf build/release/Testing/shared build/sanitize/Testing/shared
printf 'subdirs(release sanitize)\n' >build/CTestTestfile.cmake
status=0
ctest --test-dir build --no-tests=error --output-on-failure --parallel "$jobs" "$@" 2>&1 | tee build/ctest.log || status=${PIPESTATUS[0]}

# Where the time went, before ctest's own closing lines, which are repeated at the end.
printf '\n== where the time went\n'
step_starts+=("$SECONDS")
for ((k = 0; k < ${#step_names[@]}; ++k)); do
  printf '%6s s  %s\n' "$((step_starts[k + 1] - step_starts[k]))" "${step_names[k]}"
done
printf 'the slowest tests:\n'
sed -nE 's/^ *[0-9]+\/[0-9]+ +Test +#[0-9]+: +([^ ]+) .* ([0-9.]+) sec.*$/\2 \1/p' build/ctest.log | sort -rn | head -n 10 |
  while read -r seconds name; do printf '%8s s  %s\n' "$seconds" "$name"; done

printf '\n'
grep -E '^[0-9]+% tests passed' build/ctest.log || true
printf 'skipped: %s\n' "$(grep -cE 'Test +#[0-9]+: .*\*\*\*Skipped' build/ctest.log || true)"
printf 'total time: %s s\n' "$SECONDS"
exit "$status"
