"""One rendered sample from its name: (seed, split, index) to picture, label map, instances, attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.attributes import describe
from afss_ros.synthetic.backgrounds import RAW_KINDS, draw_kind
from afss_ros.synthetic.camera import expose
from afss_ros.synthetic.captions import captioned
from afss_ros.synthetic.components import component_map, describe_components
from afss_ros.synthetic.draw import SPLITS, draw_scene, drifting, sample_rng
from afss_ros.synthetic.exposure import draw_camera, metered
from afss_ros.synthetic.glare import artwork, sun_glare, sun_place
from afss_ros.synthetic.hall import hall
from afss_ros.synthetic.nature.draw import draw_backdrop
from afss_ros.synthetic.opengl.renderer import Rendered, Renderer
from afss_ros.synthetic.scene import Scene, Sky
from afss_ros.synthetic.sky import star_field, stars_in_view

ASPECTS: tuple[tuple[float, float], ...] = ((1.0, 0.5), (16 / 9, 0.35), (4 / 3, 0.15))
"""Width over height of the picture within the square frame, and how often."""

ARTWORK = {"limb": 0.08, "ground": 0.04, "disc": 0.2, "night": 0.12, "stars": 0.25, "gradient": 0.3, "planet": 0.12}
"""How often an artist has drawn into the background, by its kind."""
ELSEWHERE = 0.4
"""Share of the frames chosen for nature that show craft, where these stand before other backgrounds all the same."""
TINY = 0.25
"""Share of these whose craft measure from eight pixels to an eighth of the frame."""
DRIFTING = 0.2
"""Share of the frames before nature in which people, blankets or scraps drift."""
SUNLESS = ("nebula", "galaxy", "stars", "sun")
"""Kinds of nature that shine by themselves: craft before them are lit from anywhere."""
CAPTIONS = 0.08
"""How often words or a mark are printed over a published picture."""


@dataclass(frozen=True, slots=True)
class RenderedSample:
    """`image` uint8 (S, S, 3) RGB; `labels` and `instances` uint8 (S, S); `attributes` describe the scene.

    `components` uint16 (S, S): which wing or dish of which craft, see `components.component_map`; what is true of each
    is in the attribute of that name. Where the picture does not fill the square, "window_xyxy" says where it is.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    components: NDArray[np.uint16]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Nature:
    """How many frames are of world 7 (`share`), and how many of these show nature without craft (`empty`)."""

    share: float = 0.0
    empty: float = 0.5


NO_NATURE = Nature()


def render_sample(
    renderer: Renderer, seed: int, split: str, index: int, size: int, nature: Nature = NO_NATURE
) -> RenderedSample:
    """Render the sample that (seed, split, index) names at size x size pixels, letterboxed where it is not square.

    Frames that are not chosen for nature are the same to the bit, whatever its share.
    """
    choice = np.random.default_rng([seed, SPLITS.index(split), index, 19])
    if choice.random() >= nature.share:
        return _ordinary(renderer, sample_rng(seed, split, index), split, size)
    empty = bool(choice.random() < nature.empty)
    if not empty and choice.random() < ELSEWHERE:
        return _ordinary(renderer, choice, split, size, fitted=True, tiny=bool(choice.random() < TINY))
    return _before_nature(renderer, choice, split, size, empty=empty)


def _ordinary(
    renderer: Renderer, rng: np.random.Generator, split: str, size: int, *, fitted: bool = False, tiny: bool = False
) -> RenderedSample:
    """Craft before one of `backgrounds.KINDS`."""
    kind = draw_kind(rng)
    aspect = _aspect(rng)
    if kind in RAW_KINDS and rng.random() < 0.8:
        aspect = 1.0
    width, height = size, round(size / aspect)
    scene = draw_scene(rng, kind, split, width, height, fitted=fitted, tiny=tiny)
    rendered = renderer.render(scene)
    radiance = with_light_effects(rng, scene, rendered)
    camera = metered(rng, draw_camera(rng, scene.kind), radiance, rendered.parts > 0, scene.kind)
    picture = expose(camera, radiance, rng)
    if kind not in RAW_KINDS and rng.random() < CAPTIONS:
        picture = captioned(rng, picture)
    return _letterboxed(rng, size, picture, scene, rendered, describe(scene, picture, rendered.instances))


def _aspect(rng: np.random.Generator) -> float:
    return ASPECTS[int(rng.choice(len(ASPECTS), p=[p for _, p in ASPECTS]))][0]


def _letterboxed(
    rng: np.random.Generator,
    size: int,
    picture: NDArray[np.uint8],
    scene: Scene,
    rendered: Rendered,
    attributes: dict[str, Any],
) -> RenderedSample:
    height = picture.shape[0]
    top = (size - height) // 2 if rng.random() < 0.5 else 0
    image = np.zeros((size, size, 3), np.uint8)
    labels, instances = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    image[top : top + height] = picture
    labels[top : top + height], instances[top : top + height] = rendered.parts, rendered.instances
    components = np.zeros((size, size), np.uint16)
    ids = component_map(scene, rendered)
    components[top : top + height] = ids
    attributes = attributes | {"components": describe_components(scene, rendered, ids)}
    if height < size:
        attributes["window_xyxy"] = [0, top, size, top + height]
    return RenderedSample(image, labels, instances, components, attributes)


def _before_nature(
    renderer: Renderer, rng: np.random.Generator, split: str, size: int, *, empty: bool
) -> RenderedSample:
    """Craft before a planet, a rock, the Sun or a nebula, or that alone."""
    aspect = _aspect(rng)
    width, height = size, round(size / aspect)
    backdrop = draw_backdrop(rng, height, width)
    scene = draw_scene(rng, "nature", split, width, height, fitted=True)
    sun = scene.light.sun if backdrop.kind in SUNLESS else backdrop.sun
    scene = replace(scene, light=replace(scene.light, sun=sun), sky=Sky())
    if empty:
        scene = replace(scene, craft=())
    if rng.random() < DRIFTING:
        scene = replace(scene, craft=(*scene.craft, *drifting(rng, split, scene)))
    rendered = renderer.render(scene, backdrop.radiance)
    radiance = rendered.radiance
    free = ~rendered.covered[..., None]
    place = sun_place(scene)
    if place is not None and backdrop.kind != "ground" and rng.random() < 0.25:
        radiance = radiance + sun_glare(rng, width, height, place) * np.float32(rng.uniform(0.1, 1.0))
    if rng.random() < ARTWORK["limb"]:
        radiance = radiance + artwork(rng, width, height) * free
    instrument = "sensor" if rng.random() < 0.25 else scene.kind
    by = rendered.parts > 0
    if empty:
        by = radiance.max(axis=2) > 0.03
    camera = metered(rng, draw_camera(rng, instrument), radiance, by, scene.kind)
    picture = expose(camera, radiance, rng)
    if rng.random() < CAPTIONS:
        picture = captioned(rng, picture)
    attributes = describe(scene, picture, rendered.instances) | {"nature": backdrop.kind}
    return _letterboxed(rng, size, picture, scene, rendered, attributes)


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
