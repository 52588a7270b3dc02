# A throw-away machine with a real systemd as PID 1, to be sourced. Root only.
#
#   container_boot TREE   boot a copy-on-write view of this host's / with TREE laid over it
#   inside COMMAND ...    run a command in it, as root, outside any unit
#   container_stop        power it off; also done at exit
#
# The view is an overlay whose upper layer is in memory: this host's files are not changed. systemd-nspawn needs the tricks
# of `confine` on hosts with cgroup v1, where memory limits inside a container otherwise cannot be set.

container_name=latentd-check-$$
container_leader= container_pid=
container_groups=()
container_stage=$(mktemp -d)
container_root=$container_stage/root

# On cgroup v1 (or both): a group of our own in each hierarchy, which nspawn then hands to the container read-write.
confine() {
    local controllers path directory
    [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || return 0
    while IFS=: read -r _ controllers path; do
        case $controllers in
            '') directory=/sys/fs/cgroup/unified$path ;;
            name=*) directory=/sys/fs/cgroup/${controllers#name=}$path ;;
            *) directory=/sys/fs/cgroup/$controllers$path ;;
        esac
        [ -d "$directory" ] && mkdir "$directory/$container_name" || continue
        container_groups+=("$directory/$container_name")
        if [ "$controllers" = cpuset ]; then
            cat "$directory/cpuset.cpus" >"$directory/$container_name/cpuset.cpus"
            cat "$directory/cpuset.mems" >"$directory/$container_name/cpuset.mems"
        fi
    done </proc/self/cgroup
}

container_boot() {
    trap container_cleanup EXIT
    mount -t tmpfs -o size=50% tmpfs "$container_stage"
    mkdir "$container_stage"/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$container_stage/upper,workdir=$container_stage/work" "$container_root"
    cp -a "$1"/. "$container_root"/
    chmod 755 "$container_root"
    : >"$container_root/etc/machine-id"
    # Only what the test needs comes up, whatever this host would start.
    ln -sf /lib/systemd/system/basic.target "$container_root/etc/systemd/system/default.target"
    rm -rf "$container_root"/etc/systemd/system/*.wants "$container_root"/var/log/journal

    confine
    (
        for group in "${container_groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
        exec systemd-nspawn --directory="$container_root" --machine="$container_name" --boot --register=no --keep-unit \
            --private-network --link-journal=no --private-users=0:65536 --private-users-ownership=off --console=pipe \
            </dev/null >"$container_stage/console" 2>&1
    ) &
    container_pid=$!
    for _ in {1..200}; do
        container_leader=$(pgrep -P "$container_pid" 2>/dev/null | head -n 1) || true
        [ -z "$container_leader" ] || [ ! -S "/proc/$container_leader/root/run/systemd/private" ] || break
        kill -0 "$container_pid" 2>/dev/null || break
        sleep 0.05
    done
    [ -S "/proc/$container_leader/root/run/systemd/private" ] || { cat "$container_stage/console" >&2; exit 1; }
    inside systemctl is-system-running --wait >/dev/null || true
}

# Every namespace but the user's, so that this host's root keeps its rights.
inside() {
    nsenter -t "$container_leader" -m -u -i -n -p -C -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER=cat "$@"
}

container_stop() {
    local status=0
    [ -n "$container_pid" ] || return 0
    inside systemctl poweroff 2>/dev/null || true
    wait "$container_pid" || status=$?
    container_pid=
    return $status
}

container_cleanup() {
    set +e
    if [ -n "$container_pid" ]; then
        [ -z "$container_leader" ] || kill -RTMIN+4 "$container_leader"
        timeout 20 tail --pid="$container_pid" -f /dev/null || kill -KILL "$container_pid"
        wait "$container_pid"
    fi
    for group in "${container_groups[@]}"; do find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null; done
    umount "$container_root" && umount "$container_stage" && rmdir "$container_stage"
} 2>/dev/null
