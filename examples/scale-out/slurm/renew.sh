#!/usr/bin/env bash
#SBATCH --job-name=lipcert-renew
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --output=renew-%a.log
# One part of a manifest per task of a job array. A task that was killed has left whole certificates only, and goes on where it was when it runs again.
#
#   sbatch --array=0-7 examples/scale-out/slurm/renew.sh 8 models/lipcert.manifest.json --key release=key.pem
#
# Arguments: number of parts (the array may name fewer, to repeat some), manifest, options of `lipcert renew`.
# LIPCERT names the program where it is not on the PATH.
set -euo pipefail
if [ $# -lt 2 ]; then
  echo "renew.sh: error: give the number of parts, the manifest and the options of lipcert renew." >&2
  exit 2
fi
parts=$1 manifest=$2
shift 2
exec "${LIPCERT:-lipcert}" renew "$manifest" --part "$SLURM_ARRAY_TASK_ID/$parts" --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"
