"""What is worth knowing about a rendered sample, as JSON values; the words among them are strata of evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.scene import Placed, Scene

SIZES = ((16, "tiny"), (64, "small"), (192, "medium"), (1 << 30, "large"))
"""Upper limits of a craft's extent in pixels, and what it is then called."""
LIGHTINGS = ((60.0, "front"), (120.0, "side"), (181.0, "back"))
"""Upper limits of the angle Sun, craft, camera in degrees, and what the light is then called."""


def sun_angle_deg(scene: Scene, placed: Placed) -> float:
    """The angle at a craft between the Sun and the camera: 0 is light from behind the camera, 180 against it."""
    towards = -placed.translation / np.linalg.norm(placed.translation)
    return float(np.degrees(np.arccos(np.clip(scene.light.sun @ towards, -1.0, 1.0))))


def extent_px(mask: NDArray[np.bool_]) -> int:
    """The longer side of the box around a mask (H, W), 0 when it is empty."""
    return int(max(np.ptp(np.flatnonzero(mask.any(axis=a))) + 1 if mask.any() else 0 for a in (0, 1)))


def describe(scene: Scene, picture: NDArray[np.uint8], instances: NDArray[np.uint8]) -> dict[str, Any]:
    """Attributes of a sample: picture (H, W, 3) and instance ids (H, W). Lists have one entry a craft."""
    craft = [p for p in scene.craft if p.instance]
    masks = [instances == p.instance for p in craft]
    extents = [extent_px(mask) for mask in masks]
    angles = [sun_angle_deg(scene, p) for p in craft]
    largest = int(np.argmax(extents)) if any(extents) else None
    return {
        "background": scene.kind,
        "craft_size": "none" if largest is None else next(name for top, name in SIZES if extents[largest] < top),
        "lighting": "none" if largest is None else next(name for top, name in LIGHTINGS if angles[largest] < top),
        "designs": [p.design for p in craft],
        "elements": [list(p.craft.elements) for p in craft],
        "extent_px": extents,
        "brightness": [round(float(picture[mask].mean()), 1) if mask.any() else 0.0 for mask in masks],
        "sun_angle_deg": [round(angle, 1) for angle in angles],
        "sun_direction": [round(float(v), 4) for v in scene.light.sun],
    }
