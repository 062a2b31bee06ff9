"""A torch graph of any family as a student on disk: it appears only when ONNX Runtime, torch and the contract agree."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

import afss_ros
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import ExportOptions, probe, to_onnx, weights_sha256
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.recipe import Recipe
from afss_ros.labels import CLASS_NAMES
from afss_ros.student import contract
from afss_ros.student.contract import StudentContract

_AGREEMENT = 0.995
_ROWS_AGREE = 0.95
_PIXELS = 0.5
_SCORE = 0.01


class Graph(Protocol):
    """What is exported: camera bytes to the outputs of the student contract, in the order of their names."""

    @property
    def output_names(self) -> Sequence[str]: ...

    def __call__(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]: ...

    def state_dict(self) -> dict[str, Any]: ...


def meaning(
    recipe: Recipe, outcome: Outcome, graph: Graph, options: ExportOptions, *, seen: str, licence: str, library: str
) -> StudentContract:
    """What the file says of itself.

    Args:
        seen: what the weights were trained on and started from, see `lineage`.
        licence: of the weights.
        library: that trained it, with its version.
    """
    sets = recipe.data.validation or recipe.data.train
    where = f"{', '.join(p.name for p in sets)} ({recipe.data.validation_split or 'all'}), at {recipe.data.size}"
    return StudentContract(
        version=contract.VERSION,
        family=recipe.student.name,
        class_names=dict(CLASS_NAMES),
        input_size=options.input_size,
        labels_size=None,
        training_data=options.training_data or seen,
        licence=licence,
        metrics={"set": where, **{k: round(v, 4) for k, v in outcome.metrics.items()}, **options.metrics},
        producer=f"afss_ros {afss_ros.__version__}, {library}, torch {torch.__version__}, step {outcome.step}",
        weights_sha256=weights_sha256(graph.state_dict()),
        box_source="boxes" if {"boxes", "labels"} <= set(graph.output_names) else "",
    )


def write(
    graph: Graph,
    out: Path,
    described: StudentContract,
    images: Sequence[NDArray[np.uint8]] = (),
    *,
    least_score: float = 0.0,
) -> Path:
    """Export `graph` with its description, and hold the file against torch.

    Args:
        images: to compare on, uint8 (H, W, 3) of the input's size, beside structured noise.
        least_score: boxes with a lower one are not compared. Of a thousand equally bad boxes, the last digit decides
            which are among the best.

    Raises:
        DistillError: ONNX Runtime and torch disagree.
        ContractError: the contract is broken.
    """
    network: Any = graph
    model = onnx.load_from_string(to_onnx(network, described.input_size))
    onnx.helper.set_model_props(model, contract.to_metadata(described))
    model.producer_name, model.producer_version = "afss_ros", afss_ros.__version__
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{os.getpid()}.{out.name}")
    try:
        temporary.write_bytes(model.SerializeToString())
        verify(temporary, graph, [probe(described.input_size), *(image[None] for image in images)], least_score)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


def verify(path: Path, graph: Graph, images: Sequence[NDArray[np.uint8]], least_score: float = 0.0) -> None:
    """Hold a file against the contract, and against torch on images uint8 (1, H, W, 3).

    Raises:
        DistillError: labels agree on too few pixels, scores differ, or too many boxes have no counterpart.
        ContractError: the contract is broken.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    contract.read(session.get_inputs(), session.get_outputs(), session.get_modelmeta().custom_metadata_map)
    names = list(graph.output_names)
    for image in images:
        found = dict(zip(names, session.run(names, {"image": image}), strict=True))
        with torch.inference_mode():
            wanted = dict(zip(names, (o.numpy() for o in graph(torch.from_numpy(image))), strict=True))
        _compare(path.name, found, wanted, least_score)


def _compare(name: str, found: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]], least_score: float) -> None:
    if "labels" in wanted and (same := float((found["labels"] == wanted["labels"]).mean())) < _AGREEMENT:
        raise DistillError(f"{name}: ONNX Runtime and torch give the same label on only {same:.4f} of the pixels")
    if "boxes" not in wanted:
        return
    if (apart := float(np.abs(np.sort(found["scores"]) - np.sort(wanted["scores"])).max())) > _SCORE:
        raise DistillError(f"{name}: ONNX Runtime and torch give scores that differ by {apart:.4f}")
    if (share := matched_rows(found, wanted, least_score)) < _ROWS_AGREE:
        raise DistillError(f"{name}: ONNX Runtime and torch agree on only {share:.4f} of the boxes")


def matched_rows(found: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]], least_score: float) -> float:
    """The share of `wanted` boxes that `found` has too, in whatever order: rows of nearly equal scores change places.

    A row is the same when its class is, its score differs by less than 0.01 and its corners by less than half a pixel.
    """
    used = wanted["scores"][0] > least_score
    if not used.any():
        return 1.0
    apart = np.abs(wanted["boxes"][0][used][:, None] - found["boxes"][0][None]).max(2)
    score = np.abs(wanted["scores"][0][used][:, None] - found["scores"][0][None])
    kind = wanted["classes"][0][used][:, None] == found["classes"][0][None]
    return float(((apart < _PIXELS) & (score < _SCORE) & kind).any(1).mean())
