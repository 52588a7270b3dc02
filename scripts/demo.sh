#!/usr/bin/env bash
# Starts a private daemon under demo/, gives it two jobs with different budgets, and shows what comes back.
# usage: scripts/demo.sh BINARIES   (the folder that holds latentd and latentctl)
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
instance=demo

mkdir -p "$instance"
LIBDISPATCH_LOG=NO "$bin/latentd" serve --root "$instance" --models models 2>"$instance/latentd.log" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null && wait "$daemon" || true' EXIT

until "$bin/latentctl" --root "$instance" status >/dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null || { cat "$instance/latentd.log" >&2; exit 70; }
    sleep 0.1
done

# picture BUDGET NAME PROMPT: one job, with its progress; prints the picture's path.
picture() {
    echo "\"$3\" within $1:" >&2
    "$bin/latentctl" --root "$instance" submit --wait --budget "$1" --name "$2" "$3"
}
quick=$(picture 1s quick-apple "a red apple, fluent 3d style")
careful=$(picture 30s careful-fox "a fox on a blue background, fluent 3d style")

echo
"$bin/latentctl" view --columns 48 "$careful"
echo "The pictures: $quick and $careful"
echo "How the second was made:"
"$bin/latentctl" inspect "$careful"
echo "The daemon's log is $instance/latentd.log; your own job is a file dropped into $instance/spool/incoming"
echo "while '$bin/latentd serve --root $instance --models models' runs."
