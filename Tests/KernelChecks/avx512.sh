#!/usr/bin/env bash
# Compiles the kernels and their checks and runs the tables of AVX-512 and its VNNI on an emulated Ice Lake: two minutes and more.
# Needs (apt): clang (or the Swift toolchain's), lld, bochs, gcc. CLANG names another compiler. Exit status 0: every check passed.
#
# BOCHS names another emulator. A build of Bochs 3.0 or later has Sapphire Rapids: with `CPU=sapphire_rapids CHECKS=` every table is checked,
# those of AVX-VNNI and AVX-512 BF16 too. Bochs 2.7 is spared one entry: it rounds a tie of vcvtps2ph up.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../Sources/CKernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CLANG:-clang}" -std=gnu11 -O3 -Wall -Wextra -Werror -ffp-contract=off -I"$kernels/include" -I"$here/include" \
    -static -fuse-ld=lld "$kernels"/*.c "$here"/*.c -lm -o "$work/checks"
read -ra checks <<<"${CHECKS--f32_to_f16 avx512 avx512vnni}"
"$here/machine/run.sh" "${CPU:-corei7_icelake_u}" "$work/checks" "${checks[@]}"
