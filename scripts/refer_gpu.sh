#!/usr/bin/env bash
# All that only weights and a GPU can show of the large network that points with words (docs/refer.md): adapted to public
# sets, and its figures on their test splits.
#
#   scripts/refer_gpu.sh OUT SET ...     SET: an unpacked public set (RRSIS-D, RISBench, RefSegRS, NWPU-Refer, Aerial-D,
#                                        Urban1960SatBench, RefCOCO), or a folder of `afss refer build`
#
# SIGLIP=google/siglip2-so400m-patch16-512, SAM=facebook/sam2.1-hiera-large: names on the Hub, or folders. SIZE=1024,
# STEPS=10000, BATCH=4, WORKERS=8, VALIDATION=1000, PYTHON=python3: what is asked of it has the packages of
# requirements/ground.txt and the extra `refer`. OUT keeps sentences, run, figures, pages and log; started again, it goes
# on. A step that fails is named at the end, and the others go on.
set -uo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:?usage: scripts/refer_gpu.sh OUT SET ...}")
: "${2:?usage: scripts/refer_gpu.sh OUT SET ...}"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
mkdir -p "$out"
exec > >(tee -a "$out/log.txt") 2>&1

afss=("${PYTHON:-python3}" -m afss_ros.cli)
failed=()
step() { # NAME COMMAND...
    local name=$1 began=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@" || failed+=("$name")
    printf -- '-- %s: %d s\n' "$name" $((SECONDS - began))
}

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || echo "no GPU here: every figure is the CPU's"
sets=()
convert() { # SET OUT; what is to be looked at is told, and is no failure
    "${afss[@]}" refer convert "$1" --out "$2" || [ $? -eq 3 ]
}
for set in "${@:2}"; do
    if [ -e "$set/references.jsonl" ]; then
        sets+=("$(realpath "$set")")
        continue
    fi
    own=$out/sentences/$(basename "$set")
    [ -e "$own/references.jsonl" ] || step "convert $set" convert "$set" "$own"
    [ -e "$own/references.jsonl" ] && sets+=("$own")
done
[ ${#sets[@]} -gt 0 ] || { echo "no set of sentences is left to learn from"; exit 1; }

recipe=$out/recipe.yaml
{
    printf 'base:\n  siglip: "%s"\n  sam: "%s"\n' "${SIGLIP:-google/siglip2-so400m-patch16-512}" "${SAM:-facebook/sam2.1-hiera-large}"
    printf 'data:\n  sets:\n'
    printf '    - "%s"\n' "${sets[@]}"
    printf '  size: %d\n  workers: %d\n  validation_sentences: %d\n' "${SIZE:-1024}" "${WORKERS:-8}" "${VALIDATION:-1000}"
    printf 'learn:\n  steps: %d\n  batch: %d\n' "${STEPS:-10000}" "${BATCH:-4}"
} >"$recipe"
step tune "${afss[@]}" refer tune "$recipe" --out "$out/run"
for set in "${sets[@]}"; do
    name=$(basename "$set")
    step "evaluate $name" "${afss[@]}" refer evaluate "$out/run" --data "$set" --split test --controls \
        --json "$out/$name.json" --html "$out/$name.html"
done
step export "${afss[@]}" refer export "$out/run" --out "$out/large.onnx"

printf '\n%s\n' "$out:"
ls -l "$out"
[ ${#failed[@]} -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}"; exit 1; }
