"""What befalls a recording: frames that are lost, the Sun in the lens, an exposure that jumps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.camera import Camera
from afss_ros.synthetic.glare import sun_glare


@dataclass(frozen=True, slots=True)
class Disturbances:
    """By number of the frame: which are lost, where the Sun glares, and how the exposure is multiplied."""

    lost: frozenset[int] = frozenset()
    glare: dict[int, tuple[float, float]] = field(default_factory=dict)
    exposure: dict[int, float] = field(default_factory=dict)
    seed: int = 0

    def camera(self, camera: Camera, frame: int) -> Camera:
        """The camera with the exposure of this frame."""
        factor = self.exposure.get(frame, 1.0)
        return camera if factor == 1.0 else replace(camera, exposure=camera.exposure * factor)

    def lit(self, radiance: NDArray[np.float32], frame: int) -> NDArray[np.float32]:
        """The radiance (H, W, 3) with this frame's glare over it."""
        place = self.glare.get(frame)
        if place is None:
            return radiance
        height, width = radiance.shape[:2]
        glare = sun_glare(np.random.default_rng([self.seed, 7]), width, height, place)
        return np.asarray(radiance + 0.8 * glare, np.float32)


def draw_disturbances(frames: int, width: int, height: int, seed: int) -> Disturbances:
    """Random disturbances of a recording: about a frame in ten is lost, a tenth is dazzled, a sixth badly exposed."""
    rng = np.random.default_rng([seed, 18])
    lost = set(np.flatnonzero(rng.random(frames) < 0.04).tolist())
    for _ in range(1 + frames // 60):
        start = int(rng.integers(frames))
        lost.update(range(start, start + int(rng.integers(2, 7))))
    glare: dict[int, tuple[float, float]] = {}
    start, count = int(rng.integers(frames)), max(frames // 10, 1)
    x, y = rng.uniform(0.1, 0.9, 2) * (width, height)
    step = rng.uniform(-1.5, 1.5, 2)
    for i in range(count):
        glare[start + i] = (float(x + i * step[0]), float(y + i * step[1]))
    exposure: dict[int, float] = {}
    for factor in (float(rng.uniform(0.15, 0.4)), float(rng.uniform(2.5, 5.0))):
        start = int(rng.integers(frames))
        exposure.update(dict.fromkeys(range(start, start + max(frames // 12, 1)), factor))
    return Disturbances(frozenset(i for i in lost if 0 < i < frames), glare, exposure, seed)
