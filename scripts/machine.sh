# shellcheck shell=bash
# What this machine has, and what it lacks: sourced by the scripts beside it, which run in the root of the checkout.
# PYTHON=python3.13 chooses the interpreter.

OLDEST_PYTHON=10 # there are wheels of ROS 2 for Python 3.10 to 3.14
NEWEST_PYTHON=14

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { # WHAT [CURE...]
    printf '\033[31merror:\033[0m %s\n' "$1" >&2
    [ $# = 1 ] || printf '       %s\n' "${@:2}" >&2
    exit 1
}

facts_of() { # PYTHON: "VERSION EXECUTABLE PREFIX [no-venv] [no-headers]"; fails where there is no such Python 3
    "$1" -c '
import os, sys, sysconfig
facts = ["%d.%d.%d" % tuple(sys.version_info[:3])]
facts += [os.path.realpath(getattr(sys, "_base_executable", sys.executable)), getattr(sys, "base_prefix", sys.prefix)]
try:
    import ensurepip, venv
except ImportError:
    facts.append("no-venv")
if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    facts.append("no-headers")
print(" ".join(facts))' 2>/dev/null
}

is_supported() { # VERSION
    local minor=${1#3.}
    [ "$minor" != "$1" ] && ((${minor%%.*} >= OLDEST_PYTHON && ${minor%%.*} <= NEWEST_PYTHON))
}

candidates() { # in the order in which they are taken
    local minor
    echo python3
    echo /usr/bin/python3
    for ((minor = NEWEST_PYTHON; minor >= OLDEST_PYTHON; minor--)); do
        echo "python3.$minor"
        # pyenv's own python3.X runs only for the version that is chosen at present.
        compgen -G "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/3.$minor.*/bin/python3.$minor" || true
    done
}

# Sets `python` and `python_facts` to the first supported Python that lacks nothing, else to the first supported one.
choose_python() {
    local candidate facts found=
    python='' python_facts=''
    for candidate in ${PYTHON:-$(candidates)}; do
        facts=$(facts_of "$candidate") || continue
        found+="${found:+, }$candidate is Python ${facts%% *}"
        is_supported "$facts" || continue
        if [ -z "$python" ] || [[ $python_facts == *" no-"* && $facts != *" no-"* ]]; then
            python=$(command -v "$candidate")
            python_facts=$facts
        fi
        [[ $facts == *" no-"* ]] || return 0
    done
    [ -z "$python" ] || return 0
    local wanted="Python 3.$OLDEST_PYTHON to 3.$NEWEST_PYTHON is needed, for which there are wheels of ROS 2;"
    local cure=("Debian 12 or Ubuntu 22.04 and later have one:  sudo apt install python3 python3-venv python3-dev")
    if [ -n "${PYTHON:-}" ]; then
        die "$wanted PYTHON is $PYTHON, ${found:-which does not run}." "Set PYTHON to one that fits, or unset it." "${cure[@]}"
    elif [ -n "$found" ]; then
        die "$wanted $found." "${cure[@]}" "Where it is not the first of its name:  PYTHON=/usr/bin/python3 make ..."
    fi
    die "$wanted there is no python3 here." "${cure[@]}"
}

check_architecture() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die \
        "there are wheels of ROS 2 for Linux on x86_64 only; this is $(uname -s) on $(uname -m)." \
        "Install ROS 2 itself, which there is for aarch64 too, source it, and run make again (docs/install.md):" \
        "sudo apt install ros-jazzy-ros-base ros-jazzy-vision-msgs && source /opt/ros/jazzy/setup.bash"
}

# One line for each thing that the chosen Python's machine lacks to build the environment, and one command for all.
check_tools() {
    local lacks=() packages=() version
    version=$(cut -d . -f 1,2 <<<"$python_facts")
    if [[ $python_facts == *" no-venv"* ]]; then
        lacks+=("Python $version ($python) cannot make virtual environments: it has no ensurepip")
        packages+=("python$version-venv")
    fi
    if [[ $python_facts == *" no-headers"* ]]; then
        lacks+=("Python $version ($python) has no headers (Python.h), with which the vision_msgs bindings are compiled")
        packages+=("python$version-dev")
    fi
    if ! command -v g++ >/dev/null; then
        lacks+=("there is no g++, with which the vision_msgs bindings are compiled")
        packages+=(g++)
    fi
    [ ${#lacks[@]} = 0 ] && return
    local lack cure=("On Debian or Ubuntu:  sudo apt install ${packages[*]}")
    if [[ ${packages[*]} == *python* && $(cut -d ' ' -f 3 <<<"$python_facts") != /usr ]]; then
        cure+=("That is for the distribution's own Python, which this one is not:  PYTHON=/usr/bin/python3 make ...")
    fi
    for lack in "${lacks[@]:1}"; do printf '\033[31merror:\033[0m %s.\n' "$lack" >&2; done
    die "${lacks[0]}." "${cure[@]}"
}

# LD_LIBRARY_PATH without the folders of environments with ROS wheels. Such a Python puts its own there, in any order, and
# hands them down: another environment's Python would load its ROS libraries from two distributions and crash.
library_path_without_wheels() {
    local part kept=
    while read -r -d : part; do
        if [ -z "$part" ] || [ -e "$part/../pyvenv.cfg" ] || [[ $part == */site-packages/ros_*.libs ]]; then continue; fi
        kept+=${kept:+:}$part
    done <<<"${LD_LIBRARY_PATH:-}:"
    echo "$kept"
}

# uv fails where it can write no cache (a HOME that is read-only, or none): then the environment holds it.
choose_cache() { # VENV
    [ -z "${UV_CACHE_DIR:-}${UV_NO_CACHE:-}" ] || return 0
    local cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
    if [ -n "$cache" ] && mkdir -p "$cache/uv" 2>/dev/null && [ -w "$cache/uv" ]; then return; fi
    UV_CACHE_DIR=$(cd "$1" && pwd)/.bootstrap-cache
    export UV_CACHE_DIR PIP_NO_CACHE_DIR=1
}

# After a failed installation: the proxies that do not answer, by the names of their variables, without passwords.
dead_proxies() { # PYTHON
    "$1" -c '
import os, socket, urllib.parse
for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
    if not os.environ.get(name):
        continue
    try:
        proxy = urllib.parse.urlsplit(os.environ[name])
        if not proxy.hostname:
            raise ValueError("not a URL such as http://proxy:3128")
        shown = "%s://%s:%s" % (proxy.scheme, proxy.hostname, proxy.port or "")
        socket.create_connection((proxy.hostname, proxy.port or 80), timeout=5).close()
    except (OSError, ValueError) as error:
        shown = shown if isinstance(error, OSError) else os.environ[name].rpartition("@")[2]
        print("%s=%s (%s)" % (name, shown, getattr(error, "strerror", None) or error))'
}

index_answers() { # PYTHON
    "$1" -m pip --isolated index versions uv --retries 0 --timeout 10 &>/dev/null ||
        "$1" -m pip index versions uv --retries 0 --timeout 10 &>/dev/null
}
