"""Which camera takes a frame, and how it is exposed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.backgrounds import RAW_KINDS
from afss_ros.synthetic.camera import Camera


def draw_camera(rng: np.random.Generator, kind: str) -> Camera:
    """A camera that suits the kind of scene: `sensor` frames are raw and noisy, others as published."""
    raw, sensor = kind in RAW_KINDS, kind == "sensor"

    def sometimes(p: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) if rng.random() < p else 0.0

    haze = sometimes(0.03 if raw else 0.07, 0.01, 0.15)
    angle, length = rng.uniform(0, 2 * np.pi), sometimes(0.07, 1.0, 9.0)
    return Camera(
        exposure=float(
            2.0 ** np.clip(rng.normal(-2.0, 1.6) if sensor else rng.normal(0.1, 1.2 if raw else 0.6), -5, 3)
        ),
        defocus=sometimes(0.13, 0.4, 1.6 if rng.random() < 0.85 else 3.0),
        motion=(float(length * np.cos(angle)), float(length * np.sin(angle))),
        bloom=sometimes(0.7 if sensor else 0.35, 0.05, 0.6),
        bloom_size=float(np.exp(rng.uniform(np.log(0.006), np.log(0.06)))),
        vignette=sometimes(0.2, 0.1, 0.7),
        haze=tuple(haze * rng.uniform(0.5, 1, 3)),
        filmic=bool(rng.random() < 0.35),
        gamma=float(rng.uniform(1.8, 2.5)),
        contrast=float(rng.uniform(0.85, 1.3)),
        saturation=float(rng.uniform(0.6, 1.5)),
        balance=tuple(float(v) for v in np.exp(rng.normal(0, 0.08, 3))),  # type: ignore[arg-type]
        grey=bool(rng.random() < (0.18 if raw else 0.09)),
        black=float(rng.uniform(0.03, 0.2) if rng.random() < 0.6 else rng.uniform(0.1, 0.18))
        if sensor
        else sometimes(0.12, 0.0, 0.08),
        read_noise=float(np.exp(rng.uniform(np.log(0.003), np.log(0.04)))) if sensor else sometimes(0.3, 0.002, 0.03),
        shot_noise=sometimes(0.35, 0.005, 0.04),
        noise_grain=sometimes(0.6, 0.3, 1.0),
        hot_pixels=sometimes(0.1, 1e-5, 3e-4),
        shrink=float(rng.uniform(1.2, 3.0)) if rng.random() < 0.15 else 1.0,
        sharpen=sometimes(0.15, 0.2, 1.2),
        painted=int(rng.choice([3, 5, 7])) if not raw and rng.random() < 0.07 else 0,
        jpeg=int(rng.integers(35, 96)) if rng.random() < 0.6 else 0,
    )


def metered(
    rng: np.random.Generator, camera: Camera, radiance: NDArray[np.float32], craft: NDArray[np.bool_], kind: str
) -> Camera:
    """The camera with its exposure set, wholly, partly or not at all, by the light of the craft (mask (H, W))."""
    raw = kind in RAW_KINDS
    strength = float(rng.choice([0.0, 0.5, 1.0], p=[0.6, 0.3, 0.1] if raw else [0.2, 0.35, 0.45]))
    seen = radiance[craft] if int(craft.sum()) >= 20 else radiance.reshape(-1, 3)
    brightest = np.maximum(np.maximum(seen[:, 0], seen[:, 1]), seen[:, 2])  # a tenth of the time of max(axis=1)
    light = float(np.percentile(brightest, 80))
    limit = 12.0 if kind in ("sensor", "deep", "stars", "gradient") else 3.5
    factor = float(np.clip(0.45 / max(light, 1e-4), 0.15, limit))
    return replace(camera, exposure=camera.exposure * factor**strength)
