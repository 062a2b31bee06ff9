"""From a run of `afss refer tune` to one `.onnx`, its tokeniser beside it."""

from __future__ import annotations

from pathlib import Path

from afss_ros.refer_training.clipsam.adapter import restored
from afss_ros.refer_training.clipsam.files import to_onnx


def export(run: Path, out: Path) -> Path:
    """Write the adapted network of a run, and SigLIP's tokeniser as the folder `<out>.tokeniser`.

    Raises:
        ReferError: the run holds none, it does not fit into one file, or ONNX Runtime and torch disagree.
    """
    network, tokeniser, recipe, _ = restored(run)
    to_onnx(network, out, recipe.data.size)
    tokeniser.save_pretrained(out.with_name(f"{out.name}.tokeniser"))
    return out
