"""The answers to many views of one frame, as the answer of one large network: see `tiling`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection
from afss_ros.student import seams
from afss_ros.student.letterbox import Letterbox, Size, boxes_to_network, boxes_to_source
from afss_ros.student.seams import Boxes, Found
from afss_ros.student.tiling import LabelView, Plan, blend, weights

Outputs = Mapping[str, NDArray[Any]]
"""A network's outputs by name, each with its batch dimension; see docs/student_contract.md."""

_WHOLE_WEIGHT = 4.0
"""Of the whole view in a large craft, against 1 for all tiles together: it decides unless it is very unsure."""
_CELLS = 64, 64
_ALONG = np.s_[:, None], np.s_[None]
_LARGE = 0.5
"""Craft longer than so much of a tile are large: more often than not a tile shows them cut off. See docs/tiling.md."""


def large_craft(detections: Sequence[Detection], plan: Plan) -> tuple[Detection, ...]:
    """The detections, in pixels of the frame, that are large for a tile."""
    y, x = plan.box.scale_yx
    width, height = _LARGE * plan.cols.tile / x, _LARGE * plan.rows.tile / y
    sides = [d.box_xyxy[2:] - d.box_xyxy[:2] for d in detections]
    return tuple(d for d, side in zip(detections, sides, strict=True) if side[0] > width or side[1] > height)


def stitch_labels(
    whole: Outputs, tiles: Sequence[Outputs], plan: Plan, whole_box: Letterbox, large: Sequence[Detection]
) -> dict[str, NDArray[np.uint8]]:
    """`labels` and `confidence`, uint8 (1, h, w), of the canvas.

    Args:
        whole: the outputs for the whole frame, scaled down through `whole_box`.
        tiles: the outputs for every window of the plan.
        large: detections of the whole view, in pixels of the frame, in whose boxes it has a vote too.
    """
    rows, cols = weights(plan.rows, plan.scale_yx[0]), weights(plan.cols, plan.scale_yx[1])
    views = []
    for number, (outputs, (y, x)) in enumerate(zip(tiles, plan.windows, strict=True)):
        row, col = divmod(number, len(cols))
        window = (_scaled(y, plan.scale_yx[0]), _scaled(x, plan.scale_yx[1]))
        views.append(LabelView(*window, *_maps(outputs), np.outer(rows[row], cols[col])))
    if large:
        seen_in = _windows_of(large, plan)
        at = _rows_and_cols_in(whole["labels"].shape[1:], plan, whole_box)
        views += [_whole_view(whole, at, *window) for window in seen_in]
    labels, confidence = blend(views, plan.labels_size)
    return {"labels": labels[None], "confidence": confidence[None]}


def stitch_presence(whole: Outputs, tiles: Sequence[Outputs], plan: Plan) -> dict[str, NDArray[np.float32]]:
    """`presence` as float32 (1, r, c): in each cell of a grid over the canvas, the largest of all looks at it."""
    canvas = plan.rows.length, plan.cols.length
    y, x = (((np.arange(n) + 0.5) * length / n)[s] for n, length, s in zip(_CELLS, canvas, _ALONG, strict=True))
    chances = np.full(_CELLS, whole["presence"][0], np.float32)
    for outputs, (rows, cols) in zip(tiles, plan.windows, strict=True):
        shown = (rows.start <= y) & (y < rows.stop) & (cols.start <= x) & (x < cols.stop)
        chances = np.where(shown, np.maximum(chances, outputs["presence"][0]), chances)
    return {"presence": chances[None]}


def stitch_boxes(
    whole: Outputs, tiles: Sequence[Outputs], plan: Plan, whole_box: Letterbox, least_score: float
) -> dict[str, NDArray[Any]]:
    """`boxes`, `scores` and `classes` of the canvas, as many rows as there are.

    Boxes are merged exactly where a craft is cut, so the whole view's are taken only for craft that no tile holds.

    Args:
        whole, tiles, whole_box: as for `stitch_labels`.
        least_score: boxes below it are left out.
    """
    corners = np.array([[x.start, y.start, x.stop, y.stop] for y, x in plan.windows], np.float32)
    each = [_found(outputs, least_score) for outputs in tiles]
    each = [Found(f.boxes + np.tile(c[:2], 2), f.scores, f.classes) for f, c in zip(each, corners, strict=True)]
    of_tile = np.repeat(np.arange(len(each)), [len(f.scores) for f in each])
    merged = seams.merge(seams.concatenate(each), of_tile, corners)
    seen = _found(whole, least_score)
    on_canvas = boxes_to_network(boxes_to_source(seen.boxes, whole_box), plan.box)
    sides = on_canvas[:, 2:] - on_canvas[:, :2]
    is_large = (sides > [plan.cols.tile, plan.rows.tile]).any(axis=1)
    large = Found(on_canvas[is_large], seen.scores[is_large], seen.classes[is_large])
    found = seams.concatenate([seams.without_pieces_of(merged, large), large])
    return {"boxes": found.boxes[None], "scores": found.scores[None], "classes": found.classes[None]}


def _found(outputs: Outputs, least_score: float) -> Found:
    boxes, scores = outputs["boxes"][0], outputs["scores"][0]
    kept = (scores > 0) & (scores >= least_score) & np.isfinite(boxes).all(axis=1)
    return Found(boxes[kept], scores[kept], outputs["classes"][0][kept])


def _maps(outputs: Outputs) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    return outputs["labels"][0], outputs["confidence"][0] if "confidence" in outputs else None


def _scaled(pixels: slice, scale: float) -> slice:
    return slice(round(pixels.start * scale), round(pixels.stop * scale))


def _windows_of(large: Sequence[Detection], plan: Plan) -> list[tuple[slice, slice]]:
    """The label pixels of the canvas that each detection's box touches."""
    boxes: Boxes = boxes_to_network(np.stack([d.box_xyxy for d in large]), plan.box)
    low = np.floor(boxes[:, :2] * plan.scale_yx[::-1]).astype(int).tolist()
    high = np.ceil(boxes[:, 2:] * plan.scale_yx[::-1]).astype(int).tolist()
    return [(slice(y0, y1), slice(x0, x1)) for (x0, y0), (x1, y1) in zip(low, high, strict=True)]


def _rows_and_cols_in(size: Size, plan: Plan, whole_box: Letterbox) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each label row and column of the canvas: the one of the whole view's label map, `size`, under its centre."""
    found = []
    for i, start in ((0, whole_box.top), (1, whole_box.left)):
        in_frame = (np.arange(plan.labels_size[i]) + 0.5) / plan.scale_yx[i] / plan.box.scale_yx[i]
        in_view = (start + in_frame * whole_box.scale_yx[i]) * size[i] / whole_box.network[i]
        found.append(np.minimum(in_view.astype(np.intp), size[i] - 1))
    return found[0], found[1]


def _whole_view(whole: Outputs, at: tuple[NDArray[np.intp], NDArray[np.intp]], rows: slice, cols: slice) -> LabelView:
    grid = np.ix_(at[0][rows], at[1][cols])
    labels, confidence = _maps(whole)
    weight = np.full((1, 1), _WHOLE_WEIGHT, np.float32)
    return LabelView(rows, cols, labels[grid], None if confidence is None else confidence[grid], weight)
