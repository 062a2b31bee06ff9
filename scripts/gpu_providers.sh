#!/usr/bin/env bash
# What ONNX Runtime's providers make of the student that flies on a GPU, and what the node costs on each, in one go, for a
# machine that is lent for minutes. What does not start here is named and left out, so that it runs without a GPU, too.
#
#   scripts/gpu_providers.sh OUT [MODEL.onnx]
#
# PYTHON=.venv/bin/python: what is asked of it has the packages of requirements/onboard.txt, rich, and for a GPU
# onnxruntime-gpu (docs/gpu.md). FRAMES=200 of each leg and of the node's own cost, FLOW=10 seconds of images to the node
# at 30 Hz. NODE=: leave the node out.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:?usage: scripts/gpu_providers.sh OUT [MODEL.onnx]}
model=${2:-models/student-fp32.onnx}
python=${PYTHON:-.venv/bin/python}
mkdir -p "$out"
exec > >(tee -a "$out/log.txt") 2>&1

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv 2> /dev/null || echo "no GPU here: every figure is the CPU's"
"$python" -c 'import onnxruntime as ort; print("onnxruntime", ort.__version__, ort.get_available_providers())'

# Placement first: cheap, and it says at once what is the matter with a provider.
for provider in tensorrt cuda openvino cpu; do
    printf '\n== %s\n' "$provider"
    "$python" -m afss_ros.cli check-model "$model" --provider "$provider" --max-cpu-share 1 --times || true
done

printf '\n== in turns\n'
"$python" -m afss_ros.evaluation.providers "$model" --frames "${FRAMES:-200}" \
    ${NODE-"--node"} --seconds "${FLOW:-10}" --out "$out"
