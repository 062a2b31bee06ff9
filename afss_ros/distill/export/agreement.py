"""Whether a student on disk says what its torch graph says: only then is it there under its name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from afss_ros.distill.errors import DistillError
from afss_ros.put import put
from afss_ros.student import contract
from afss_ros.student.runtime import session_options
from afss_ros.threads import chosen

LEAST_SCORE = 0.05
"""Of boxes that are held against torch, the least that an evaluation looks at."""

_ROWS_AGREE = 0.95
_PIXELS = 0.5
_SCORE = 0.01


class Graph(Protocol):
    """What is exported: camera bytes to the outputs of the student contract, in the order of their names."""

    @property
    def output_names(self) -> Sequence[str]: ...

    def __call__(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]: ...

    def state_dict(self) -> dict[str, Any]: ...


def write_verified(
    content: bytes,
    out: Path,
    graph: Graph,
    images: Sequence[NDArray[np.uint8]],
    *,
    least_score: float = 0.0,
    agreement: float = 0.995,
) -> None:
    """Write a student that keeps the contract, and agrees with torch on images uint8 (1, H, W, 3).

    Args:
        content: the ONNX model.
        out: appears only when all of it holds.
        least_score: boxes with a lower one are not compared. Of a thousand equally bad boxes, the last digit decides
            which are among the best.
        agreement: the least share of pixels with the same label.

    Raises:
        DistillError: labels agree on too few pixels, scores differ, or too many boxes have no counterpart.
        ContractError: the contract is broken.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{os.getpid()}.{out.name}")
    try:
        temporary.write_bytes(content)
        _verify(temporary, graph, images, least_score, agreement)
        put(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _verify(
    path: Path, graph: Graph, images: Sequence[NDArray[np.uint8]], least_score: float, agreement: float
) -> None:
    session = onnxruntime.InferenceSession(str(path), session_options(chosen()), providers=["CPUExecutionProvider"])
    contract.read(session.get_inputs(), session.get_outputs(), session.get_modelmeta().custom_metadata_map)
    names = list(graph.output_names)
    for image in images:
        found = dict(zip(names, session.run(names, {"image": image}), strict=True))
        with torch.inference_mode():
            wanted = dict(zip(names, (o.numpy() for o in graph(torch.from_numpy(image))), strict=True))
        _compare(path.name, found, wanted, least_score, agreement)


def _compare(
    name: str, found: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]], least_score: float, agreement: float
) -> None:
    if "labels" in wanted and (same := float((found["labels"] == wanted["labels"]).mean())) < agreement:
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
