#!/usr/bin/env bash
# What a newcomer on another Debian meets: a bare system of SUITE in a folder, README.md's packages, a fresh clone of HEAD.
#
#   scripts/chroot.sh SUITE [COMMAND]      SUITE: bookworm | trixie | forky | ..., COMMAND: "make demo && make test"
#
# Needs root and debootstrap. ROOT=/var/tmp/afss-SUITE is the folder; a base system that is there is used again, the clone
# is made anew. MIRROR is the Debian mirror, by default the one that apt has here; how apt, pip and uv are set up on this
# machine holds in there as well, and uv's cache is shared. KEEP_CLONE=1 goes on in the clone of the last run.
# Exit code 75: there is no such system to be had here (no root, no mirror, a Python that nobody has wheels for).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/machine.sh

suite=${1:?usage: scripts/chroot.sh SUITE [COMMAND]}
command=${2:-make demo && make test}
root=${ROOT:-/var/tmp/afss-$suite}
checkout=/root/afss_ros

not_here() { # WHAT [CURE...]
    (die "$@") || exit 75
}

[ "$(id -u)" = 0 ] || not_here "a chroot is made by root only." "sudo scripts/chroot.sh $suite"
command -v debootstrap >/dev/null || not_here "there is no debootstrap." "On Debian or Ubuntu:  sudo apt install debootstrap"
unshare --mount true 2>/dev/null || not_here "this machine lets nobody mount anything, not even root: is it a container?"

if [ -z "${KEPT_MOUNTS:-}" ]; then # again, where mounts and processes end with this program
    KEPT_MOUNTS=1 exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi

mirror_of_apt() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        grep -v security | sed -n 1p
}

make_base() {
    local mirror=${MIRROR:-$(mirror_of_apt)} recipe=()
    [ -n "$mirror" ] || not_here "apt on this machine knows no Debian mirror." "MIRROR=http://... scripts/chroot.sh $suite"
    # A suite younger than this debootstrap is made as Debian's unstable is.
    [ -e "/usr/share/debootstrap/scripts/$suite" ] || recipe=(sid)
    say "Making a bare $suite in $root"
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" "${recipe[@]}" >"$root.log" 2>&1 ||
        not_here "debootstrap failed: $(tail -n 1 "$root.log")" "Its log: $root.log"
    touch "$root/.made"
}

take_over_settings() { # of this machine's network: names, certificates, apt, pip
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    apt-config dump | grep -E '^Acquire::[^ ]+ ' >"$root/etc/apt/apt.conf.d/99machine"
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
}

mount_kernel() {
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs shm "$root/dev/shm" # another machine's programs do not share its memory with this one's
    local cache=${UV_CACHE_DIR:-$HOME/.cache/uv}
    mkdir -p "$cache" "$root/root/.cache/uv"
    mount --bind "$cache" "$root/root/.cache/uv"
}

inside() { # COMMAND: run in the chroot, with the variables that say how to reach the network
    local kept=()
    mapfile -t kept < <(env | grep -E '^(PIP_|UV_INDEX|UV_DEFAULT|SSL_|REQUESTS_|CURL_|[a-zA-Z]+_proxy=|[A-Z]+_PROXY=|CI=)' || true)
    chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" "${kept[@]}" bash -euc "$1"
}

# The words of README.md, and no others.
packages=$(sed -nE 's/^sudo apt install ([^#]*).*/\1/p' README.md | xargs)
[ -n "$packages" ] || die "README.md names no packages: a line that starts with 'sudo apt install'."

# Debian's testing moves on: packages of today do not go with a base of last month.
if [ -z "$(find "$root/.made" -mtime -7 2>/dev/null)" ]; then
    rm -rf --one-file-system "$root"
    make_base
fi
take_over_settings
mount_kernel
say "Installing what README.md names: $packages"
inside "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq $packages" >"$root.log" 2>&1 ||
    not_here "apt failed: $(tail -n 1 "$root.log")" "Its log: $root.log"
take_over_settings
if [ -z "${KEEP_CLONE:-}" ]; then
    rm -rf "$root$checkout"
    git clone --quiet --no-hardlinks "$PWD" "$root$checkout"
fi
version=$(inside 'python3 -c "import platform; print(platform.python_version())"')
is_supported "$version" || not_here "$suite has Python $version, for which there are no wheels of ROS 2 yet."
say "$(inside '. /etc/os-release; echo "$PRETTY_NAME, $(python3 --version)"'): $command"
inside "cd $checkout; $command"
