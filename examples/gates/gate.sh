#!/usr/bin/env bash
# The gate that all recipes of this folder call: every certificate against its model and the policy, with reports for the machine that runs it. Ends with
# lipverify's exit code, so that the pipeline stops on everything but 0. Options that are given here are handed on to lipverify.
#
#   LIPCERT_POLICY=gate/policy.json LIPCERT_MODELS=models LIPCERT_CERTIFICATES=certificates examples/gates/gate.sh [OPTION...]
#
#   LIPCERT_POLICY         what is demanded and who is trusted; keep it where the author of a model cannot change it   (lipcert-policy.json)
#   LIPCERT_CERTIFICATES   a certificate, a folder of *.sigstore.json, or @LIST                                        (certificates)
#   LIPCERT_MODELS         a model, a folder of *.onnx and *.nnet, or @LIST                                            (models)
#   LIPCERT_DATA, LIPCERT_LABELS   the data that certificates about samples name                                       (none)
#   LIPCERT_REPORTS        folder for the reports                                                                      (lipcert-reports)
#   LIPCERT_VSA_KEY        private key (PEM): also write a signed Verification Summary                                 (none)
#   LIPVERIFY              the program                                                                                 (lipverify)
set -euo pipefail

policy=${LIPCERT_POLICY:-lipcert-policy.json}
reports=${LIPCERT_REPORTS:-lipcert-reports}
lipverify=${LIPVERIFY:-lipverify}

command -v "$lipverify" >/dev/null 2>&1 || {
  echo "gate: $lipverify is not installed; build it with examples/quickstart.sh, or set LIPVERIFY." >&2
  exit 2
}
mkdir -p "$reports"
# Reports of an earlier run must not be taken for those of this one.
rm -f "$reports"/lipverify.{json,junit.xml,sarif,md,codequality.json,vsa.json}

options=(--policy "$policy" --model "${LIPCERT_MODELS:-models}")
[ -z "${LIPCERT_DATA:-}" ] || options+=(--data "$LIPCERT_DATA")
[ -z "${LIPCERT_LABELS:-}" ] || options+=(--labels "$LIPCERT_LABELS")
[ -z "${LIPCERT_VSA_KEY:-}" ] || options+=(--vsa "$reports/lipverify.vsa.json" --vsa-key "$LIPCERT_VSA_KEY")

status=0
"$lipverify" "${options[@]}" --json="$reports/lipverify.json" --junit "$reports/lipverify.junit.xml" \
  --sarif "$reports/lipverify.sarif" --markdown "$reports/lipverify.md" --codequality "$reports/lipverify.codequality.json" "$@" \
  -- "${LIPCERT_CERTIFICATES:-certificates}" || status=$?

if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$reports/lipverify.md" ]; then cat "$reports/lipverify.md" >>"$GITHUB_STEP_SUMMARY"; fi
case $status in
  0) ;;
  1) echo "gate: closed. A certificate or a demand of $policy does not hold; the lines above say which, and what to do." >&2 ;;
  5) echo "gate: closed. Not every claim was recomputed (accepted in part); give LIPCERT_DATA, or let exit code 5 pass where the policy means it so." >&2 ;;
  *) echo "gate: closed without a verdict (exit code $status); the lines above say what is missing." >&2 ;;
esac
exit "$status"
