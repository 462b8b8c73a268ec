#!/bin/bash
#SBATCH --job-name=net-report
#SBATCH --time=00:30:00
# sbatch --dependency=afterok:$(sbatch --parsable slurm.sh) slurm-merge.sh
set -euo pipefail

perturb merge runs/net-[0-9]* --out runs/net
