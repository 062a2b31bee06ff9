"""One rendered sample from its name: (seed, split, index) to picture, label map, instances, attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.camera import draw_camera, expose
from afss_ros.synthetic.draw import draw_kind, draw_scene, sample_rng
from afss_ros.synthetic.renderer import Rendered, Renderer
from afss_ros.synthetic.scene import Scene
from afss_ros.synthetic.sky import star_field

ASPECTS: tuple[tuple[float, float], ...] = ((1.0, 0.5), (16 / 9, 0.35), (4 / 3, 0.15))
"""Width over height of the picture within the square frame, and how often."""


@dataclass(frozen=True, slots=True)
class RenderedSample:
    """`image` uint8 (S, S, 3) RGB; `labels` and `instances` uint8 (S, S); `attributes` describe the scene."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    attributes: dict[str, Any]


def render_sample(renderer: Renderer, seed: int, split: str, index: int, size: int) -> RenderedSample:
    """Render the sample that (seed, split, index) names at size x size pixels, letterboxed where it is not square."""
    rng = sample_rng(seed, split, index)
    kind = draw_kind(rng)
    aspect = ASPECTS[int(rng.choice(len(ASPECTS), p=[p for _, p in ASPECTS]))][0]
    if kind in ("sensor", "deep") and rng.random() < 0.8:
        aspect = 1.0
    width, height = size, round(size / aspect)
    scene = draw_scene(rng, kind, split, width, height)
    rendered = renderer.render(scene)
    radiance = rendered.radiance + star_field(rng, scene, rendered.instances == 0)
    picture = expose(draw_camera(rng, scene.kind), radiance, rng)
    top = (size - height) // 2 if rng.random() < 0.5 else 0
    image = np.zeros((size, size, 3), np.uint8)
    labels, instances = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    image[top : top + height] = picture
    labels[top : top + height], instances[top : top + height] = rendered.parts, rendered.instances
    return RenderedSample(image, labels, instances, _attributes(scene, rendered))


def _attributes(scene: Scene, rendered: Rendered) -> dict[str, Any]:
    return {
        "background": scene.kind,
        "sun_direction": [round(float(v), 4) for v in scene.light.sun],
        "designs": [p.design for p in scene.craft],
        "craft_px": [int((rendered.instances == p.instance).sum()) for p in scene.craft],
    }
