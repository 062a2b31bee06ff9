"""A torch graph of any family as a student on disk: it appears only when ONNX Runtime, torch and the contract agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

import afss_ros
from afss_ros.distill.export.agreement import Graph, write_verified
from afss_ros.distill.export.to_onnx import ExportOptions, probe, to_onnx, weights_sha256
from afss_ros.distill.families.family import Outcome
from afss_ros.distill.recipe import Recipe
from afss_ros.labels import CLASS_NAMES
from afss_ros.student import contract
from afss_ros.student.contract import StudentContract


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
        score_calibration=options.score_calibration,
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
    pictures = [probe(described.input_size), *(image[None] for image in images)]
    write_verified(model.SerializeToString(), out, graph, pictures, least_score=least_score)
    return out
