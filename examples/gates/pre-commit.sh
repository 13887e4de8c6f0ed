#!/usr/bin/env bash
# A pre-commit hook, for pre-commit (.pre-commit-hooks.yaml) or by itself: ln -s ../../examples/gates/pre-commit.sh .git/hooks/pre-commit
# It tells the author early what the gate of the pipeline will say; it replaces no gate, because an author can leave hooks out.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
LIPCERT_REPORTS=$reports "$here/gate.sh" "$@"
