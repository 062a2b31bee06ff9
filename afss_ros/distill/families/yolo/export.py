"""From a YOLO run to a student. Importing this module imports ultralytics (AGPL-3.0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import ultralytics
from numpy.typing import NDArray
from torch import nn
from ultralytics.nn.tasks import load_checkpoint

from afss_ros.datasets.pictures import read_rgb
from afss_ros.distill import recipe as recipes
from afss_ros.distill.export.agreement import LEAST_SCORE
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families import onnx_file, run_directory
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.families.instances import CLASS_ID, InstanceGraph
from afss_ros.distill.families.yolo import seen, weights
from afss_ros.distill.families.yolo.library import LICENCE
from afss_ros.student import letterbox


def export(run: Path, out: Path, options: ExportOptions) -> Path:
    """Write the best weights of `run` as a student; see `Family.export`."""
    recipe, progress = recipes.load(run / "recipe.yaml"), run_directory.read_progress(run)
    graph = InstanceGraph(
        rows_network(weights(run)),
        CLASS_ID,
        options.input_size,
        options.labels_stride,
        confidence=progress.confidence,
    ).eval()
    outcome = Outcome(progress.step, progress.samples, progress.best)
    library = f"ultralytics {ultralytics.__version__}"
    described = onnx_file.meaning(recipe, outcome, graph, options, seen=seen(run), licence=LICENCE, library=library)
    pictures = _pictures(run, options.input_size)
    return onnx_file.write(graph, out, described, pictures, least_score=LEAST_SCORE)


def rows_network(path: Path) -> nn.Module:
    """The trained network, convolutions and normalisation merged, that gives `InstanceGraph` its rows and prototypes.

    YOLO26 has a second head that says each object once; the first is the one that ultralytics validates with.
    """
    network: nn.Module = load_checkpoint(path)[0]
    head: Any = network.model[-1]  # type: ignore[index]
    head.end2end = False
    merged: nn.Module = network.fuse()  # type: ignore[operator]
    head.export, head.format, head.xyxy = True, "onnx", True
    return merged.eval()


def _pictures(run: Path, size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """The first validation picture, as the student would see it."""
    pictures = []
    for path in sorted((run / "data/images/val").glob("*"))[:1]:
        image = read_rgb(path)
        blank = np.zeros((*size, 3), np.uint8)
        pictures.append(letterbox.apply(image, letterbox.fit(image.shape[:2], size), blank))
    return pictures
