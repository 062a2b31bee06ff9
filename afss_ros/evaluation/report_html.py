"""The report with pictures: one HTML file that holds everything it shows, so that it can be mailed or archived."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from afss_ros import overlay
from afss_ros.evaluation import plots, table
from afss_ros.evaluation.evaluate import ImageResult, Perceive, Report
from afss_ros.evaluation.metrics import SIDE, to_common_ids
from afss_ros.evaluation.truth import read_truth
from afss_ros.labels import CLASS_NAMES, CLASSES, color_table
from afss_ros.perception import Detection, Frame, Perception

CASES = 8
"""How many of the worst and of the best images are shown."""

_WIDTH = 480
_SHOWN_SCORE = 0.5
_SMALL = 0.15
_ROOM = 3.0
_NARROWEST = 0.1


def render(document: dict[str, Any], report: Report, model: Perceive) -> str:
    """The page.

    Args:
        document: the figures, as `run.run` returns them.
        report: whose images are ranked by whole-craft IoU, or box IoU without masks.
        model: asked again about the images that are shown; keeping every picture would take too much memory.
    """
    ranked = sorted((r for r in report.images if r.quality is not None), key=lambda r: r.quality or 0.0)
    worst = ranked[:CASES]
    best = ranked[: -CASES - 1 : -1] if len(ranked) > CASES else []
    environment = Environment(loader=PackageLoader("afss_ros.evaluation", "."), autoescape=True)
    environment.filters["figure"] = table.figure
    return environment.get_template("report.html.jinja").render(
        d=document,
        segmentation=table.SEGMENTATION,
        detection=table.DETECTION,
        outline=table.OUTLINE,
        cost=table.COST,
        plots=[(title, Markup(plots.svg(plot))) for title, plot in _plots(document).items() if plot is not None],
        legend=[(name, f"rgb{color}") for name, color in _legend(report.further)],
        sections=[
            ("Worst cases", [_case(r, report, model) for r in worst]),
            ("Best cases", [_case(r, report, model) for r in best]),
        ],
    )


def _plots(document: dict[str, Any]) -> dict[str, Figure | None]:
    curves = document["curves"]
    lines = {"boxes": curves["box_precision_50"], "masks": curves["mask_precision_50"]}
    error = table.figure(document["score_error"])
    return {
        "Precision over recall at IoU 0.5": plots.precision_recall(lines),
        f"Reliability of the scores, expected error {error}": plots.reliability({"boxes": curves["reliability"]}),
    }


def _legend(further: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Names and colours (RGB) of what is drawn; further classes share one colour."""
    ours = [(c.name, c.color) for c in CLASSES if c.name != "background"]
    return [*ours, (", ".join(further), tuple(color_table()[SIDE].tolist()))] if further else list(ours)


def _case(result: ImageResult, report: Report, model: Perceive) -> dict[str, Any]:
    sample = result.sample
    image = sample.read_image()
    truth = read_truth(sample, report.dataset.class_names, report.further)
    boxes = tuple(Detection(t.class_name, t.box_xyxy, t.score) for t in truth.craft or ())
    seen = model(Frame(image, source=str(sample.image)))
    confident = tuple(d for d in seen.detections if d.score >= _SHOWN_SCORE)
    labels = None if seen.labels is None else to_common_ids(seen.labels, seen.class_names, report.further)
    shown = Perception(confident, labels, CLASS_NAMES)
    drawn = [image, overlay.draw(image, Perception(boxes, truth.labels, CLASS_NAMES)), overlay.draw(image, shown)]
    window = _detail(boxes, image.shape) if result.size is not None and result.size < _SMALL else None
    if window is not None:
        drawn = [picture[window] for picture in drawn]
    pictures = [_picture(picture) for picture in drawn]
    return {"key": sample.key, "quality": result.quality, "pictures": pictures, "detail": window is not None}


def _detail(boxes: Sequence[Detection], shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """A window (rows, columns) of the image's own aspect around small craft, with room to see what is beside them."""
    if not boxes:
        return None
    height, width = shape[:2]
    corners = np.array([b.box_xyxy for b in boxes])
    low, high = corners[:, :2].min(0), corners[:, 2:].max(0)
    share = min(1.0, max(_ROOM * float(((high - low) / (width, height)).max()), _NARROWEST))
    size = np.array([width, height]) * share
    x, y = np.clip((low + high) / 2 - size / 2, 0, np.array([width, height]) - size).astype(int)
    return slice(y, y + round(size[1])), slice(x, x + round(size[0]))


def _picture(image: NDArray[np.uint8]) -> str:
    """A JPEG at most `_WIDTH` pixels wide, as a data URL."""
    scale = min(1.0, _WIDTH / image.shape[1])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1.0 else image
    options: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, 85)
    done, content = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)
    assert done
    return "data:image/jpeg;base64," + base64.b64encode(bytes(content)).decode("ascii")
