#!/usr/bin/env bash
# usage: scripts/install.sh DESTDIR PREFIX SYSCONFDIR BINARIES
# Installs the daemon, its unit, user, spool, settings, models, documents and completions. Keeps settings that are there.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$1 prefix=$2 settings=$1$3/latentd binaries=$4
lib=$root$prefix/lib share=$root$prefix/share

# from FILE TO: FILE with the prefix that it will be run from.
from() {
    sed "s#/usr/\(bin\|share\)/#$prefix/\1/#g" "$1" | install -D -m 644 /dev/stdin "$2"
}

for program in latentd latentctl; do
    install -D -s -m 755 "$binaries/$program" "$root$prefix/bin/$program"
done
from systemd/latentd.service "$lib/systemd/system/latentd.service"
from systemd/latentd.sysusers "$lib/sysusers.d/latentd.conf"
from systemd/latentd.tmpfiles "$lib/tmpfiles.d/latentd.conf"
[ -e "$settings/latentd.yaml" ] || from etc/latentd.yaml "$settings/latentd.yaml"

install -d "$share/latentd/models"
for index in models/*/model_index.json; do
    [ -e "$index" ] || continue
    model=$share/latentd/models/$(basename "$(dirname "$index")")
    # A link of before is not written through, nor does it stand in the way.
    rm -rf "$model"
    cp -rP --no-preserve=ownership "$(dirname "$index")" "$model"
done
# What members of a family share is a link from one to the other, here as there.
if find "$share/latentd/models" -xtype l | grep .; then
    echo "install.sh: these links lead out of models/, where nothing is installed from" >&2
    exit 1
fi
# CLIP's vocabulary, where `make vocabulary` fetched it.
rm -rf "$share/latentd/vocabulary"
[ ! -e vocabulary ] || cp -r --no-preserve=ownership vocabulary "$share/latentd/vocabulary"
chmod -R u=rwX,go=rX "$share/latentd"

for document in README.md LICENSE models/NOTICE docs/*.md docs/*.json; do
    [ ! -e "$document" ] || install -D -m 644 -t "$share/doc/latentd" "$document"
done
ctl=$root$prefix/bin/latentctl
install -D -m 644 <("$ctl" --generate-completion-script bash) "$share/bash-completion/completions/latentctl"
install -D -m 644 <("$ctl" --generate-completion-script zsh) "$share/zsh/site-functions/_latentctl"
install -D -m 644 <("$ctl" --generate-completion-script fish) "$share/fish/vendor_completions.d/latentctl.fish"

[ -n "$root" ] || cat <<'E2'
Installed. Start it with:
    systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload && systemctl enable --now latentd
E2
