#!/usr/bin/env bash
# usage: run.sh CPU PROGRAM [ARGUMENT ...]
# Runs a static x86-64 program on a CPU that this machine need not have: Bochs emulates one (`bochs --help cpu` lists them) whose ROM
# holds machine.c and the program. Exit status: the program's; 70 where the machine stopped without one.
# Needs (apt): bochs, gcc. BOCHS names another build of it (one without a debugger), BOCHS_DISPLAY its display, TIMEOUT the most seconds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cpu=$1 program=$2
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gcc -O2 -Wall -Wextra -Werror -ffreestanding -fno-stack-protector -fno-pie -mgeneral-regs-only -mno-red-zone -c "$here/machine.c" \
    -o "$work/machine.o"
ld -static --build-id=none -z noexecstack -Ttext=0x8000000 --section-start=.text.entry=0x8000000 -e 0x8000000 "$work/machine.o" \
    -o "$work/machine.elf" -T /dev/stdin --no-warn-rwx-segments <<'L'
SECTIONS { . = 0x8000000; .all : { *(.text.entry) *(.text*) *(.rodata*) *(.data*) *(.bss*) *(COMMON) } /DISCARD/ : { *(*) } }
L
objcopy -O binary --set-section-flags .all=alloc,load,contents "$work/machine.elf" "$work/rom"
(($(stat -c %s "$work/rom") <= 65536))

# The image: its two numbers and the arguments in a page, then the program.
truncate -s 65536 "$work/rom"
little() { for ((i = 0; i < 64; i += 8)); do printf "\\x$(printf %02x $(($1 >> i & 255)))"; done; }
{ little 4096 && little $# && printf '%s\0' "$@"; } >>"$work/rom"
truncate -s $((65536 + 4096)) "$work/rom"
cp "$program" "$work/program"
strip "$work/program"
cat "$work/program" >>"$work/rom"
size=$(($(stat -c %s "$work/rom") / 4096 * 4096 + 4096))
truncate -s $size "$work/rom"
gcc -c "$here/boot.S" -o "$work/boot.o"
ld --build-id=none -Ttext=0xfffff000 --defsym ROM=$(((1 << 32) - 4096 - size)) --defsym SIZE=$size -e 0xfffff000 \
    --oformat binary "$work/boot.o" -o "$work/boot"
head -c 4096 "$work/boot" >>"$work/rom"

cat >"$work/bochsrc" <<C
display_library: ${BOCHS_DISPLAY:-rfb, options="timeout=0"}
cpu: model=$cpu, count=1, ips=100000000, reset_on_triple_fault=0
clock: sync=none
memory: guest=512, host=512
romimage: file=$work/rom
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
port_e9_hack: enabled=1
boot: disk
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
C
echo continue >"$work/commands"
debugger=(-rc "$work/commands")
[ -z "${BOCHS-}" ] || debugger=()
(cd "$work" && timeout "${TIMEOUT:-1800}" "${BOCHS:-bochs}" -q -f bochsrc "${debugger[@]}" </dev/null 2>errors) >"$work/output" || true
status=$(sed -n 's/.*@status \([0-9]*\)$/\1/p' "$work/output")
if [ -z "$status" ]; then
    cat "$work/output" "$work/errors" "$work/log" >&2
    exit 70
fi
# Only what the program wrote, without the emulator's greeting and farewell.
sed '1,/^@begin$/d; /@status [0-9]*$/{s///; /^$/d; q}' "$work/output"
exit "$status"
