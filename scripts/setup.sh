#!/usr/bin/env bash
# usage: scripts/setup.sh build|check|systemd|vocabulary
# Installs those Debian packages that a goal of the Makefile needs and that are missing. Run twice, it does nothing.
set -euo pipefail

build=(
    # What the Swift toolchain itself runs and links with.
    git ca-certificates tzdata binutils gcc libc6-dev libstdc++-12-dev zlib1g-dev libcurl4 libedit2 libncurses6 libxml2
    make pkg-config
    libopenblas-dev libsqlite3-dev libpng-dev libjpeg62-turbo-dev libsystemd-dev libwebp-dev
)
check=("${build[@]}" gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static bochs)
systemd=("${build[@]}" systemd systemd-container)

vocabulary=(python3 python3-pip)

case ${1:-} in
    build) wanted=("${build[@]}") ;;
    check) wanted=("${check[@]}") ;;
    systemd) wanted=("${systemd[@]}") ;;
    vocabulary) wanted=("${vocabulary[@]}") ;;
    *) sed -n 2,3p "$0" >&2; exit 64 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing ${missing[*]}"
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
fi

[ "$1" = vocabulary ] || command -v swift >/dev/null || {
    echo "There is no swift on the PATH: install the Swift 6.2 toolchain (or a newer one) from swift.org first." >&2
    exit 69
}
