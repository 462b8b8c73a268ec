#!/bin/bash
#SBATCH --job-name=net
#SBATCH --array=1-4
#SBATCH --cpus-per-task=8
#SBATCH --mem=4G
#SBATCH --time=04:00:00
# Each job works on one of four parts of the samples. One that is started again goes on where it was.
set -euo pipefail

part="$SLURM_ARRAY_TASK_ID"
out="runs/net-$part"
if [ -e "$out/state.jsonl" ]; then
  perturb evaluate --resume "$out"
else
  perturb evaluate --model net.onnx --data data.npz --attack autoattack --eps 8/255 --batch 10 \
    --shard "$part/$SLURM_ARRAY_TASK_COUNT" --out "$out"
fi
