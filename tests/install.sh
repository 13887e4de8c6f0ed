#!/usr/bin/env bash
# Installs the Debian packages that are missing. Sourced by examples/quickstart.sh and tests/run.sh, or run by itself:
#   tests/install.sh build [test] [proofs] [demonstrations] [bench]
# Reasons for each package stand in CONTRIBUTING.md. Nothing outside Debian's archive is used.

# What the programs need to be compiled and run.
packages_build=(g++ cmake ninja-build pkg-config git libboost-dev libmpfr-dev libgmp-dev nlohmann-json3-dev libfmt-dev libcli11-dev
  libopenblas-dev libopenblas-pthread-dev libssl-dev libprotobuf-dev protobuf-compiler libprotozero-dev
  zlib1g-dev libpng-dev libeigen3-dev libjpeg62-turbo-dev)
# What the tests need besides: openssl and python3 play the stranger who checks without our programs; mold links the programs;
# dpkg-dev, file and man-db look at packages and manual pages, xmllint at JUnit reports; clang compiles the sanitizer preset and the fuzzers.
packages_test=(clang libclang-rt-14-dev doctest-dev libxml2-utils mold openssl dpkg-dev file man-db python3 python3-jsonschema python3-numpy)
# What building and proving the proved checker needs.
packages_proofs=(coq libcoq-mathcomp-algebra libcoq-mathcomp-zify libcoq-mathcomp-algebra-tactics libcoq-flocq ocaml-nox ocaml-findlib
  libzarith-ocaml-dev)
# What the demonstrations draw with and train on (examples/demonstrations).
packages_demonstrations=(gnuplot-nox dataset-fashion-mnist)
# What the benchmarks compare with.
packages_bench=(libbenchmark-dev libflint-dev libflint-arb-dev liblapack-dev)

# install_missing PACKAGE...: silent when all are there.
install_missing() {
  local missing=() name as_root=()
  for name in "$@"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      missing+=("$name")
    fi
  done
  if [ ${#missing[@]} -eq 0 ]; then
    return 0
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "install: error: this system has no apt-get; install the equivalents of: ${missing[*]}" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "install: error: run as root, or install these packages first: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  local log
  log=$(mktemp)
  # A source that cannot be updated need not be the one that has these packages: the second command decides.
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 </dev/null || true
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    echo "install: error: apt-get could not install: ${missing[*]}; see its message above." >&2
    return 1
  fi
  rm -f "$log"
}

# install_parts PART...: the packages of these parts.
install_parts() {
  local wanted=() part
  for part in "$@"; do
    case $part in
      build) wanted+=("${packages_build[@]}") ;;
      test) wanted+=("${packages_test[@]}") ;;
      proofs) wanted+=("${packages_proofs[@]}") ;;
      demonstrations) wanted+=("${packages_demonstrations[@]}") ;;
      bench) wanted+=("${packages_bench[@]}") ;;
      *) echo "install: error: unknown part '$part'; choose from build, test, proofs, demonstrations, bench." >&2; return 2 ;;
    esac
  done
  install_missing "${wanted[@]}"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  install_parts "$@"
fi
