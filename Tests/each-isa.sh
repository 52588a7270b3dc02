#!/usr/bin/env bash
# usage: Tests/each-isa.sh COMMAND ...
# Runs the command once for each table of kernels that this CPU can run, in the order of Sources/CKernels/kernels.c; but for the last,
# which is the one that everything else is tested with.
set -euo pipefail
flags=" $(grep -m1 -E '^(flags|Features)' /proc/cpuinfo) "
has() { for flag; do [[ $flags == *" $flag "* ]] || return 1; done; }

tables=(scalar)
has avx2 fma f16c && tables+=(avx2)
has avx2 fma f16c avx_vnni && tables+=(avxvnni)
if has avx2 fma f16c avx512f avx512bw avx512dq avx512vl; then
    tables+=(avx512)
    has avx512_vnni && tables+=(avx512vnni)
    has avx512_vnni avx512_bf16 && tables+=(avx512bf16)
fi
has asimd && tables+=(neon)
has asimddp && tables+=(neondotprod)
has i8mm && tables+=(neoni8mm)
has bf16 && tables+=(neonbf16)

for table in "${tables[@]::${#tables[@]}-1}"; do
    echo "== LATENTD_ISA=$table"
    LATENTD_ISA=$table "$@"
done
