#!/usr/bin/env bash
# The Pythons of this machine that can run afss_ros, one a version, oldest first: "3.11 /usr/bin/python3.11".
# Those that are not there, or lack something, are named on the error stream.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/machine.sh
unset PYTHONPATH PYTHONHOME

declare -A found lacking
for candidate in $(candidates); do
    facts=$(facts_of "$candidate") || continue
    is_supported "$facts" || continue
    version=$(cut -d . -f 1,2 <<<"$facts")
    if [[ $facts == *" no-"* ]]; then
        lacking[$version]="has ${facts#* * * }"
    else
        : "${found[$version]:=$(cut -d ' ' -f 2 <<<"$facts")}"
    fi
done
for ((minor = OLDEST_PYTHON; minor <= NEWEST_PYTHON; minor++)); do
    version=3.$minor
    if [ -n "${found[$version]:-}" ]; then
        echo "$version ${found[$version]}"
    else
        echo "Python $version ${lacking[$version]:-is not on this machine}: not tested here" >&2
    fi
done
