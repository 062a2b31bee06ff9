"""Which wing, which dish: the components of the craft in a rendered frame, one by one, and the limb behind them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.labels import BODY
from afss_ros.synthetic.opengl.renderer import Rendered
from afss_ros.synthetic.scene import Placed, Planet, Scene

A_CRAFT = 256
"""An id is this times the craft's number plus the component's; below it are planets and their limbs."""
_RIM = 2
"""Width of a limb, pixels."""
_LEAST_DISC = 12.0
"""A planet of a smaller radius in pixels is a dot, and has no limb to speak of."""


def component_map(scene: Scene, rendered: Rendered) -> NDArray[np.uint16]:
    """Which component, planet or limb each pixel shows, uint16 (H, W); 0 for none.

    The component k of craft c is `256 c + k`, and what belongs to the craft alone is `256 c`. The planet i of the
    scene, from 0, is `2 i + 1`, and its limb, a band two pixels wide within its disc, `2 i + 2`.
    """
    ids = rendered.instances.astype(np.uint16) * A_CRAFT + rendered.components
    rays = _rays(scene)
    for number in reversed(range(len(scene.planets))):  # the first is drawn over the others
        disc = _disc(scene.planets[number], rays)
        ids[disc & ~rendered.covered] = 2 * number + 1
        ids[_limb(disc) & ~rendered.covered] = 2 * number + 2
    return ids


def describe_components(scene: Scene, rendered: Rendered, ids: NDArray[np.uint16]) -> list[dict[str, Any]]:
    """What is true of everything that `component_map` shows, plain JSON values, by rising id.

    Of each: `id`, `name`, `craft` (its number, null for planets), `range_m`, from the camera to the middle of its
    bounding box, and `sunlit`, the share of its pixels that the Sun reaches. A craft as a whole has the id `256 c`, the
    name "spacecraft" and `body_sunlit`, that of its body pixels. Planets have no range: they are far.
    """
    found: list[dict[str, Any]] = []
    for number, planet in enumerate(scene.planets):
        for offset, name in ((1, "earth" if planet.kind == 1 else "planet"), (2, "limb")):
            own = ids == 2 * number + offset
            if own.any():
                lit = _daylight(planet, _rays(scene)[own], scene)
                found.append(_entry(2 * number + offset, name, None, None, lit))
    for placed in scene.craft:
        own = rendered.instances == placed.instance
        if not placed.instance or not own.any():
            continue
        base = A_CRAFT * placed.instance
        whole = _entry(
            base, "spacecraft", placed.instance, float(np.linalg.norm(placed.translation)), _sunlit(rendered, own)
        )
        body = own & (rendered.parts == BODY)
        found.append(whole | {"body_sunlit": _sunlit(rendered, body) if body.any() else None})
        for component in np.unique(rendered.components[own]).tolist():
            if component:
                seen = own & (rendered.components == component)
                working = seen & (rendered.parts != BODY)  # a yoke is the wing's, but the wing is what carries cells
                lit = _sunlit(rendered, working if working.any() else seen)
                name = placed.craft.components[component - 1]
                found.append(_entry(base + component, name, placed.instance, _range(placed, component), lit))
    return found


def _entry(number: int, name: str, craft: int | None, distance: float | None, lit: float) -> dict[str, Any]:
    away = None if distance is None else float(f"{distance:.5g}")
    return {"id": number, "name": name, "craft": craft, "range_m": away, "sunlit": round(lit, 3)}


def _sunlit(rendered: Rendered, pixels: NDArray[np.bool_]) -> float:
    return float(rendered.sunlit[pixels].mean()) / 255


def _range(placed: Placed, component: int) -> float:
    vertices = placed.craft.vertices
    points = vertices[vertices[:, 10] == component, :3]
    middle = (points.min(0) + points.max(0)) / 2
    return float(np.linalg.norm(placed.rotation @ middle + placed.translation))


def _rays(scene: Scene) -> NDArray[np.float64]:
    """Unit vectors through the pixels' centres in the sky's field of view, (H, W, 3)."""
    x = ((np.arange(scene.width) + 0.5) / scene.width * 2 - 1) * scene.sky_tangent[0]
    y = (1 - (np.arange(scene.height) + 0.5) / scene.height * 2) * scene.sky_tangent[1]
    rays = np.stack([*np.meshgrid(x, y), -np.ones((scene.height, scene.width))], -1)
    return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True), np.float64)


def _disc(planet: Planet, rays: NDArray[np.float64]) -> NDArray[np.bool_]:
    along = rays @ planet.center
    return np.asarray((along > 0) & (along**2 > planet.center @ planet.center - 1), bool)


def _limb(disc: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rim of a disc against the sky; where the picture ends, none is seen."""
    area = float(np.count_nonzero(disc))
    if area < np.pi * _LEAST_DISC**2:
        return np.zeros_like(disc)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _RIM + 1, 2 * _RIM + 1))
    inside = cv2.erode(disc.view(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(disc & (inside == 0), bool)


def _daylight(planet: Planet, rays: NDArray[np.float64], scene: Scene) -> float:
    """The share of a planet's pixels, rays (N, 3), on which the Sun has risen."""
    along = rays @ planet.center
    depth = along - np.sqrt(np.maximum(along**2 - planet.center @ planet.center + 1, 0))
    return float(((depth[:, None] * rays - planet.center) @ scene.light.sun > 0).mean())
