#!/bin/sh
# Cross-compiles the kernels and their checks for aarch64 and runs them under qemu-user, on CPUs with all, some and no extensions.
# Needs (apt): clang (or the Swift toolchain's), lld, qemu-user-static, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross.
# CLANG names another compiler. Exit status 0: every check passed on every CPU.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kernels=$here/../../Sources/CKernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc=$(dirname "$(aarch64-linux-gnu-gcc -print-libgcc-file-name)")
"${CLANG:-clang}" -target aarch64-linux-gnu --sysroot=/ -isystem /usr/aarch64-linux-gnu/include \
    -std=gnu11 -O3 -Wall -Wextra -Werror -ffp-contract=off -I"$kernels/include" -I"$here/include" \
    -static -fuse-ld=lld -B"$gcc" -L"$gcc" -L/usr/aarch64-linux-gnu/lib -B/usr/aarch64-linux-gnu/lib \
    "$kernels"/*.c "$here"/*.c -lm -o "$work/checks"
for cpu in max neoverse-n1 cortex-a72; do
    printf '%s: ' "$cpu"
    qemu-aarch64-static -cpu "$cpu" "$work/checks"
done
