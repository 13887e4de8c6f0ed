# Sourced by the demonstrations: programs, output folder, expectations, plots.
#
#   DEMO     name of the demonstration; its files lie in build/demonstrations/$DEMO
#   short    1 with --short: less training and wider expectations, as tests/presets/run demonstrations --short runs it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=examples/demonstrations
bin=${LIPCERT_BUILD:-build/release}/bin
out=build/demonstrations/$DEMO
short=0
arguments=()
for argument in "$@"; do
  if [ "$argument" = --short ]; then short=1; else arguments+=("$argument"); fi
done
set -- "${arguments[@]}"

fail() { echo "$DEMO: error: $1" >&2; exit "${2:-1}"; }
for program in liptrain lipcert lipverify; do
  [ -x "$bin/$program" ] || fail "$bin/$program is missing; build it with: cmake --preset release && cmake --build --preset release --target liptrain lipcert lipverify" 2
done
mkdir -p "$out"
say() { printf '\n$ %s\n' "$*"; }
run() { say "$@"; "$@"; }
pick() { if [ "$short" = 1 ]; then echo "$1"; else echo "$2"; fi; }

# value FILE KEY...: a number of a JSON report.
value() { /usr/bin/python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2:]: value = value[int(key) if isinstance(value, list) else key]
print(value)' "$@"; }

# expect NAME VALUE OPERATOR BOUND: one line, and failure when it does not hold.
expect() {
  if awk -v a="$2" -v b="$4" "BEGIN { exit !(a + 0 $3 b + 0) }"; then
    printf 'expected  %-52s %s %s %s\n' "$1" "$2" "$3" "$4"
  else
    fail "$1 is $2, expected $3 $4."
  fi
}

# plot NAME: gnuplot commands on standard input; writes $out/NAME.png. Without gnuplot there is no picture, and that is said.
plot() {
  if ! command -v gnuplot >/dev/null 2>&1; then
    echo "no picture $1.png: gnuplot is missing (apt-get install gnuplot-nox)" >&2
    cat >/dev/null
    return 0
  fi
  { printf 'set terminal pngcairo size %s font "sans,11"\nset output "%s"\n' "${2:-720,480}" "$out/$1.png"; cat; } | gnuplot 2>"$out/$1.gnuplot.log" \
    || fail "gnuplot cannot draw $1: $(head -n 3 "$out/$1.gnuplot.log")"
  echo "picture   $out/$1.png"
}

key() {
  if [ ! -f "$out/key.pem" ]; then "$bin/lipcert" keygen --out "$out/key.pem" >/dev/null; fi
}

# certify MODEL.onnx [lipcert's options on data ...]: certificate with L <= 1, rechecked.
certify() {
  local model=$1 certificate
  shift
  key
  certificate=${model%.onnx}.lipcert.sigstore.json
  run "$bin/lipcert" certify "$model" --key "$out/key.pem" -o "$certificate" --force "$@"
  "$bin/lipcert" certify "$model" --key "$out/key.pem" -o "$certificate.json.tmp" --no-recheck --json >"$out/certified.json"
  rm -f "$certificate.json.tmp"
  expect "certified Lipschitz constant of $(basename "$model")" "$(value "$out/certified.json" lipschitz)" "<=" 1
  local data=()
  while [ $# -gt 0 ]; do
    case $1 in
      --data | --labels) data+=("$1" "$2"); shift 2 ;;
      *) shift ;;
    esac
  done
  run "$bin/lipverify" "$certificate" --model "$model" --public-key "$out/key.pub.pem" "${data[@]}"
}
