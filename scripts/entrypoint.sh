#!/usr/bin/env bash
# What a container of our image starts: the command that is given, after the setup of ROS where the base has one.
set -eo pipefail # not -u: ROS's setup files read variables that need not be set

if [ -n "${ROS_DISTRO:-}" ]; then
    # shellcheck source=/dev/null
    . "/opt/ros/$ROS_DISTRO/setup.bash"
fi
exec "$@"
