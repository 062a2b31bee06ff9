"""From an EfficientDet run to a student."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from afss_ros.distill.data.batches import validation_samples
from afss_ros.distill.data.crops import fit
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.export import lineage
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.distill.families import onnx_file
from afss_ros.distill.families.efficientdet import start
from afss_ros.distill.families.efficientdet.graph import BoxGraph
from afss_ros.distill.families.efficientdet.network import Detector
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.training import checkpoint


def export(run: Path, out: Path, options: ExportOptions) -> Path:
    """Write the best weights of `run` as a student; see `Family.export`."""
    trained = checkpoint.load_best(run)
    recipe = trained.parsed_recipe()
    graph = rebuild(trained, options)
    outcome = Outcome(trained.step, trained.samples, trained.metrics)
    library = f"effdet {version('effdet')}"
    seen = lineage.of_checkpoint(trained, start)
    described = onnx_file.meaning(recipe, outcome, graph, options, seen=seen, licence=options.licence, library=library)
    height, width = options.input_size
    pictures = [fit(s, height).image for s in validation_samples(recipe.data)[:1]] if height == width else []
    return onnx_file.write(graph, out, described, pictures)


def rebuild(trained: checkpoint.Trained, options: ExportOptions) -> BoxGraph:
    """The trained network inside the contract's graph, in evaluation mode."""
    # The weights come from the run: asking for pretrained ones again would need their package.
    student = trained.parsed_recipe().student.model_copy(update={"encoder_weights": None})
    detector = Detector(student)
    detector.load_state_dict(trained.weights)
    normalise = Normalise(tuple(trained.mean), tuple(trained.std))
    return BoxGraph(detector, normalise, student.name, options.input_size).eval()
