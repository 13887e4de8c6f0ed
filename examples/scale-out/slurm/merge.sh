#!/usr/bin/env bash
#SBATCH --job-name=lipcert-merge
#SBATCH --cpus-per-task=1
#SBATCH --mem=500M
#SBATCH --output=merge.log
# All shards into one signed certificate, after the array:
#
#   sbatch --dependency=afterok:<array job> examples/scale-out/slurm/merge.sh parts model.onnx --key key.pem -o model.lipcert.sigstore.json --eps 0.3
#
# Arguments: folder with the shards, model, options of `lipcert merge`. Only this job needs the key.
set -euo pipefail
if [ $# -lt 2 ]; then
  echo "merge.sh: error: give the folder with the shards, the model and the options of lipcert merge." >&2
  exit 2
fi
folder=$1 model=$2
shift 2
exec "${LIPCERT:-lipcert}" merge "$model" "$folder"/part-*.shard "$@"
