#!/usr/bin/env bash
# Runs one libFuzzer program: PROGRAM SECONDS LONGEST SEED... It keeps what it learns in corpus/NAME, and an input that breaks something in found/NAME, both in
# LIPCERT_FUZZ_FOLDER or here; LIPCERT_FUZZ_SECONDS runs longer (tests/presets/run fuzz sets them). Two gigabytes and half a minute are the most that one input may cost.
set -euo pipefail
program=$1 seconds=${LIPCERT_FUZZ_SECONDS:-$2} longest=$3
shift 3
name=$(basename "$program")
home=${LIPCERT_FUZZ_FOLDER:-$PWD}
mkdir -p "$home/corpus/$name" "$home/found/$name"
# Files among the seeds are copied: libFuzzer takes folders.
given=$home/given/$name
rm -rf "$given"
mkdir -p "$given"
folders=()
for seed in "$@"; do
  if [ -d "$seed" ]; then folders+=("$seed"); else cp "$seed" "$given/$(basename "$(dirname "$seed")")-$(basename "$seed")"; fi
done
status=0
"$program" -max_total_time="$seconds" -max_len="$longest" -timeout=30 -rss_limit_mb=2048 -seed="${LIPCERT_FUZZ_SEED:-1}" -reload=0 \
  -print_final_stats=1 -artifact_prefix="$home/found/$name/" "$home/corpus/$name" "$given" ${folders[@]+"${folders[@]}"} >"$home/$name.log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
  grep -vE '^#[0-9]+' "$home/$name.log" | tail -n 60
  echo "fuzz: error: $name broke; the input lies in $home/found/$name. Mend the code and keep the input in tests/fuzz/regressions/${name#fuzz_}."
  exit 1
fi
edges=$(sed -nE 's/^#[0-9]+.*cov: ([0-9]+).*/\1/p' "$home/$name.log" | tail -n 1)
runs=$(sed -nE 's/^stat::number_of_executed_units: +([0-9]+)/\1/p' "$home/$name.log")
echo "$name: ${runs:-0} inputs, ${edges:-0} edges, nothing broke"
[ "${runs:-0}" -gt 50 ] || { echo "fuzz: error: $name ran only ${runs:-0} inputs."; exit 1; }
