#!/usr/bin/env bash
# Installs latentd into a tree, boots it under a real systemd, drops jobs and breaks things. Root only.
# usage: Tests/systemd/check.sh BINARIES   (the folder of the binaries to ship)
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "This boots a container, which only root may do." >&2; exit 77; }
binaries=$1
. Tests/systemd/container.sh

started=$(date +%s%N) passed=0 failed=0
say() { printf '[%6.2f] %s\n' "$((($(date +%s%N) - started) / 10000000))e-2" "$*"; }
section() { say "-- $*"; }
check() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then
        say "ok   - $what"
        passed=$((passed + 1))
    else
        say "FAIL - $what"
        failed=$((failed + 1))
    fi
}
# within SECONDS COMMAND ...: waits until the command succeeds.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}
not() { ! "$@"; }
# says TEXT COMMAND ...: what the command prints, whether it succeeds or not, has the text.
says() {
    local text=$1
    shift
    grep -F -- "$text" <<<"$("$@" 2>&1 || true)"
}

property() { inside systemctl show -P "$1" latentd.service; }
is() { [ "$(property "$1")" = "$2" ]; }
is_active() { is ActiveState active; }
as() { inside runuser -u "$@"; }
# journal MATCH ...: the newest entry of the unit that has all these fields; fails when there is none.
journal() { inside journalctl -u latentd.service -o json -n 1 "$@" | grep .; }
said() { inside journalctl -u latentd.service -o cat --no-pager | grep -F -- "$1"; }
has_error() { inside journalctl -u latentd.service -o json -p err --no-pager | grep -F -- "$1"; }
field() { journal "${@:2}" | grep -o "\"$1\":\"[^\"]*\"" | cut -d'"' -f4; }
spool=/var/spool/latentd
# drop USER ID JOB: puts a job into incoming as a user would, whole.
drop() { as "$1" -- sh -c 'cat >"$0/incoming/.$1" && mv "$0/incoming/.$1" "$0/incoming/$1.json"' $spool "$2" <<<"$3"; }
job() { printf '{"id": "%s", "prompt": "a red apple", "seed": 1, "steps": %d}' "$1" "${2:-2}"; }
has_picture() { inside test -s "$spool/done/$1.webp" -a -s "$spool/done/$1.json"; }
state_is() { inside latentctl show "$1" --json | grep -F "\"state\":\"$2\""; }
attempts_are() { inside latentctl show "$1" --json | grep -F "\"attempts\":$2,"; }
# configure LINE ...: lines of [Service] that replace those of the unit until the next call.
configure() {
    inside mkdir -p /run/systemd/system/latentd.service.d
    printf '%s\n' '[Service]' "$@" | inside tee /run/systemd/system/latentd.service.d/check.conf >/dev/null
    inside systemctl daemon-reload
    inside systemctl restart latentd
}

tree=$(mktemp -d)
scripts/install.sh "$tree" /usr /etc "$binaries"
gcc -O1 -Wall -Wextra -Werror -o "$tree/usr/bin/hang" Tests/systemd/hang.c
section "the installed files"
check "systemd accepts the installed unit, user and spool" Tests/systemd/units.sh "$tree"
check "the programs run without a toolchain" env -i "$tree/usr/bin/latentd" --version
container_boot "$tree"
rm -r "$tree"

section "start"
inside useradd --groups latentd alice
inside useradd --groups latentd bob
inside useradd --groups latentd,latentd-admin carol
inside useradd mallory
inside systemctl start latentd.service || inside journalctl -u latentd.service --no-pager
check "active by READY=1" is_active
check "a status is given" not is StatusText ""
check "the daemon is not root" is User latentd
check "the journal has the start as a structured entry" journal _TRANSPORT=journal SYSLOG_IDENTIFIER=latentd PRIORITY=5
pid=$(property MainPID)

section "a job"
drop alice first "$(job first)"
check "a dropped job comes back as a picture" within 60 has_picture first
check "the journal has JOB_ID and JOB_STATE" within 5 journal JOB_ID=first JOB_STATE=succeeded
for name in JOB_MODEL JOB_SECONDS JOB_PEAK_BYTES; do
    check "the journal has $name" field $name JOB_ID=first JOB_STATE=succeeded
done
check "a step is reported with JOB_STEP" journal JOB_ID=first JOB_STEP=2
check "a member of the group reads the picture" as alice -- cat $spool/done/first.webp
check "a member of the group cannot change it" not as alice -- sh -c ": >>$spool/done/first.webp"
check "a member of the group uses latentctl" as alice -- latentctl status
check "others cannot use latentctl" not as mallory -- latentctl status
check "others cannot drop jobs" not drop mallory other "$(job other)"
check "latentctl waits for a picture" as alice -- latentctl submit --wait --steps 2 "a fox"
drop alice bad '{"prompt": "x", "width": 0}'
check "a bad job ends in failed/ with its reason" within 10 inside grep -q width $spool/failed/bad.json
check "nothing but structured entries was logged" not journal _TRANSPORT=stdout
check "latentctl doctor finds the installation sound" inside latentctl doctor

section "members of the group, and an outsider"
state=/var/lib/latentd cache=/var/cache/latentd
for user in alice bob mallory; do
    check "$user cannot lock the queue" not as $user -- flock -n $state/queue.db.lock true
    check "$user cannot read the queue" not as $user -- cat $state/queue.db
    check "$user cannot open its shared memory" not as $user -- cat $state/queue.db-shm
    check "$user cannot look into the cache" not as $user -- ls $cache
done
for file in queue.db queue.db-wal queue.db-shm queue.db.lock; do
    check "$file is for its owner alone" inside sh -c "[ \"\$(stat -c %a $state/$file)\" = 600 ]"
done
check "an administrator pauses the queue" as carol -- latentctl pause
check "a member cannot resume it" not as alice -- latentctl resume
drop alice shared "$(job shared)"
drop bob shared "$(job shared)"
check "the same id of two users is two jobs" within 10 state_is "shared-$(inside id -u bob)" queued
check "each calls the own one so" eval 'as bob -- latentctl show shared --json | grep -F "\"owner\":$(inside id -u bob)"'
drop alice hers "$(job hers)"
check "a job of one's own waits" within 10 state_is hers queued
check "a member cannot cancel another's job" not as bob -- latentctl cancel hers
check "the refusal says who may" says "only its owner" as bob -- latentctl cancel hers
check "its owner can" as alice -- latentctl cancel hers
check "a member cannot calibrate" not as alice -- latentctl calibrate
check "nor pause" not as bob -- latentctl pause
check "an administrator resumes it" as carol -- latentctl resume
check "and bob's job is done" within 60 state_is "shared-$(inside id -u bob)" succeeded
check "an outsider sees nothing of it" not as mallory -- latentctl show shared
# More watchers than one user may have, of a job that does not end while the queue is paused.
as carol -- latentctl pause >/dev/null
drop bob long "$(job long)"
check "a job waits" within 10 state_is long queued
as bob -- sh -c 'for n in $(seq 48); do latentctl watch --json long & done; wait' >/dev/null 2>&1 &
check "a user who watches too much is told so" within 20 says "too many connections" as bob -- latentctl status
check "and keeps no other user out" as alice -- latentctl status
check "nor root" inside latentctl status
as carol -- latentctl resume >/dev/null
check "the watchers end with the job" within 60 state_is long succeeded
as bob -- sh -c 'yes "{" | head -n 5000 >"$0/incoming/.lines" && mv "$0/incoming/.lines" "$0/incoming/lines.jsonl"' $spool
check "five thousand bad lines are two files" within 20 inside test -s $spool/failed/lines.json
check "and no more" eval '[ "$(inside sh -c "ls $spool/failed/ | grep -c ^lines")" -le 2 ]'
# What an earlier release left, and a member's lock that it allowed.
inside systemctl stop latentd
inside sh -c "chmod 750 $state $cache; chmod 640 $state/queue.db*"
check "an older installation is closed at the start" inside systemctl start latentd
check "its folders" inside sh -c "[ \"\$(stat -c %a $state) \$(stat -c %a $cache)\" = '700 700' ]"
check "and its files" inside sh -c "[ \"\$(stat -c %a $state/queue.db)\" = 600 ]"

section "the sandbox"
# As root in the daemon's mount namespace: what root cannot write there, the daemon cannot.
touches() { inside nsenter -t "$(property MainPID)" -m -- touch "$1"; }
for path in /etc/x /usr/x /var/lib/x /home/x /root/x /var/spool/x /sys/x /boot/x; do
    check "$path cannot be written" not touches $path
done
for path in $spool/work/x /var/lib/latentd/x /var/cache/latentd/x /run/latentd/x; do
    check "$path can be written" touches $path
    inside rm -f $path
done
status() { inside grep -q "^$1:[[:space:]]*$2\$" "/proc/$(property MainPID)/status"; }
check "no capability, no new privilege, a filter of system calls" \
    eval 'status CapBnd 0000000000000000 && status NoNewPrivs 1 && status Seccomp 2'

section "a crash"
drop alice crash "$(job crash 40)"
check "the job runs" within 30 state_is crash running
inside systemctl kill -s KILL latentd.service
check "after SIGKILL another process is active" within 20 eval 'is_active && ! is MainPID $pid'
check "the job is completed" within 120 has_picture crash
check "its second attempt was counted" attempts_are crash 2
check "one restart" is NRestarts 1

section "a hung step"
configure WatchdogSec=4s
check "an idle daemon is not taken for a hung one" not within 10 not is NRestarts 0
pid=$(property MainPID)
drop alice hang "$(job hang 200)"
check "the job runs" within 30 state_is hang running
inside hang "$pid" >/dev/null &
check "the watchdog restarts the daemon" within 30 eval 'is_active && ! is MainPID $pid && ! is MainPID 0'
check "the journal says so" said "Watchdog timeout"
check "the job is completed" within 120 has_picture hang

section "a hung measurement"
pid=$(property MainPID)
ticks() { inside cut -d " " -f 14 "/proc/$pid/stat"; }
before=$(ticks)
inside latentctl calibrate >/dev/null 2>&1 &
check "a measurement computes" within 10 eval '[ "$(ticks)" -gt $((before + 50)) ]'
inside hang "$pid" >/dev/null &
check "the watchdog restarts a daemon that hangs while it measures" within 30 eval \
    'is_active && ! is MainPID $pid && ! is MainPID 0'

section "memory"
peak=$(field JOB_PEAK_BYTES JOB_ID=first JOB_STATE=succeeded || echo 0)
configure MemoryMax=$((peak * 5 / 4 + (96 << 20)))
drop alice memory "$(job memory)"
check "a job runs under MemoryMax=$(property MemoryMax), whose plan says $peak" within 60 has_picture memory
# How often the unit's memory reached its limit, by the kernel's own count.
limit_hits() {
    local group=/sys/fs/cgroup$(property ControlGroup) v1=/sys/fs/cgroup/memory$(property ControlGroup)
    inside sh -c "cat $v1/memory.failcnt 2>/dev/null || sed -n 's/^max //p' $group/memory.events"
}
check "the limit was never hit" eval '[ "$(limit_hits)" = 0 ] && is NRestarts 0'
configure Environment=LATENTD_MEMORY_LIMIT=16MiB
drop alice large "$(job large)"
check "a job whose plan needs more than it may is refused" within 10 inside grep -q memory $spool/failed/large.json
configure

section "settings"
inside sh -c 'echo "max_crashes: 5" >/etc/latentd/latentd.yaml'
check "reload takes good settings" inside systemctl reload latentd
inside sh -c 'echo "max_crash: 5" >/etc/latentd/latentd.yaml'
inside systemctl reload latentd || true
check "a bad reload names file, line and key" within 5 \
    has_error "/etc/latentd/latentd.yaml, line 1: unknown key 'max_crash'"
check "and changes nothing" is_active
inside systemctl restart latentd 2>/dev/null || true
check "bad settings refuse the start" not is_active
inside rm /etc/latentd/latentd.yaml
inside systemctl reset-failed latentd
check "without a file it starts again" inside systemctl start latentd

section "stop"
drop alice stop "$(job stop 400)"
check "the job runs" within 30 state_is stop running
before=$SECONDS
inside systemctl stop latentd
check "gone within 10 s" test $((SECONDS - before)) -le 10
check "the stop is clean" is Result success
inside systemctl start latentd
check "the job was given back and goes on" within 30 state_is stop running
check "without being charged for it" attempts_are stop 1
inside latentctl cancel stop >/dev/null || true
check "a cancelled job stops" within 20 state_is stop cancelled
done_twice() { inside journalctl -u latentd -o json JOB_STATE=succeeded | grep -o '"JOB_ID":"[^"]*"' | sort | uniq -d | grep .; }
check "no job was done twice" not done_twice
check "power off" container_stop

if [ $failed -gt 0 ]; then tail -n 20 "$container_stage/console" >&2; fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
