"""From a run to a student: one `.onnx` that keeps the contract and agrees with the network that was trained."""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

import afss_ros
from afss_ros import datasets
from afss_ros.datasets.form import WHOLE
from afss_ros.distill.data.batches import validation_samples
from afss_ros.distill.data.classes import class_names
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import lineage
from afss_ros.distill.export.agreement import LEAST_SCORE, write_verified
from afss_ros.distill.export.arrange import cast_first
from afss_ros.distill.export.graph import ContractGraph
from afss_ros.distill.export.paddings import fold_paddings
from afss_ros.distill.models import build, own_statistics
from afss_ros.distill.recipe import Recipe, StudentRecipe
from afss_ros.distill.training import checkpoint
from afss_ros.student import contract

_LOG = logging.getLogger(__name__)
_OPSET = 18
_AGREEMENT = 0.999
"""Least share of pixels with torch's label."""


@dataclass(frozen=True)
class ExportOptions:
    """What the exporter decides.

    Attributes:
        input_size: (H, W), divisible by 32.
        labels_stride: input pixels per pixel of the label map.
        box_source: where the student's detections come from, "labels" or "boxes" (see the student contract); with
            "labels" the box head stays on the ground, since nothing on board would read what it costs.
        licence: of the weights.
        training_data: in words; "" describes the recipe's sets.
        metrics: written into the file beside the validation scores.
        score_calibration: makes scores chances; see `student.chances`.
        allow_unlearned: export a student although no label map has taught it some of its parts.
    """

    input_size: tuple[int, int] = (512, 512)
    labels_stride: int = 2
    box_source: str = "labels"
    licence: str = "Apache-2.0"
    training_data: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    allow_unlearned: bool = False
    score_calibration: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if any(side < 32 or side % 32 for side in self.input_size):
            raise DistillError(f"input size must be multiples of 32, got {self.input_size}")
        if self.labels_stride not in (1, 2, 4):
            raise DistillError(f"labels stride must be 1, 2 or 4, got {self.labels_stride}")
        if self.box_source not in ("labels", "boxes"):
            raise DistillError(f"boxes come from labels or boxes, got {self.box_source!r}")


def export(run: Path, out: Path, options: ExportOptions | None = None) -> Path:
    """Write the best weights of a run as a student.

    The file appears only after ONNX Runtime has read it, its contract holds, and its outputs agree with torch's.

    Raises:
        DistillError: the run has no best weights, or the outputs disagree.
        ContractError: the graph breaks the student contract.
    """
    options = options or ExportOptions()
    trained = checkpoint.load_best(run)
    require_learned(run, trained, options)
    graph = rebuild(trained, options)
    content = describe(to_onnx(graph, options.input_size), trained, options)
    write_verified(content, out, graph, [probe(options.input_size)], least_score=LEAST_SCORE, agreement=_AGREEMENT)
    _LOG.info("%s: %.1f MB, input %s", out, out.stat().st_size / 1e6, options.input_size)
    return out


def require_learned(run: Path, trained: checkpoint.Trained, options: ExportOptions) -> None:
    """Refuse a student whose label maps would say what it never learned.

    Raises:
        DistillError: names the parts, and what may be done.
    """
    if not trained.unlearned:
        return
    parts = ", ".join(trained.unlearned)
    if options.allow_unlearned or options.box_source == "boxes":
        _LOG.warning("%s: no label map has taught it %s: what its label maps say of that means nothing", run, parts)
        return
    boxes = "--boxes boxes takes detections from the box head, " if WHOLE in trained.unlearned else ""
    raise DistillError(
        f"{run}: no label map has taught it {parts}, so its label maps would say at random what is {parts}; train it on"
        f" a set that labels them; {boxes}--allow-unlearned exports it all the same"
    )


def export_int8(run: Path, student: Path, out: Path, calibrate: Path | None = None) -> Path:
    """Write the 8-bit version of an exported student, calibrated on a set or on the run's own validation images.

    Raises:
        DistillError, DatasetError: there is nothing to calibrate on.
    """
    from afss_ros.distill.export.quantise import quantise

    if calibrate is None:
        samples = validation_samples(checkpoint.load_best(run).parsed_recipe().data)
    else:
        samples = datasets.load(calibrate).samples
    return quantise(student, out, samples)


def export_weights(run: Path, out: Path) -> Path:
    """Publish the weights of a run of our own networks: smaller than its `best.pt`, to start other trainings from.

    Raises:
        DistillError: the run has none.
    """
    trained = checkpoint.load_best(run)
    checkpoint.publish(out, trained, lineage.of_checkpoint(trained, _start))
    return out


def rebuild(trained: checkpoint.Trained, options: ExportOptions) -> ContractGraph:
    """The trained network inside the contract's graph, in evaluation mode.

    Raises:
        DistillError: boxes are asked for, and the network has no head for them.
    """
    # The weights come from the run: asking for pretrained ones again would need a network.
    student = trained.parsed_recipe().student.model_copy(update={"encoder_weights": None})
    weights = trained.weights
    if options.box_source == "labels":
        student = student.model_copy(update={"box_head": False})
        weights = {name: value for name, value in weights.items() if not name.startswith("box.")}
    elif not student.box_head:
        raise DistillError(f"{student.name} was trained without a box head; export it with --boxes labels")
    network = build(student)
    network.load_state_dict(weights)
    normalise = Normalise(tuple(trained.mean), tuple(trained.std))
    craft_id = len(student.parts) + 1
    return ContractGraph(network, normalise, options.input_size, options.labels_stride, craft_id).eval()


def to_onnx(graph: ContractGraph, input_size: tuple[int, int]) -> bytes:
    """The graph as ONNX with static shapes, constants folded, weights inside."""
    image = torch.zeros(1, *input_size, 3, dtype=torch.uint8)
    target = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        # The TorchScript exporter is deprecated, but folds BatchNorm into convolutions, which the other leaves undone.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph, (image,), target,  # type: ignore[arg-type]
            input_names=["image"], output_names=graph.output_names, opset_version=_OPSET,
            do_constant_folding=True, dynamo=False,
        )  # fmt: skip
    return _folded(target.getvalue())


def _folded(content: bytes) -> bytes:
    """The same graph after ONNX Runtime's basic optimisation: standard operators, what is constant computed.

    The exporter leaves the amounts of a padding as a little graph of shapes; with them every later shape is unknown to
    TensorRT, and to whoever counts multiplications. Once they are known, the convolutions can do the padding.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "folded.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(target))
    used = {node.domain for node in model.graph.node}
    for opset in [o for o in model.opset_import if o.domain not in used]:  # every domain that ONNX Runtime knows
        model.opset_import.remove(opset)
    fold_paddings(model)
    cast_first(model)
    return bytes(model.SerializeToString())


def describe(content: bytes, trained: checkpoint.Trained, options: ExportOptions) -> bytes:
    """The same model with the contract's metadata."""
    recipe = trained.parsed_recipe()
    meaning = contract.StudentContract(
        version=contract.VERSION,
        family=recipe.student.name,
        class_names=class_names(recipe.student.parts),
        input_size=options.input_size,
        labels_size=None,
        training_data=options.training_data or lineage.of_checkpoint(trained, _start),
        licence=options.licence,
        metrics={
            "set": _names(recipe),
            **lineage.of_maps(recipe.data.train),
            **{k: round(v, 4) for k, v in trained.metrics.items()},
            **options.metrics,
        },
        producer=f"afss_ros {afss_ros.__version__}, torch {torch.__version__}, step {trained.step}",
        weights_sha256=weights_sha256(trained.weights),
        box_source="boxes" if options.box_source == "boxes" else "",
        score_calibration=options.score_calibration,
    )
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, contract.to_metadata(meaning))
    model.producer_name, model.producer_version = "afss_ros", afss_ros.__version__
    return bytes(model.SerializeToString())


def weights_sha256(weights: Mapping[str, torch.Tensor]) -> str:
    """Hash of names, shapes and values, independent of file formats."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name].detach().cpu().contiguous().numpy()
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def probe(input_size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture with dark sky, coarse blobs and fine noise, the same every time: uint8 (1, H, W, 3)."""
    rng = np.random.default_rng(0)
    height, width = input_size
    coarse = np.kron(rng.integers(0, 200, (height // 32, width // 32, 3)), np.ones((32, 32, 1)))
    coarse[: height // 2] *= 0.1
    return (coarse + rng.integers(0, 30, (height, width, 3))).astype(np.uint8)[None]


def _names(recipe: Recipe) -> str:
    sets = recipe.data.validation or recipe.data.train
    return (
        ", ".join(p.name for p in sets)
        + f" ({recipe.data.validation_split or 'all'}), at {recipe.data.validation_size}"
    )


def _start(student: StudentRecipe) -> str:
    """What the weights of our own networks begin with."""
    weights = student.encoder_weights
    if weights is None or (weights == "packaged" and own_statistics(student) is None):
        return lineage.NOISE
    return lineage.IMAGENET
