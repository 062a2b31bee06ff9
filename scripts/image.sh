#!/usr/bin/env bash
# In the build of an image (Dockerfile): make the environment of a stage in .venv, and leave only what runs.
#
#   scripts/image.sh onboard|ground
set -eo pipefail # not -u: ROS's setup files read variables that need not be set
cd "$(dirname "$0")/.."

if [ -n "${ROS_DISTRO:-}" ]; then
    # shellcheck source=/dev/null
    . "/opt/ros/$ROS_DISTRO/setup.bash"
fi
scripts/bootstrap.sh "$1" .venv

# What only installs or compiles is not for an image that is replaced whole.
VIRTUAL_ENV=$PWD/.venv .venv/bin/uv pip uninstall --quiet pip
rm -rf .venv/bin/uv .venv/bin/uvx .venv/include requirements interfaces
find scripts -type f ! -name entrypoint.sh -delete
python3 -m compileall -q afss_ros launch
