#!/usr/bin/env bash
# usage: make.sh DIR-OF-BINARIES VERSION
# Writes what the programs of one release leave behind, into the folder VERSION beside this file: a queue with a job in every state,
# a calibration, prepared weights, records, pictures and job files. Every later version must read or migrate it.
# Run it once for each release, with that release's own programs; what is committed is never written again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$1" && pwd)
target=$here/$2
[ ! -e "$target" ] || { echo "$target is there already" >&2; exit 73; }

root=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null || true; rm -rf "$root"' EXIT
mkdir "$root/models"
cp -r "$here/../models/tiny" "$root/models/tiny"
ctl() { "$bin/latentctl" --root "$root/instance" "$@"; }
serve() {
    "$bin/latentd" serve --root "$root/instance" --models "$root/models" 2>>"$root/log" &
    daemon=$!
    until ctl status >/dev/null 2>&1; do sleep 0.1; done
}
job() { printf '{"model": "tiny", "width": 64, "height": 64, "steps": 3, "precision": "int8", "seed": 7, %s}' "$1"; }

serve
ctl calibrate >/dev/null
incoming=$root/instance/spool/incoming
job '"prompt": "a red apple", "negative_prompt": "", "id": "done", "output": {"name": "apple"}' >"$root/apple.json"
mv "$root/apple.json" "$incoming/apple.json"
until ctl show done 2>/dev/null | grep -q succeeded; do sleep 0.1; done
echo '{"prompt": "x", "colour": "red"}' >"$root/bad.json"
mv "$root/bad.json" "$incoming/bad.json"
until [ -e "$root/instance/spool/failed/bad.json" ]; do sleep 0.1; done
job '"prompt": "b", "id": "failed", "init_image": "images/none.png"' >"$root/lost.json"
touch "$root/none.png"
cp "$root/none.png" "$root/instance/spool/images/none.png"
mv "$root/lost.json" "$incoming/lost.json"
until ctl show failed 2>/dev/null | grep -q failed; do sleep 0.1; done
job '"prompt": "long", "id": "running"' | sed 's/64/1024/g; s/"steps": 3/"steps": 50/' >"$root/long.json"
mv "$root/long.json" "$incoming/long.json"
until ctl show running 2>/dev/null | grep -q running; do sleep 0.1; done
for id in cancelled waiting; do
    job "\"prompt\": \"$id\", \"id\": \"$id\", \"latency_budget\": \"20s\", \"priority\": 3" >"$root/$id.json"
    mv "$root/$id.json" "$incoming/$id.json"
    until ctl show "$id" >/dev/null 2>&1; do sleep 0.1; done
done
ctl cancel cancelled >/dev/null
ctl pause >/dev/null
kill -KILL "$daemon"
wait "$daemon" || true

mkdir -p "$target/prepared"
python3 - "$root/instance/state/queue.db" "$target" <<'PYTHON'
import shutil
import sqlite3
import sys

queue, target = sys.argv[1:]
with sqlite3.connect(queue) as database:
    rows = database.execute("SELECT value FROM calibration ORDER BY key").fetchall()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
with open(f"{target}/calibration.jsonl", "w", encoding="utf-8") as file:
    file.writelines(f"{value}\n" for (value,) in rows)
shutil.copy(queue, f"{target}/queue.db")
PYTHON
cp -r "$root/instance/spool/done" "$root/instance/spool/failed" "$target/"
cp "$root/instance/cache/prepared/"*.int8.*.safetensors "$target/prepared/"
chmod -R u=rwX,go=rX "$target"
