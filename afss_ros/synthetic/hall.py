"""A hall on the ground behind a craft, as in photographs: walls, floor, doors, scaffolds and lamps, out of focus."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def hall(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Radiance float32 (H, W, 3) of a room with a random tone, its things blurred as a lens would."""
    w, h = width // 2, height // 2
    tone = float(rng.choice([0.08, 0.3, 0.6, 0.9])) * rng.uniform(0.85, 1.0, 3)
    room = np.empty((h, w, 3), np.float32)
    room[:] = tone * np.linspace(rng.uniform(0.7, 1.2), rng.uniform(0.6, 1.1), h)[:, None, None]
    floor = int(h * rng.uniform(0.55, 0.95))
    room[floor:] = tone * rng.uniform(0.4, 1.3)
    for _ in range(int(rng.integers(2, 30))):
        x, y = int(rng.uniform(-0.1, 1.0) * w), int(rng.uniform(-0.1, 1.0) * h)
        across, down = (int(v) + 1 for v in np.exp(rng.uniform(0.5, 4.2, 2)) * w / 256)
        tint = rng.uniform(0.6, 1.0, 3) if rng.random() < 0.7 else rng.uniform(0.1, 1.0, 3)
        color = (tone * tint * rng.uniform(0.2, 1.6)).tolist()
        filled = -1 if rng.random() < 0.7 else 1
        cv2.rectangle(room, (x, y), (x + across, y + down), color, filled)
    for _ in range(int(rng.choice([0, 0, 2, 6]))):
        spot = int(rng.uniform(0, 1) * w), int(rng.uniform(0, 0.4) * h)
        cv2.ellipse(room, spot, (max(2, w // 30), max(1, h // 60)), 0, 0, 360, (2.0, 2.0, 1.9), -1)
    blurred = cv2.GaussianBlur(room, (0, 0), float(np.exp(rng.uniform(-0.7, 2.0))))
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
