"""What was dropped and why, as one picture: counts, the scores of both sides, and examples of every reason."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.distill.selection.candidates import Candidate
from afss_ros.distill.selection.decide import REASONS, Verdict
from afss_ros.spacing import evenly_spaced

_EXAMPLES = 6
_SIDE = 192  # pixels of an example
_KEPT, _DROPPED = "#4c956c", "#c8553d"
_SCORES = ("agreement", "detector_score", "mask_score", "temporal", "consensus", "score")


def write_picture(path: Path, candidates: Sequence[Candidate], verdicts: Sequence[Verdict]) -> None:
    """Draw the selection as a PNG, whole or not at all."""
    rows = ["", *(r for r in REASONS if any(v.reason == r for v in verdicts))]
    figure = Figure(figsize=(2 * _EXAMPLES, 3.4 + 2.1 * len(rows)), layout="constrained")
    top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(3.4, 2.1 * len(rows)))[:, 0]
    counts_axes, scores_axes = top.subplots(1, 2)
    _counts(counts_axes, verdicts)
    _histogram(scores_axes, candidates, verdicts)
    grid = below.subplots(len(rows), _EXAMPLES, squeeze=False)
    for cells, reason in zip(grid, rows, strict=True):
        _examples(list(cells), reason, candidates, verdicts)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=80)
    write_atomically(path, content.getvalue())


def _counts(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    counts = Counter(v.reason for v in verdicts)
    names = ["", *(r for r in REASONS if counts[r])]
    axes.barh(
        [name or "kept" for name in names],
        [counts[name] for name in names],
        color=[_DROPPED if name else _KEPT for name in names],
    )
    axes.bar_label(axes.containers[0])  # type: ignore[arg-type]
    axes.invert_yaxis()
    axes.set(xlabel="images")


def _histogram(axes: Axes, candidates: Sequence[Candidate], verdicts: Sequence[Verdict]) -> None:
    known = [n for n in _SCORES if any(n in scores for c in candidates for scores in c.scores)]
    if not known:
        axes.set_axis_off()
        return
    name = known[0]
    sides = score_sides(name, candidates, verdicts)
    axes.hist(sides, bins=list(np.linspace(0, 1, 21)), stacked=True, color=[_KEPT, _DROPPED], label=["kept", "dropped"])
    axes.set(xlabel=name.replace("_", " "), ylabel="images")
    axes.legend()


def score_sides(name: str, candidates: Sequence[Candidate], verdicts: Sequence[Verdict]) -> list[list[float]]:
    """A score of the kept images, and of the dropped ones."""
    pairs = list(zip(candidates, verdicts, strict=True))
    return [[c.value(name) for c, v in pairs if v.kept == kept] for kept in (True, False)]


def _examples(cells: list[Axes], reason: str, candidates: Sequence[Candidate], verdicts: Sequence[Verdict]) -> None:
    found = [(c, v) for c, v in zip(candidates, verdicts, strict=True) if v.reason == reason]
    picks = [found[i] for i in evenly_spaced(len(found), _EXAMPLES)]
    for axes in cells:
        axes.set_axis_off()
    for axes, (candidate, verdict) in zip(cells, picks, strict=False):
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        axes.imshow(thumbnail(candidate))
        axes.set_title(verdict.detail[:40] or _short(candidate.key), fontsize=6)
    cells[0].text(
        -0.08, 0.5, reason or "kept", rotation=90, va="center", ha="right", transform=cells[0].transAxes, fontsize=9,
        color=_DROPPED if reason else _KEPT,
    )  # fmt: skip


def _short(text: str, length: int = 34) -> str:
    """The end of a long text: keys differ there."""
    return text if len(text) <= length else "..." + text[-length:]


def thumbnail(candidate: Candidate) -> NDArray[np.uint8]:
    """The image, small, with the outline of its labels; grey where it cannot be read: uint8 (h, w, 3)."""
    sample = candidate.sample
    try:
        image = sample.read_image()
        label_map = None if sample.labels is None else sample.read_labels()
    except DatasetError:
        return np.full((_SIDE, _SIDE, 3), 90, np.uint8)
    scale = _SIDE / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    if label_map is not None:
        ids = cv2.resize(label_map, size, interpolation=cv2.INTER_NEAREST)
        edge = cv2.morphologyEx(ids, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        small[edge] = labels.colorize(np.asarray(cv2.dilate(ids, np.ones((3, 3), np.uint8)), np.uint8))[edge]
    return small
