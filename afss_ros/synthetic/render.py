"""One rendered sample from its name: (seed, split, index) to picture, label map, instances, attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.attributes import describe
from afss_ros.synthetic.backgrounds import RAW_KINDS, draw_kind
from afss_ros.synthetic.camera import expose
from afss_ros.synthetic.captions import captioned
from afss_ros.synthetic.draw import draw_scene, sample_rng
from afss_ros.synthetic.exposure import draw_camera, metered
from afss_ros.synthetic.glare import artwork, sun_glare, sun_place
from afss_ros.synthetic.hall import hall
from afss_ros.synthetic.opengl.renderer import Rendered, Renderer
from afss_ros.synthetic.scene import Scene
from afss_ros.synthetic.sky import star_field, stars_in_view

ASPECTS: tuple[tuple[float, float], ...] = ((1.0, 0.5), (16 / 9, 0.35), (4 / 3, 0.15))
"""Width over height of the picture within the square frame, and how often."""

ARTWORK = {"limb": 0.08, "ground": 0.04, "disc": 0.2, "night": 0.12, "stars": 0.25, "gradient": 0.3, "planet": 0.12}
"""How often an artist has drawn into the background, by its kind."""
CAPTIONS = 0.08
"""How often words or a mark are printed over a published picture."""


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
    if kind in RAW_KINDS and rng.random() < 0.8:
        aspect = 1.0
    width, height = size, round(size / aspect)
    scene = draw_scene(rng, kind, split, width, height)
    rendered = renderer.render(scene)
    radiance = with_light_effects(rng, scene, rendered)
    camera = metered(rng, draw_camera(rng, scene.kind), radiance, rendered.parts > 0, scene.kind)
    picture = expose(camera, radiance, rng)
    if kind not in RAW_KINDS and rng.random() < CAPTIONS:
        picture = captioned(rng, picture)
    top = (size - height) // 2 if rng.random() < 0.5 else 0
    image = np.zeros((size, size, 3), np.uint8)
    labels, instances = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    image[top : top + height] = picture
    labels[top : top + height], instances[top : top + height] = rendered.parts, rendered.instances
    return RenderedSample(image, labels, instances, describe(scene, picture, rendered.instances))


def with_light_effects(rng: np.random.Generator, scene: Scene, rendered: Rendered) -> NDArray[np.float32]:
    """The rendered radiance with stars and artwork behind the craft, and the Sun's glare over all of it."""
    free = ~rendered.covered
    radiance = rendered.radiance + star_field(stars_in_view(rng, scene), scene, free)
    if scene.kind == "studio" and rng.random() < 0.6:
        radiance = np.where(free[..., None], hall(rng, scene.width, scene.height), radiance)
    if rng.random() < ARTWORK.get(scene.kind, 0.0):
        radiance += artwork(rng, scene.width, scene.height) * free[..., None]
    place = sun_place(scene)
    if place is not None and scene.kind not in RAW_KINDS:
        x, y = int(place[0]), int(place[1])
        inside = 0 <= x < scene.width and 0 <= y < scene.height
        covered = inside and not free[y, x]
        radiance += sun_glare(rng, scene.width, scene.height, place) * np.float32(
            0.15 if covered else rng.uniform(0.3, 1.2)
        )
    return radiance
