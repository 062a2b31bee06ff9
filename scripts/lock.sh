#!/usr/bin/env bash
# Resolve requirements/*.txt anew, for every supported Python at once. All arguments go to uv: `make lock ARGS=--upgrade`.
# Every version comes with the hashes of its files, which scripts/bootstrap.sh and pip check when they install it.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

compile() { # NAME [OPTION...] SOURCE...
    local name=$1
    shift
    "$uv" pip compile --quiet --generate-hashes --no-annotate --no-header --custom-compile-command "make lock" \
        "$@" --output-file "requirements/$name.txt"
    echo "requirements/$name.txt: $(grep -c '==' "requirements/$name.txt") packages"
}

resolve() { # NAME SOURCE...
    compile "$1" --universal --python-version 3.10 "${@:2}"
}

pins_of() { # NAME: its versions, without the hashes
    sed -n '/^[a-z]/s/ *\\$//p' "requirements/$1.txt"
}

resolve ground setup.py --extra cpu --extra ground --extra geo --extra refer --extra cluster \
    --extra test --extra test-ground requirements/ros-jazzy.in "$@"
# The pins of ground.txt bind the smaller sets, so that all sets agree.
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
pins_of ground > "$pins"
resolve test setup.py --extra cpu --extra test --constraint "$pins"
resolve onboard setup.py --extra cpu --constraint "$pins"
# Environments of their own, with nothing of ours in them; the second is what installs the others.
resolve docs requirements/docs.in "$@"
resolve uv requirements/uv.in "$@"
# Hydra 1.3, the last that sam2 works with, wants an older omegaconf than ground.txt has.
resolve optional setup.py --extra cpu --extra openvino --extra rfdetr --extra sam2 --extra ultralytics --extra writer \
    --constraint <(grep -v '^omegaconf==' "$pins") "$@"
resolve ros-jazzy requirements/ros-jazzy.in --constraint "$pins"
# ROS comes from ros-*.txt or from the machine, never from ground.txt.
awk '/^[^ ]/ { ours = !/^ros-/ } ours' requirements/ground.txt > requirements/.ground.txt
mv requirements/.ground.txt requirements/ground.txt
pins_of ground > "$pins"
resolve ros-kilted requirements/ros-kilted.in --constraint "$pins"
# What distributions have: exactly this, whatever it would like beside it.
resolve opencv4 requirements/opencv4.in --no-deps
