#!/usr/bin/env bash
# Kills workers, the coordinator and the server of a queue at random moments, until the run is done, and compares its report with that of a local run.
# bench/queue-kills.sh SEED. Needs redis-server and a built checkout.
set -uo pipefail
RANDOM="${1:?Give a seed: bench/queue-kills.sh 1}"
root="$(cd "$(dirname "$0")/.." && pwd)"
folder="$(mktemp -d)"
cd "$folder"
port=$((20000 + RANDOM % 10000))
queue="redis://127.0.0.1:$port"
run=(--limit 1200 --batch 20 --attack fgsm,pgd --eps 0.1,0.2)

perturb() { node "$root/bin/perturb.js" "$@"; }
server() {
  redis-server --port "$port" --bind 127.0.0.1 --dir "$folder" --appendonly yes --appendfsync always --save "" >>server.log 2>&1 &
  server=$!
}
worker() {
  node "$root/bin/perturb.js" worker --queue "$queue" --threads 1 --takeover 2 >>worker.log 2>&1 &
  worker=$!
}
coordinator() {
  local how=("${run[@]}" --out queued)
  [ -e queued/state.jsonl ] && how=(--resume queued)
  node "$root/bin/perturb.js" evaluate "${how[@]}" --queue "$queue" --quiet >>coordinator.log 2>&1 &
  coordinator=$!
}
trap 'kill -9 $server $a $b 2>/dev/null; rm -rf "$folder"' EXIT

perturb evaluate "${run[@]}" --out whole --quiet >/dev/null 2>&1
server
sleep 1
worker; a=$worker
worker; b=$worker
coordinator
kills=0
until [ -e queued/report.json ]; do
  sleep "$((1 + RANDOM % 4)).$((RANDOM % 10))"
  kill -0 "$coordinator" 2>/dev/null || { [ -e queued/report.json ] || coordinator; continue; }
  kills=$((kills + 1))
  case $((RANDOM % 4)) in
    0) kill -9 "$a"; worker; a=$worker ;;
    1) kill -9 "$b"; worker; b=$worker ;;
    2) kill -9 "$coordinator" ;;
    3) kill -9 "$server"; sleep 0.7; server ;;
  esac
done 2>/dev/null
wait "$coordinator"

# All of a sample but its seconds.
records() { cut -d, -f1-15,17 "$1/samples.csv"; }
for name in accuracy.csv accuracy.svg adversarial.npz; do cmp "queued/$name" "whole/$name" || exit 1; done
diff <(records queued) <(records whole) >/dev/null || { echo "The records differ."; exit 1; }
echo "$kills kills: the same report"
