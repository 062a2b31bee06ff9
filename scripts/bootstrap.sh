#!/usr/bin/env bash
# Make a virtual environment that can run afss_ros, or bring one up to date; nothing to do costs a few milliseconds.
#
#   scripts/bootstrap.sh STAGE [VENV]     STAGE: onboard | test | ground | optional (requirements/README.md), VENV: .venv
#
# PYTHON=python3.10 chooses the interpreter. ROS_WHEELS=kilted takes those wheels instead of Jazzy's.
# OVERRIDE=opencv4 puts requirements/opencv4.txt over the pins.
# Where ROS 2 is sourced it is used; elsewhere its wheels are installed and the vision_msgs bindings are generated.
#
# An environment is finished when it has the stamp of a stage and no mark of an installation under way. One that was
# left unfinished (Ctrl-C, a power cut) may miss anything: it is made anew. One that was not made here is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/machine.sh

stage=${1:?usage: scripts/bootstrap.sh onboard|test|ground|optional [VENV]}
venv=${2:-.venv}
override=${OVERRIDE:-}
wheels=${ROS_WHEELS:-jazzy}
identity_file=$venv/.bootstrap-made-with
unfinished=$venv/.bootstrap-unfinished

# The ROS wheels start Python anew once, to set the path of their libraries; a parent's marker from another environment
# would keep this one from doing so.
if [ -n "${_ROS_WHEELS_BOOTSTRAP_COMPLETE:-}" ]; then
    LD_LIBRARY_PATH=$(library_path_without_wheels)
    export LD_LIBRARY_PATH
fi
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE PYTHONHOME VIRTUAL_ENV

# The Python of a sourced ROS 2; empty where none is sourced. ROS and wheels in one process do not go together.
python_of_ros() {
    [ -n "${ROS_DISTRO:-}" ] || return 0
    case $ROS_DISTRO in
        foxy | galactic | humble)
            die "ROS 2 $ROS_DISTRO is sourced, which is too old: its rclpy lacks what the nodes are built on." \
                "Use ROS 2 Jazzy or later, or a shell in which no ROS is sourced (docs/install.md)."
            ;;
    esac
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

stamp_of() { # STAGE: what its installation depends on
    {
        echo "$1 $override $ros"
        # The optional models are installed over `ground`.
        if [ "$1" = optional ]; then cat requirements/ground.txt; fi
        cat requirements/"$1".txt requirements/opencv4.txt requirements/uv.txt scripts/bootstrap.sh setup.py
        if [ "$ros" != sourced ]; then cat "requirements/ros-$ros.txt"; fi
        cat scripts/generate_vision_msgs.py interfaces/vision_msgs/msg/*.msg
        find launch -name '*.launch.*' | LC_ALL=C sort
    } | sha256sum | cut -d ' ' -f 1
}

identity() { # what an environment cannot change: its place, its Python, where its ROS comes from
    echo "$(cd "$venv" && pwd -P) $(readlink -f "$venv/bin/python") $ros"
}

is_done() { # STAGE
    [ "$(cat "$venv/.bootstrap-$1" 2>/dev/null)" = "$(stamp_of "$1")" ] && [ -x "$venv/bin/python" ] &&
        [ "$(cat "$identity_file" 2>/dev/null)" = "$(identity)" ] && has_wanted_python
}

has_wanted_python() { # always, unless the user names one
    [ -z "${PYTHON:-}" ] && return
    [ "$(facts_of "$PYTHON" | cut -d ' ' -f 2)" = "$(readlink -f "$venv/bin/python")" ]
}

is_ours() { compgen -G "$venv/.bootstrap-*" >/dev/null; }

# Prints why the environment, which is ours, has to be made anew; nothing where it can be brought up to date.
why_anew() {
    local made_with
    made_with=$(cat "$identity_file" 2>/dev/null || true)
    if [ -e "$unfinished" ]; then
        echo "its installation was interrupted"
    elif [ ! -x "$venv/bin/python" ]; then
        echo "its Python is gone"
    elif [ -n "$made_with" ] && [ "${made_with% *}" != "$(identity | sed 's/ [^ ]*$//')" ]; then
        echo "its Python was replaced, or it was moved"
    elif ! has_wanted_python; then
        echo "its Python is $("$venv/bin/python" -c 'import platform; print(platform.python_version())'), not $PYTHON"
    fi
}

made_for() { # where the ROS of the environment comes from
    if [ -s "$identity_file" ]; then
        sed 's/.* //' "$identity_file"
    elif grep -q '^include-system-site-packages = true' "$venv/pyvenv.cfg"; then
        echo sourced
    else
        echo jazzy
    fi
}

prepare_venv() {
    local reason
    if [ -n "$(ls -A "$venv")" ]; then
        is_ours || die "$venv is there, but was not made by this program, which changes nothing in it." \
            "Name another (VENV=.venv-afss make ...), or remove it."
        reason=$(why_anew)
        if [ -z "$reason" ]; then
            [ "$(made_for)" = "$ros" ] || die "$venv was made for ROS 2 from '$(made_for)', but now it is to come from '$ros'." \
                "Remove what was made (make distclean), or name another environment (VENV=.venv-$ros make ...)."
            return 0
        fi
    fi
    # Before anything is removed, so that an interruption from here on leaves an unfinished environment that is ours.
    find_python
    touch "$unfinished"
    if [ -n "${reason:-}" ]; then
        say "Making $venv anew: $reason"
        find "$venv/" -mindepth 1 ! -path "$venv/.bootstrap-*" -delete
        find "$venv/" -maxdepth 1 -name '.bootstrap-*' -type f ! -path "$unfinished" -delete
    fi
    make_venv
}

find_python() { # sets `python`
    if [ "$ros" = sourced ]; then
        python=$ros_python
        python_facts=$(facts_of "$python")
        [[ $python_facts != *" no-venv"* ]] ||
            die "the Python of the sourced ROS 2, $python, cannot make virtual environments: it has no ensurepip." \
                "On Ubuntu:  sudo apt install python3-venv"
        "$python" -c 'import vision_msgs' 2>/dev/null || die "the sourced ROS 2 $ROS_DISTRO has no vision_msgs." \
            "On Ubuntu:  sudo apt install ros-$ROS_DISTRO-vision-msgs"
    else
        check_architecture
        choose_python
        check_tools
    fi
}

make_venv() {
    local options=()
    [ "$ros" != sourced ] || options=(--system-site-packages)
    say "Creating $venv with Python ${python_facts%% *}"
    "$python" -m venv "${options[@]}" "$venv"
    # Keeps colcon out of the environment's packages.
    touch "$venv/COLCON_IGNORE"
}

install_packages() { # STAGE [OPTION...]
    local arguments=(--require-hashes --requirement "requirements/$1.txt" "${@:2}") pins=$override
    if [ "$ros" = sourced ]; then
        # The ROS distribution's cv_bridge was built against the distribution's NumPy and OpenCV 4.
        pins=opencv4
    else
        arguments+=(--requirement "requirements/ros-$ros.txt")
    fi
    [ -z "$pins" ] || arguments+=(--override "requirements/$pins.txt")
    # On a terminal uv shows its progress; in a log the list of packages would bury everything else.
    [ -t 2 ] || arguments+=(--quiet)
    VIRTUAL_ENV=$venv "$venv/bin/uv" pip install "${arguments[@]}" || explain_failure
}

install_uv() {
    local log=$venv/.bootstrap-pip.log
    [ ! -x "$venv/bin/uv" ] || return 0
    "$venv/bin/python" -m pip install --quiet --require-hashes --requirement requirements/uv.txt 2>"$log" || explain_failure "$(tail -n 1 "$log")"
}

explain_failure() { # [WHAT PIP SAID]
    local dead
    dead=$(dead_proxies "$venv/bin/python")
    [ -z "$dead" ] || die "the package index cannot be reached through the proxy that is set: ${dead//$'\n'/, }." \
        "Set the variable to a proxy that answers, or unset it, and run make again."
    index_answers "$venv/bin/python" || die "the package index cannot be reached from this machine." "${@}" \
        "Behind a proxy:  export https_proxy=http://HOST:PORT    With a mirror:  export PIP_INDEX_URL=... UV_DEFAULT_INDEX=..."
    die "the packages could not be installed: see above." "$@"
}

install() {
    choose_cache "$venv"
    install_uv
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
    "$venv/bin/python" scripts/try_imports.py "$stage"
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

case $stage in
    onboard) supersets=(onboard test ground) ;;
    test) supersets=(test ground) ;;
    ground | optional) supersets=("$stage") ;;
    *) die "unknown stage '$stage': expected onboard, test, ground or optional." ;;
esac
[ -f "requirements/ros-$wheels.txt" ] ||
    die "there are no wheels of ROS 2 '$wheels' (ROS_WHEELS): expected jazzy or kilted."
ros_python=$(python_of_ros)
# A workspace's PYTHONPATH is how its packages are found; beside wheels it can only hide them.
[ -n "$ros_python" ] || unset PYTHONPATH
ros=${ros_python:+sourced}
ros=${ros:-$wheels}

is_ready() {
    local superset
    for superset in "${supersets[@]}"; do
        if is_done "$superset"; then return; fi
    done
    return 1
}

if is_ready; then exit 0; fi
started=$SECONDS
mkdir -p "$venv"
# One at a time; the kernel lets go of it with the last process of a run, however that ends.
exec {lock}<"$venv"
if ! flock --nonblock "$lock"; then
    say "Waiting for another run that installs into $venv"
    flock "$lock"
    if is_ready; then exit 0; fi
fi
prepare_venv
touch "$unfinished"
rm -f "$venv"/.bootstrap-{onboard,test,ground,optional}
say "Installing the packages of stage '$stage' into $venv (ROS 2: $ros)"
install
identity > "$identity_file"
stamp_of "$stage" > "$venv/.bootstrap-$stage.partial"
mv "$venv/.bootstrap-$stage.partial" "$venv/.bootstrap-$stage"
rm "$unfinished"
say "Ready after $((SECONDS - started)) s: $venv"
