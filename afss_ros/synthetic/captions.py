"""What editors print over a published picture: captions, credits, emblems, borders. Labels stay as they were."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
LETTERS = tuple("ABCDEFGHIKLMNOPRSTUVW0123456789  ")


def captioned(rng: np.random.Generator, picture: Picture) -> Picture:
    """A picture uint8 (H, W, 3) with one to three printed things, some of them see-through."""
    out: Picture = picture.copy()
    for _ in range(int(rng.integers(1, 4))):
        layer = out.copy()
        _PRINTS[int(rng.integers(len(_PRINTS)))](rng, layer)
        strength = float(rng.choice([1.0, 1.0, 0.5, 0.25]))
        out = np.asarray(cv2.addWeighted(layer, strength, out, 1 - strength, 0), np.uint8)
    return out


def _ink(rng: np.random.Generator) -> tuple[int, int, int]:
    shade = int(rng.choice([255, 255, 230, 0, 128]))
    if rng.random() < 0.25:
        r, g, b = (int(v) for v in rng.integers(0, 256, 3))
        return r, g, b
    return shade, shade, shade


def _words(rng: np.random.Generator, picture: Picture) -> None:
    h, w = picture.shape[:2]
    text = "".join(rng.choice(LETTERS, int(rng.integers(4, 26))))
    text = text.title() if rng.random() < 0.5 else text
    scale = w / 512 * float(rng.choice([0.35, 0.45, 0.7, 1.2]))
    x = int(rng.choice([0.03, 0.03, 0.5, 0.7]) * w)
    y = int(rng.choice([0.97, 0.95, 0.07, rng.uniform(0.1, 0.9)]) * h)
    thickness = max(1, round(1.6 * scale))
    cv2.putText(picture, text, (x, y), int(rng.integers(0, 4)), scale, _ink(rng), thickness, cv2.LINE_AA)


def _band(rng: np.random.Generator, picture: Picture) -> None:
    h, w = picture.shape[:2]
    height = int(h * rng.uniform(0.03, 0.1))
    top = 0 if rng.random() < 0.3 else h - height
    cv2.rectangle(picture, (0, top), (w, top + height), _ink(rng), -1)
    _words(rng, picture)


def _emblem(rng: np.random.Generator, picture: Picture) -> None:
    h, w = picture.shape[:2]
    r = int(w * rng.uniform(0.02, 0.07))
    x, y = int(rng.choice([1.5 * r, w - 1.5 * r])), int(rng.choice([1.5 * r, h - 1.5 * r]))
    if rng.random() < 0.6:
        cv2.circle(picture, (x, y), r, _ink(rng), -1, cv2.LINE_AA)
    else:
        cv2.rectangle(picture, (x - r, y - r // 2), (x + r, y + r // 2), _ink(rng), -1)
    cv2.ellipse(picture, (x, y), (int(1.2 * r), r // 3), float(rng.uniform(0, 180)), 0, 360, _ink(rng), 2, cv2.LINE_AA)


def _border(rng: np.random.Generator, picture: Picture) -> None:
    h, w = picture.shape[:2]
    cv2.rectangle(picture, (0, 0), (w - 1, h - 1), _ink(rng), int(rng.integers(1, max(2, w // 40))))


_PRINTS = (_words, _words, _band, _emblem, _border)
