#!/usr/bin/env bash
#SBATCH --job-name=lipcert-shard
#SBATCH --cpus-per-task=1
#SBATCH --mem=500M
#SBATCH --requeue
#SBATCH --output=shard-%a.log
# One shard per task of a job array. A task that was killed leaves nothing behind and can run again; one that is done is recognised and skipped.
#
#   sbatch --array=0-7 examples/scale-out/slurm/shard.sh 8 parts model.onnx --data images.gz --labels labels.gz --scale 1/255
#
# Arguments: number of shards (the array may name fewer, to repeat some), folder for the shards, model, options of `lipcert certify`.
# LIPCERT names the program where it is not on the PATH.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "shard.sh: error: give the number of shards, a folder, the model and the options of lipcert certify." >&2
  exit 2
fi
shards=$1 folder=$2 model=$3
shift 3
mkdir -p "$folder"
exec "${LIPCERT:-lipcert}" certify "$model" -o "$folder/part-$SLURM_ARRAY_TASK_ID-of-$shards.shard" --shard "$SLURM_ARRAY_TASK_ID/$shards" \
  --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"
