#!/usr/bin/env bash
# usage: Tests/systemd/units.sh [ROOT]
# Lets systemd judge the unit and make the user and the spool in an empty tree; with ROOT, from the files installed below it.
set -euo pipefail
cd "$(dirname "$0")/../.."
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
passed=0 failed=0

if [ $# = 1 ]; then
    unit=$1/usr/lib/systemd/system/latentd.service sysusers=$1/usr/lib/sysusers.d/latentd.conf
    tmpfiles=$1/usr/lib/tmpfiles.d/latentd.conf program=$1/usr/bin/latentd
else
    unit=systemd/latentd.service sysusers=systemd/latentd.sysusers tmpfiles=systemd/latentd.tmpfiles program=/bin/true
fi

# check WHAT COMMAND ...
check() {
    local what=$1
    shift
    if "$@" >"$stage/output" 2>&1; then
        echo "ok   - $what"
        passed=$((passed + 1))
    else
        echo "FAIL - $what"
        sed 's/^/       /' "$stage/output"
        failed=$((failed + 1))
    fi
}
# silent COMMAND ...: also fails when anything is said.
silent() { "$@" 2>&1 | tee "$stage/said" && [ ! -s "$stage/said" ]; }
mode_is() { [ "$(stat -c %a "$1")" = "$2" ]; }

# The program is where it will be only after the installation: verify is told where it is now.
sed "s#^ExecStart=/usr/bin/latentd#ExecStart=$program#" "$unit" >"$stage/latentd.service"
# verify exits 0 at unknown keys, which it only mentions.
check "systemd-analyze verify is silent" silent systemd-analyze verify --man=no "$stage/latentd.service"
check "the exposure is 2.0 or less" systemd-analyze security --offline=true --threshold=20 --no-pager "$unit"
sed -n 's/.*\(Overall exposure.*\)/       \1/p' "$stage/output"

install -D -m 644 "$sysusers" "$stage/usr/lib/sysusers.d/latentd.conf"
install -D -m 644 "$tmpfiles" "$stage/usr/lib/tmpfiles.d/latentd.conf"
if [ "$(id -u)" = 0 ]; then
    mkdir "$stage/etc"
    check "sysusers makes the user" systemd-sysusers --root="$stage" latentd.conf
    check "tmpfiles makes the spool, silently" silent systemd-tmpfiles --create --root="$stage" latentd.conf
    check "a group may drop jobs, and nobody takes another's away" mode_is "$stage/var/spool/latentd/incoming" 3770
    check "and the same holds for pictures" mode_is "$stage/var/spool/latentd/images" 3770
    check "the state is the daemon's alone" mode_is "$stage/var/lib/latentd" 700
    check "and so is the cache" mode_is "$stage/var/cache/latentd" 700
    check "there is a group of administrators" grep -q '^latentd-admin:' "$stage/etc/group"
    check "nobody looks into work" mode_is "$stage/var/spool/latentd/work" 700
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
