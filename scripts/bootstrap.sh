#!/usr/bin/env bash
# Make a virtual environment that can run afss_ros, or bring one up to date; nothing to do costs a few milliseconds.
#
#   scripts/bootstrap.sh STAGE [VENV]     STAGE: onboard | test | ground | optional (requirements/README.md), VENV: .venv
#
# PYTHON=python3.10 chooses the interpreter. OVERRIDE=opencv4-numpy1 puts requirements/opencv4-numpy1.txt over the pins.
# Where ROS 2 is sourced it is used; elsewhere its wheels are installed and the vision_msgs bindings are generated.
set -euo pipefail
cd "$(dirname "$0")/.."

UV_VERSION=0.13.8
stage=${1:?usage: scripts/bootstrap.sh onboard|test|ground|optional [VENV]}
venv=${2:-.venv}
override=${OVERRIDE:-}

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() {
    printf '\033[31merror:\033[0m %s\n' "$@" >&2
    exit 1
}

# The ROS wheels start Python anew once, to set the path of their libraries; a parent's marker from another environment
# would keep this one from doing so, and its Python path would shadow our packages.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE PYTHONHOME VIRTUAL_ENV

# The Python of a sourced ROS 2; empty where none is sourced. ROS and wheels in one process do not go together.
python_of_ros() {
    [ -n "${ROS_DISTRO:-}" ] || return 0
    local candidate
    for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
        if "$candidate" -c 'import rclpy' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "ROS 2 $ROS_DISTRO is sourced, but ${PYTHON:-python3} cannot import rclpy:" \
        "$("${PYTHON:-python3}" -c 'import rclpy' 2>&1 | tail -n 1)" \
        "Set PYTHON to the Python it was built for, or use a shell in which ROS is not sourced."
}

suits() { # PYTHON: runs, has a version that the pins cover, and can make virtual environments
    "$1" -c 'import sys, venv, ensurepip; raise SystemExit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.10}; do
        if suits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    local found
    found=$(python3 --version 2>/dev/null || echo "no python3")
    die "found no usable Python 3.10, 3.11 or 3.12 (python3 is: $found; ${PYTHON:+PYTHON is: $PYTHON})." \
        "On Debian or Ubuntu:  sudo apt install python3 python3-venv python3-dev g++ make"
}

check_machine() {
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die \
        "there are ROS 2 wheels for Linux on x86_64 only, this is $(uname -s) on $(uname -m)." \
        "Install ROS 2 Jazzy, source it (source /opt/ros/jazzy/setup.bash), and run make again."
    local missing=()
    command -v g++ >/dev/null || missing+=(g++)
    [ -f "$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
        missing+=("$("$1" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')")
    [ ${#missing[@]} = 0 ] || die "the vision_msgs bindings are compiled here, and this is missing: ${missing[*]}." \
        "On Debian or Ubuntu:  sudo apt install ${missing[*]}"
}

stamp_of() { # STAGE: what its installation depends on
    {
        echo "$1 $override $ros"
        # The optional models are installed over `ground`.
        if [ "$1" = optional ]; then cat requirements/ground.txt; fi
        cat requirements/"$1".txt requirements/ros.txt requirements/opencv4-numpy1.txt scripts/bootstrap.sh setup.py
        cat scripts/generate_vision_msgs.py interfaces/vision_msgs/msg/*.msg
        find launch -name '*.launch.*' | sort
    } | sha256sum | cut -d ' ' -f 1
}

is_done() { [ "$(cat "$venv/.bootstrap-$1" 2>/dev/null)" = "$(stamp_of "$1")" ]; }

make_venv() {
    local python options=()
    if [ "$ros" = sourced ]; then
        python=$ros_python
        suits "$python" || die "ROS 2 $ROS_DISTRO is sourced, but its $python cannot make virtual environments." \
            "On Ubuntu:  sudo apt install python3-venv"
        options=(--system-site-packages)
    else
        python=$(find_python)
        check_machine "$python"
    fi
    say "Creating $venv with $("$python" --version)"
    "$python" -m venv "${options[@]}" "$venv"
    # Keeps colcon out of the environment's packages.
    touch "$venv/COLCON_IGNORE"
}

install_packages() { # STAGE [OPTION...]
    local arguments=(--requirement "requirements/$1.txt" "${@:2}") pins=$override
    if [ "$ros" = sourced ]; then
        # The ROS distribution's cv_bridge was built against NumPy 1 and OpenCV 4.
        pins=opencv4-numpy1
    else
        arguments+=(--requirement requirements/ros.txt)
    fi
    [ -z "$pins" ] || arguments+=(--override "requirements/$pins.txt")
    # On a terminal uv shows its progress; in a log the list of packages would bury everything else.
    [ -t 2 ] || arguments+=(--quiet)
    VIRTUAL_ENV=$venv "$venv/bin/uv" pip install "${arguments[@]}"
}

install() {
    [ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet "uv==$UV_VERSION"
    if [ "$stage" = optional ]; then
        install_packages ground
        # sam2 comes as source: built with the torch that is there, and without the CUDA kernel that fills small holes.
        SAM2_BUILD_CUDA=0 install_packages optional --no-build-isolation-package sam2
    else
        install_packages "$stage"
    fi
    VIRTUAL_ENV=$venv "$venv/bin/uv" pip install --quiet --no-deps --no-build-isolation --editable .
    "$venv/bin/python" scripts/generate_vision_msgs.py
    register
}

# What a colcon build would install, as links: `ros2 launch` and the ament index find the checkout in this prefix.
register() {
    local share=$venv/share name console_scripts
    console_scripts='
from importlib.metadata import distribution
print(*(entry.name for entry in distribution("afss_ros").entry_points if entry.group == "console_scripts"))'
    mkdir -p "$share/afss_ros" "$share/ament_index/resource_index/packages" "$venv/lib/afss_ros"
    for name in package.xml config demo models; do
        ln -sfn "$PWD/$name" "$share/afss_ros/$name"
    done
    # `ros2 launch` does not follow a link to a folder: a folder of links.
    rm -rf "$share/afss_ros/launch"
    cp -rs "$PWD/launch" "$share/afss_ros/launch"
    cp resource/afss_ros "$share/ament_index/resource_index/packages/afss_ros"
    for name in $("$venv/bin/python" -c "$console_scripts"); do
        ln -sfn "../../bin/$name" "$venv/lib/afss_ros/$name"
    done
}

ros_python=$(python_of_ros)
ros=${ros_python:+sourced}
ros=${ros:-wheels}
case $stage in
    onboard) supersets=(onboard test ground) ;;
    test) supersets=(test ground) ;;
    ground | optional) supersets=("$stage") ;;
    *) die "unknown stage '$stage': expected onboard, test, ground or optional." ;;
esac
for superset in "${supersets[@]}"; do
    if is_done "$superset"; then exit 0; fi
done

made_for() { grep -q '^include-system-site-packages = true' "$venv/pyvenv.cfg" && echo sourced || echo wheels; }
if [ -e "$venv/pyvenv.cfg" ] && [ "$(made_for)" != "$ros" ]; then
    die "$venv was made for ROS 2 from '$(made_for)', but this shell has it from '$ros'; make it anew: make distclean"
fi
started=$SECONDS
[ -x "$venv/bin/python" ] || make_venv
say "Installing the packages of stage '$stage' into $venv (ROS 2: $ros)"
install
stamp_of "$stage" > "$venv/.bootstrap-$stage.partial"
mv "$venv/.bootstrap-$stage.partial" "$venv/.bootstrap-$stage"
say "Ready after $((SECONDS - started)) s: $venv"
