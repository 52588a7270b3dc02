#!/usr/bin/env bash
# usage: scripts/uninstall.sh DESTDIR PREFIX
# Removes what scripts/install.sh put there. Settings, spool, queue and cache are the operator's and stay.
set -euo pipefail
prefix=$1$2
rm -f "$prefix"/bin/latentd "$prefix"/bin/latentctl \
    "$prefix"/lib/systemd/system/latentd.service \
    "$prefix"/lib/sysusers.d/latentd.conf "$prefix"/lib/tmpfiles.d/latentd.conf \
    "$prefix"/share/bash-completion/completions/latentctl "$prefix"/share/zsh/site-functions/_latentctl \
    "$prefix"/share/fish/vendor_completions.d/latentctl.fish
rm -rf "$prefix"/share/latentd "$prefix"/share/doc/latentd
