#!/usr/bin/env bash
# Runs under the thread sanitizer what runs concurrently, under the address sanitizer what handles raw memory.
# Each has a build folder of its own, since a sanitizer changes how every file is compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
export TSAN_OPTIONS="suppressions=$PWD/Tests/Sanitizers/thread.supp"
# What a SIGBUS means is for our own handler to say (CMapping).
export ASAN_OPTIONS=handle_sigbus=0

# under SANITIZER FOLDER TESTS [OPTION ...]: TESTS are the targets of tests, all that is compiled.
under() {
    echo "== $1 sanitizer: $3"
    export LATENTD_TESTS=$3
    "$swift" build -c release --build-tests --sanitize="$1" --scratch-path "$2"
    "$swift" test -c release --skip-build --sanitize="$1" --scratch-path "$2" --filter "${3// /|}" "${@:4}"
}

echo "== the thread sanitizer reports a race"
race=$(mktemp)
trap 'rm -f "$race"' EXIT
"${swift}c" -parse-as-library -sanitize=thread Tests/Sanitizers/Race.swift -o "$race"
if report=$("$race" 2>&1); then
    echo "It missed the race of Tests/Sanitizers/Race.swift." >&2
    exit 1
fi
grep "^SUMMARY: ThreadSanitizer: data race" <<<"$report"

# A kernel is a function of one thread.
under thread .build-tsan 'ComputeTests DaemonUnitTests JobsTests JobStoreTests SettingsTests SpoolTests SystemdTests VarlinkTests' \
    --skip 'ComputeTests.KernelTests'
under address .build-asan 'ComputeTests ImagesTests JobsTests ModelsTests SettingsTests SystemdTests VarlinkTests'
