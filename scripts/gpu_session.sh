#!/usr/bin/env bash
# All that only a GPU can show, in one go, for a machine that is lent for minutes: a student trained at flight size, its
# figures, what ONNX Runtime's providers make of it, and how much faster the teacher labels than the reference way.
#
#   scripts/gpu_session.sh OUT [DATA ...]     DATA: further sets to evaluate on
#
# MINUTES=8 of training, COUNT=20000 training frames, SIZE=384 pixels a side, PYTHON=python3: what is asked of it has
# the packages of requirements/ground.txt. RECIPE=config/train/student_gpu.yaml. OUT keeps students, weights, figures
# and log; frames and checkpoints stay in OUT.work. A step that fails is named at the end, and the others go on. Started
# again, it goes on.
set -uo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:?usage: scripts/gpu_session.sh OUT [DATA ...]}")
sets=()
for data in "${@:2}"; do sets+=("$(realpath "$data")"); done
work=$out.work
recipe=$(realpath "${RECIPE:-config/train/student_gpu.yaml}")
demo=$(realpath demo/demo.mcap)
repository=$PWD
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
mkdir -p "$out" "$work/data"
exec > >(tee -a "$out/log.txt") 2>&1
cd "$work" # where the recipe's data/train and data/val are

python=${PYTHON:-python3}
afss=("$python" -m afss_ros.cli)
failed=()
step() { # NAME COMMAND...
    local name=$1 began=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed+=("$name")
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - began))
}

render() { "${afss[@]}" render "data/$1" --split "$1" --count "$2" --size "${SIZE:-384}" --processes "$(nproc)"; }
evaluate() { "${afss[@]}" evaluate "$out/student.onnx" --data "$1" --json "$out/$(basename "$1").json"; }

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || echo "no GPU here: every figure is the CPU's"
for split in "train ${COUNT:-20000}" "val $((${COUNT:-20000} / 50 + 8))" "test $((${COUNT:-20000} / 50 + 8))"; do
    # shellcheck disable=SC2086
    step "render $split" render $split
done
step train "${afss[@]}" train "$recipe" --minutes "${MINUTES:-8}" --out run
step export "${afss[@]}" export run --size 512 --out "$out/student-fp32.onnx" --int8 "$out/student.onnx" \
    --weights "$out/student.safetensors"
nature() { "${afss[@]}" render "data/$1" --split "$2" --count "$3" --seed "$4" --size "${SIZE:-384}" --nature 0.5 --empty 0.4; }
step "render any" nature any train $((${COUNT:-20000} / 4 + 8)) 8
step "render evidence" nature evidence val $((${COUNT:-20000} / 30 + 40)) 9
tell() { # that there is a craft, and how likely each of them is one
    "${afss[@]}" presence "$out/$1" --data data/any --looks 1 --out "$work/told.onnx" &&
        "${afss[@]}" weigh "$work/told.onnx" --data data/evidence --out "$out/$1"
}
for student in student-fp32.onnx student.onnx; do
    step "presence and evidence of $student" tell "$student"
done
for data in data/test "${sets[@]}"; do
    step "evaluate $data" evaluate "$data"
done
step "providers" env PYTHON="$(command -v "$python")" NODE= "$repository/scripts/gpu_providers.sh" "$out/providers" "$out/student-fp32.onnx"
[ -e untrained/label.yaml ] || step "untrained teacher" "$python" -m afss_ros.teacher.models.untrained untrained
step "teacher" "$python" -m afss_ros.labelling.benchmark "$demo" --config untrained/label.yaml --frames "${FRAMES:-16}" \
    --json "$out/teacher.json"
step "teacher, fp32" "$python" -m afss_ros.labelling.benchmark "$demo" --config untrained/label.yaml \
    --set precision=fp32 --frames "${FRAMES:-16}" --json "$out/teacher-fp32.json"

printf '\n%s\n' "$out:"
ls -l "$out"
[ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}"; exit 1; }
