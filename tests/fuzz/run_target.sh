#!/usr/bin/env bash
# Runs one libFuzzer program: PROGRAM RUNS LONGEST SEED... Two gigabytes and half a minute are the most that one input may cost.
#
# As a test it makes RUNS runs from the seeds alone, in a fixed order and with a fixed seed: the same inputs on every run, so that a test turns red only by
# a change of the code. Addresses must be the same too, because libFuzzer takes what a program compares, pointers included, into its inputs: no random
# layout, and nothing of the caller's environment or folders on the stack. LIPCERT_FUZZ_SECONDS looks for new inputs instead, for so long and from what was
# learnt before (tests/presets/run fuzz). What is learnt stays in corpus/NAME, and an input that breaks something in found/NAME, both in
# LIPCERT_FUZZ_FOLDER or here.
set -euo pipefail
program=$1 runs=$2 longest=$3
shift 3
name=$(basename "$program")
home=${LIPCERT_FUZZ_FOLDER:-$PWD}
mkdir -p "$home/corpus/$name" "$home/found/$name"
cd "$home"
layout=()
if [ -n "${LIPCERT_FUZZ_SECONDS:-}" ]; then
  extent=(-max_total_time="$LIPCERT_FUZZ_SECONDS" -seed="${LIPCERT_FUZZ_SEED:-1}")
else
  rm -rf "corpus/$name" && mkdir "corpus/$name"
  extent=(-runs="$runs" -seed=1)
  if setarch -R true 2>/dev/null; then layout=(setarch -R); else echo "$name: this system does not let a program fix its addresses; inputs may vary a little"; fi
fi
# A list, because libFuzzer takes the files of a folder in the order in which the file system has them.
for seed in "$@"; do find "$seed" -type f; done | LC_ALL=C sort | paste -sd , >"$name.seeds"
status=0
env -i PATH=/usr/bin:/bin TMPDIR=. ${layout[@]+"${layout[@]}"} "$(realpath --relative-to=. "$program")" "${extent[@]}" -max_len="$longest" -timeout=30 \
  -rss_limit_mb=2048 -reload=0 -print_final_stats=1 -artifact_prefix="found/$name/" -seed_inputs="@$name.seeds" "corpus/$name" >"$name.log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
  grep -vE '^#[0-9]+' "$name.log" | tail -n 60
  echo "fuzz: error: $name broke; the input lies in $home/found/$name. Mend the code and keep the input in tests/fuzz/regressions/${name#fuzz_}."
  exit 1
fi
edges=$(sed -nE 's/^#[0-9]+.*cov: ([0-9]+).*/\1/p' "$name.log" | tail -n 1)
made=$(sed -nE 's/^stat::number_of_executed_units: +([0-9]+)/\1/p' "$name.log")
echo "$name: ${made:-0} inputs, ${edges:-0} edges, nothing broke"
[ "${made:-0}" -gt 50 ] || { echo "fuzz: error: $name ran only ${made:-0} inputs."; exit 1; }
