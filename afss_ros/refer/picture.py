"""An answer as a picture for people: what is meant in colour, the rest dimmed, the sentence and the reason below."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.overlay import line_width, write_label
from afss_ros.refer.resolver import AMBIGUOUS, FOUND, Answer

Rgb = NDArray[np.uint8]
_COLORS = {FOUND: (255, 208, 64), AMBIGUOUS: (255, 140, 64)}
_NOTHING = (200, 80, 220)


def draw(image: Rgb, text: str, answer: Answer) -> Rgb:
    """Draw an answer on its image, uint8 (H, W, 3) RGB; returns a new picture of the same size."""
    dimmed = image // 2 if answer.state in _COLORS else image
    picture = np.where(answer.mask[:, :, None], image, dimmed).astype(np.uint8)
    color = _outline(picture, answer)
    step = max(14, round(min(image.shape[:2]) / 18))
    write_label(picture, f"{answer.state} {answer.score:.2f}: {answer.why}", (0, image.shape[0] - 1), color)
    write_label(picture, text, (0, image.shape[0] - 1 - step), color)
    return picture


def mark(picture: Rgb, answer: Answer) -> None:
    """Outline what is meant and say why, in place: for a picture that shows something else too."""
    write_label(picture, f"{answer.state}: {answer.why}", (0, picture.shape[0] - 1), _outline(picture, answer))


def _outline(picture: Rgb, answer: Answer) -> tuple[int, int, int]:
    color = _COLORS.get(answer.state, _NOTHING)
    width = line_width(picture.shape)
    outlines, _ = cv2.findContours(answer.mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, (12, 14, 18), 3 * width, cv2.LINE_AA)
    cv2.drawContours(picture, outlines, -1, color, max(1, round(1.5 * width)), cv2.LINE_AA)
    return color
