#!/usr/bin/env bash
# Resolve requirements/*.txt anew, for every supported Python at once. All arguments go to uv: `make lock ARGS=--upgrade`.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

resolve() { # NAME SOURCE... : the pins of ground.txt bind the smaller sets, so that all sets agree
    local name=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header \
        --custom-compile-command "make lock" "$@" --output-file "requirements/$name.txt"
    echo "requirements/$name.txt: $(wc -l < "requirements/$name.txt") packages"
}

resolve ground setup.py --extra cpu --extra ground --extra geo --extra refer --extra cluster \
    --extra test --extra test-ground requirements/ros-jazzy.in "$@"
pins=(--constraint requirements/ground.txt)
resolve test setup.py --extra cpu --extra test "${pins[@]}"
resolve onboard setup.py --extra cpu "${pins[@]}"
# An environment of its own, with nothing of ours in it.
resolve docs requirements/docs.in "$@"
# Hydra 1.3, the last that sam2 works with, wants an older omegaconf than ground.txt has.
resolve optional setup.py --extra cpu --extra rfdetr --extra sam2 --extra ultralytics \
    --constraint <(grep -v '^omegaconf==' requirements/ground.txt) "$@"
resolve ros-jazzy requirements/ros-jazzy.in "${pins[@]}"
# ROS comes from ros-*.txt or from the machine, never from ground.txt.
sed -i '/^ros-/d' requirements/ground.txt
resolve ros-kilted requirements/ros-kilted.in "${pins[@]}"
