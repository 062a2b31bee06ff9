"""From an RF-DETR run to a student. Importing this module imports rfdetr (Apache-2.0)."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import lineage
from afss_ros.distill.export.agreement import LEAST_SCORE
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families import onnx_file
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.families.instances import CLASS_ID, InstanceGraph
from afss_ros.distill.families.rfdetr import LICENCE, require_multiple, start
from afss_ros.distill.families.rfdetr.network import Rows, build, unit
from afss_ros.distill.families.rfdetr.task import CONFIDENCE
from afss_ros.distill.training import checkpoint


def export(run: Path, out: Path, options: ExportOptions) -> Path:
    """Write the best weights of `run` as a student; see `Family.export`."""
    trained = checkpoint.load_best(run)
    recipe = trained.parsed_recipe()
    height, width = options.input_size
    if height != width:
        raise DistillError(f"RF-DETR sees squares, got an input of {options.input_size}")
    require_multiple(height, unit(recipe.student), "the input size")
    rows = rows_network(trained, height)
    graph = InstanceGraph(
        rows, CLASS_ID, options.input_size, options.labels_stride, confidence=CONFIDENCE, suppress=None
    ).eval()
    outcome = Outcome(trained.step, trained.samples, trained.metrics)
    library = f"rfdetr {version('rfdetr')}"
    seen = lineage.of_checkpoint(trained, start)
    described = onnx_file.meaning(recipe, outcome, graph, options, seen=seen, licence=LICENCE, library=library)
    return onnx_file.write(graph, out, described, least_score=LEAST_SCORE)


def rows_network(trained: checkpoint.Trained, size: int) -> Rows:
    """The trained network as `InstanceGraph` wants it, its positions settled for images of `size`."""
    student = trained.parsed_recipe().student
    # The weights come from the run: those that it started from need not be there any more.
    own = {k: v for k, v in student.options.items() if k != "weights"}
    network: Any = build(student.model_copy(update={"options": own}), size)
    network.load_state_dict(trained.weights)
    network.eval().export()
    return Rows(network, Normalise(tuple(trained.mean), tuple(trained.std))).eval()
