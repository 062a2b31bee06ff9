"""Small recordings for the tests of the teacher: a bright craft with two panels that moves over a dark sky."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import BagWriter, messages
from afss_ros.images import encode_compressed

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
TOPIC = "/camera/image"


def truth(index: int) -> NDArray[np.bool_]:
    """Where the craft is in frame `index`: bool (96, 128)."""
    mask = np.zeros((96, 128), bool)
    x, y = 20 + 4 * index % 60, 30 + 2 * (index % 8)
    mask[y : y + 20, x + 12 : x + 28] = True
    mask[y + 6 : y + 14, x : x + 40] = True
    return mask


def picture(index: int) -> NDArray[np.uint8]:
    """Frame `index`: uint8 (96, 128, 3)."""
    generator = np.random.default_rng(index)
    image = generator.integers(4, 12, (96, 128, 3)).astype(np.uint8)
    mask = truth(index)
    image[mask] = (150, 140, 60)
    image[mask] += generator.integers(0, 40, (int(mask.sum()), 3)).astype(np.uint8)
    return image


def record(
    path: Path,
    frames: Sequence[int],
    *,
    topics: Sequence[str] = (TOPIC,),
    period_ns: int = SECOND // 10,
    broken: Sequence[int] = (),
    storage: str = "mcap",
    compressed: bool = False,
    draw: Callable[[int], NDArray[np.uint8]] = picture,
) -> Path:
    """Record `draw(i)` for each of `frames` at a steady rate; the messages at the places `broken` are cut in half."""
    with BagWriter(path, storage=storage) as bag:
        for topic in topics:
            for place, index in enumerate(frames):
                stamp = START + place * period_ns
                if compressed:
                    jpeg = encode_compressed(draw(index), "jpeg", 95)
                    data = jpeg[: len(jpeg) // 2] if place in broken else jpeg
                    message = messages.compressed_image(data, "jpeg", stamp, "camera")
                else:
                    message = messages.image(draw(index), stamp, "camera")
                    if place in broken:
                        message.data = message.data[: message.data.size // 2]
                bag.write(topic, message, stamp)
    return path
