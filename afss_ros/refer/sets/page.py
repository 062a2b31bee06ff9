"""What a resolver reached on a set of sentences, as one page with pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.images import encode_compressed
from afss_ros.refer.sets.controls import Controls
from afss_ros.refer.sets.evaluate import Result, Score

SHOWN = 48
"""Most pictures on a page."""
_STYLE = """
body{font:15px system-ui;margin:2rem auto;max-width:70rem;color:#222}
td,th{padding:.2rem .6rem;text-align:right} td:first-child,th:first-child{text-align:left}
tr:nth-child(even){background:#f3f3f6} figure{display:inline-block;margin:.4rem;width:20rem;vertical-align:top}
img{width:100%;image-rendering:pixelated}
"""


@dataclass(frozen=True, eq=False)
class Shown:
    """One answer to look at.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        answered, meant: bool (H, W).
    """

    text: str
    kind: str
    iou: float
    image: NDArray[np.uint8]
    answered: NDArray[np.bool_]
    meant: NDArray[np.bool_]


def write(path: Path, title: str, result: Result, shown: Iterable[Shown], controls: Controls | None = None) -> None:
    """Write a page that needs nothing beside it.

    Raises:
        DatasetError: it cannot be written.
    """
    write_atomically(path, "".join(_page(title, result, shown, controls)).encode())


def _page(title: str, result: Result, shown: Iterable[Shown], controls: Controls | None) -> Iterator[str]:
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}</style>"
    yield f"<h1>{html.escape(title)}</h1><table><tr><th>kind<th>sentences<th>mIoU<th>class word<th>oIoU"
    precision = list(result.overall.precision)
    yield "".join(f"<th>Pr@{at}" for at in precision) + "<th>no-target<th>target<th>refused</tr>"
    for name, score in result.rows().items():
        yield _row(name, score, precision)
    yield "</table>"
    if controls is not None:
        yield (
            f"<h2>Does it listen?</h2><p>{controls.sentences} sentences: mIoU {_figure(controls.miou)}; without words"
            f" {_figure(controls.blinded)}; with a sentence about another thing {_figure(controls.exchanged)}."
            f" {controls.opposites} pairs of opposite words: {_figure(controls.disjoint)} are answered with two things."
        )
    yield "<h2>Answers</h2><p>Yellow: what was answered. White: what is meant.</p>"
    for one in shown:
        yield _picture(one)


def _row(name: str, score: Score, precision: list[str]) -> str:
    figures = [score.miou, score.class_word, score.oiou, *(score.precision.get(at) for at in precision)]
    figures += [score.no_target_accuracy, score.target_accuracy]
    cells = "".join(f"<td>{_figure(value)}" for value in figures)
    return f"<tr><td>{html.escape(name)}<td>{score.sentences}{cells}<td>{score.refused}</tr>"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _picture(one: Shown) -> str:
    drawn = np.where(one.answered[:, :, None], one.image, one.image // 2).astype(np.uint8)
    for mask, color in ((one.meant, (255, 255, 255)), (one.answered, (255, 208, 64))):
        outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, color, 1)
    content = base64.b64encode(encode_compressed(drawn, "png")).decode()
    caption = f"{html.escape(one.text)}<br>{html.escape(one.kind)}, IoU {one.iou:.2f}"
    return f'<figure><img alt="" src="data:image/png;base64,{content}"><figcaption>{caption}</figcaption></figure>'
