#!/usr/bin/env bash
# Installs the build into an empty folder and builds examples/library against nothing but that: both libraries, then the checker alone.
#   tests/install/test_install.sh SOURCE BUILD
set -euo pipefail
source=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "test_install: $1" >&2; exit 1; }

cmake --install "$build" --prefix "$work/prefix" >"$work/install.log"
for program in lipcert lipverify; do
  "$work/prefix/bin/$program" --version >/dev/null || fail "the installed $program does not run"
done

cp -r "$source/examples/library" "$work/project"  # away from the sources, so that no header of the tree is found
cmake -S "$work/project" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log"
cmake --build "$work/build" >"$work/build.log" || { cat "$work/build.log"; fail "the example does not build against the installation"; }
for model in digits mnist; do
  "$work/build/certify_and_check" "$source/examples/models/$model.onnx" | tee "$work/out"
  grep -q '^accepted  [0-9]' "$work/out" || fail "$model.onnx is not accepted"
done
set +e
"$work/build/certify_and_check" "$work/no-such.onnx" 2>"$work/error"
[ $? -eq 3 ] || fail "a missing model does not end with exit code 3"
set -e
grep -q 'no-such.onnx' "$work/error" || fail "the message does not name the missing model"

# The checker alone: its headers need no other library, its link no BLAS, protobuf or MPFR.
mkdir "$work/checker"
cat >"$work/checker/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(checker LANGUAGES CXX)
find_package(lipcert REQUIRED COMPONENTS lipverify)
if(TARGET lipcert::lipcert)
  message(FATAL_ERROR "the component lipverify brings the generator")
endif()
add_executable(checker main.cpp)
target_link_libraries(checker PRIVATE lipcert::lipverify)
END
cat >"$work/checker/main.cpp" <<'END'
#include "verifier/lipverify.hpp"
int main() { return lipverify::verify({}).outcome == lipverify::Outcome::accepted ? 1 : 0; }
END
cmake -S "$work/checker" -B "$work/checker/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log"
cmake --build "$work/checker/build" >"$work/build.log" || { cat "$work/build.log"; fail "the checker alone does not build"; }
"$work/checker/build/checker" || fail "an empty request is accepted"
if ldd "$work/checker/build/checker" | grep -E 'blas|protobuf|mpfr'; then fail "the checker alone links a library of the generator"; fi
echo "installed, both libraries used, the checker alone too"
