#!/bin/sh
# The whole training, a stage after the other; started again, it goes on where it was broken off. A stage that is done has left WORK/STAGE.done.
# DATA, WORK, WORDS, MINILM as in README.md. PYTHON may be another interpreter, THREADS the threads of each of the two lanes, PAUSE a file while
# which exists all of it sleeps, BINARIES the folder of latentd (without it nothing is judged). LANES: words, pixels, or both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA:?}" "${WORK:?}" "${WORDS:?}" "${MINILM:?}" "${PYTHON:=python3}" "${THREADS:=1}" "${LANES:=words pixels}"
mkdir -p "$WORK"
export GOMP_SPINCOUNT=0 OMP_WAIT_POLICY=passive  # threads that wait leave the processor to others

# stage NAME SCRIPT ARGUMENTS: runs a script once
stage() {
    name=$1 script=$2
    shift 2
    [ -e "$WORK/$name.done" ] && return
    echo "$(date +%T) $name"
    nice -n 19 "$PYTHON" "$here/$script" "$@" >>"$WORK/$name.log" 2>&1
    touch "$WORK/$name.done"
}
common="--out $WORK --threads $THREADS ${PAUSE:+--pause $PAUSE}"

words() {
    [ -d "$WORK/tokenizer" ] || cp -r "$here/../emoji/tokenizer" "$WORK/tokenizer"
    stage thesaurus thesaurus.py --data "$WORK/pictures" --words "$WORDS" --teacher "$MINILM" --out "$WORK" ${PAUSE:+--pause "$PAUSE"}
    stage text text.py --data "$WORK/pictures" --words "$WORDS" --teacher "$MINILM" --start "$here/../emoji" --steps 1600 --resume $common
    stage scenes scenes.py --data "$WORK/pictures" --vae "$here/../emoji/vae" --scale 3 $common
    stage unet unet.py --start "$here/../emoji" --steps 5000 --batch 64 --matrix-rate 0.015 --rate 8e-4 --resume $common
    stage teach teach.py --steps 400 $common
    stage small distill.py --member small --start "$here/../emoji-small" --steps 2500 --matrix-rate 0.015 --resume $common
    stage tiny distill.py --member tiny --start "$here/../emoji-tiny" --steps 4000 --matrix-rate 0.015 --resume $common
    stage few fewstep.py --member tiny --steps 300 --resume $common
}
pixels() {
    stage wide256 autoencoder.py --data "$WORK/pictures" --decoder wide256 --encoder "$here/../emoji/vae" --matrix-rate 0.01 --rate 1e-3 --steps 800 --batch 8 --resume $common
    stage narrow256 autoencoder.py --data "$WORK/pictures" --decoder narrow256 --encoder "$here/../emoji/vae" --start "$here/../emoji-tiny/vae" --matrix-rate 0.01 --rate 1e-3 --steps 800 --batch 8 --resume $common
    stage encoder256 autoencoder.py --data "$WORK/pictures" --decoder encoder256 --encoder "$here/../emoji/vae" --steps 400 --batch 8 --resume $common
    stage judge judge.py --data "$WORK/pictures" --resume $common
}

stage pictures prepare.py --data "$DATA" --out "$WORK/pictures"
lanes=
for lane in $LANES; do
    $lane &
    lanes="$lanes $!"
done
for lane in $lanes; do
    wait "$lane"
done
[ "$LANES" = "words pixels" ] && [ -n "${BINARIES:-}" ] || exit 0
mkdir -p "$WORK/models"
for member in emoji emoji-small emoji-tiny; do
    [ -e "$WORK/models/$member" ] || cp -r "$here/../$member" "$WORK/models/$member"
done
stage export-base export.py --data "$WORK" --out "$WORK/models" --member base
stage export-small export.py --data "$WORK" --out "$WORK/models" --member small --int8 "$BINARIES/latentd"
stage export-tiny export.py --data "$WORK" --out "$WORK/models" --member tiny --few
stage evaluate evaluate.py --data "$WORK/pictures" --judge "$WORK/judge.pt" --binaries "$BINARIES" --models "$WORK/models" --out "$WORK/quality.json" \
    --ways emoji:int8:4 emoji-small:int8:4 emoji-tiny:int8:4
