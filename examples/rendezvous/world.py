"""What the chaser's camera sees: a rendered target, perhaps a craft that passes, and what befalls the pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afss_ros.camera import CameraInfo
from afss_ros.synthetic.camera import expose
from afss_ros.synthetic.craft.grammar import design
from afss_ros.synthetic.craft.pieces import find
from afss_ros.synthetic.glare import sun_glare
from afss_ros.synthetic.meshes import rotation_about
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.recording import FLIGHT_CAMERA
from afss_ros.synthetic.scene import Placed, Scene
from afss_ros.synthetic.sky import star_field
from afss_ros.synthetic.trajectory import draw_trajectory
from examples.rendezvous.pointing import aimed, tangents, zoom

Array = NDArray[np.float64]
_TO_RENDERER = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True)
class View:
    """A picture uint8 (H, W, 3), its calibration, and the camera's axes (3, 3): orbital frame to optical frame."""

    picture: NDArray[np.uint8]
    camera: CameraInfo
    to_optical: Array


class World:
    """A target and a camera; the same seed always makes the same one."""

    def __init__(self, seed: int, width: int = 256) -> None:
        self._drawn = draw_trajectory("tumble", 2, width, width * 3 // 4, seed, "test")
        self._renderer = Renderer()
        self._visitor = design(self._drawn.design + 3)  # of the same split
        self._seed = seed
        self.length_m = find(self._drawn.craft).length

    def close(self) -> None:
        self._renderer.close()

    def look(
        self,
        time: float,
        chaser: Array,
        guess: Array,
        *,
        glare: bool = False,
        visitor: float | None = None,
        aside: tuple[float, float] = (0.0, 0.0),
    ) -> View:
        """What the camera at `chaser` (3,) sees that is turned to where the target is guessed to be.

        Args:
            guess: (3,), where the chaser believes to be.
            glare: the Sun shines into the lens.
            visitor: how far a second craft has passed, 0..1; None without one.
            aside: how many pictures past where the target is guessed to be the camera looks, right and down.
        """
        drawn = self._drawn
        fov = zoom(float(np.linalg.norm(guess)), self.length_m)
        half = tangents(fov, drawn.width, drawn.height)
        to_optical = aimed(guess, aside, half)
        sky = drawn.scene(0)
        axes = _TO_RENDERER @ to_optical  # orbital frame to the renderer's camera
        attitude = rotation_about(drawn.spin_axis, 0.012 * time) @ drawn.attitude
        placed = [Placed(drawn.craft, axes @ attitude, axes @ -chaser, 1, drawn.design)]
        if visitor is not None:
            depth = 0.7 * float(np.linalg.norm(chaser))
            place = depth * np.array([(1.6 * visitor - 0.8) * half[0], 0.3 * half[1] * (1 - visitor), -1.0])
            placed.append(Placed(self._visitor, axes @ attitude.T, place, 2, drawn.design + 3))
        scene = Scene(
            drawn.width, drawn.height, half, sky.sky_tangent, tuple(placed), sky.planets,
            replace(sky.light, sun=drawn.sun), sky.sky, sky.cyclones, sky.kind,
        )  # fmt: skip
        rendered = self._renderer.render(scene)
        radiance = rendered.radiance + star_field(drawn.stars_before(0), scene, ~rendered.covered)
        rng = np.random.default_rng([self._seed, round(10 * time)])
        if glare:
            radiance = radiance + sun_glare(rng, drawn.width, drawn.height, (0.45 * drawn.width, 0.4 * drawn.height))
        picture = expose(FLIGHT_CAMERA, np.asarray(radiance, np.float32), rng)
        return View(picture, CameraInfo.pinhole(drawn.width, drawn.height, float(np.radians(fov))), to_optical)
