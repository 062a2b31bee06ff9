"""From an RF-DETR run to a student. Importing this module imports rfdetr (Apache-2.0)."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from afss_ros.distill import checkpoint
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import ExportOptions
from afss_ros.distill.families import onnx_file
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.families.instances import CLASS_ID, InstanceGraph
from afss_ros.distill.families.rfdetr import LICENCE, require_multiple
from afss_ros.distill.families.rfdetr.network import Rows, build, unit
from afss_ros.distill.families.rfdetr.task import CONFIDENCE
from afss_ros.distill.normalisation import Normalise


def export(run: Path, out: Path, options: ExportOptions) -> Path:
    """Write the best weights of `run` as a student; see `Family.export`."""
    trained = checkpoint.load_best(run)
    recipe = trained.parsed_recipe()
    height, width = options.input_size
    if height != width:
        raise DistillError(f"RF-DETR sees squares, got an input of {options.input_size}")
    require_multiple(height, unit(recipe.student), "the input size")
    # The weights come from the run: those that it started from need not be there any more.
    own = {k: v for k, v in recipe.student.options.items() if k != "weights"}
    network: Any = build(recipe.student.model_copy(update={"options": own}), height)
    network.load_state_dict(trained.weights)
    network.eval().export()
    rows = Rows(network, Normalise(tuple(trained.mean), tuple(trained.std)))
    graph = InstanceGraph(
        rows, CLASS_ID, options.input_size, options.labels_stride, confidence=CONFIDENCE, suppress=None
    ).eval()
    outcome = Outcome(trained.step, trained.samples, trained.metrics)
    library = f"rfdetr {version('rfdetr')}"
    described = onnx_file.meaning(recipe, outcome, graph, options, licence=LICENCE, library=library)
    return onnx_file.write(graph, out, described)
