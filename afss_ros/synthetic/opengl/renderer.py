"""Draws a scene with OpenGL: linear radiance, exact ids of parts, craft and components, and what the Sun reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.noise import noise_texture
from afss_ros.synthetic.opengl.context import open_context
from afss_ros.synthetic.opengl.craft_pass import DISTRACTOR, CraftPass
from afss_ros.synthetic.opengl.programs import tile
from afss_ros.synthetic.opengl.sky_pass import SkyPass
from afss_ros.synthetic.scene import Placed, Scene

SAMPLES = 4
"""Samples a pixel of the colour picture; ids have one, at the pixel's centre."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """`radiance` float32 (H, W, 3) linear RGB; `parts`, `instances` and `components` uint8 (H, W), no antialiasing.

    A pixel's ids are those of the surface seen through its centre; components are numbered within their craft.
    `sunlit` uint8 (H, W): how much of the Sun reaches that surface, 255 for all of it. `covered` bool (H, W): a craft
    or a distractor stands before the sky.
    """

    radiance: NDArray[np.float32]
    parts: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    components: NDArray[np.uint8]
    sunlit: NDArray[np.uint8]
    covered: NDArray[np.bool_]


@dataclass(slots=True)
class _Target:
    multisampled: moderngl.Framebuffer
    resolved: moderngl.Framebuffer
    ids: moderngl.Framebuffer
    drawn: tuple[int, int, int, int]
    """Pixels (x, y, width, height), from the lower left, that hold what the last scene's craft left."""


def perspective(tangent: tuple[float, float], near: float, far: float) -> NDArray[np.float32]:
    """OpenGL projection (4, 4), row-major, for half field of view tangents (x, y)."""
    p = np.zeros((4, 4), np.float32)
    p[0, 0], p[1, 1] = 1 / tangent[0], 1 / tangent[1]
    p[2, 2], p[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
    p[3, 2] = -1
    return p


def depth_range(scene: Scene) -> tuple[float, float]:
    """Near and far planes, metres, that hold every craft of a scene."""
    near = min((max(0.02 * p.craft.radius, -p.translation[2] - p.craft.radius) for p in scene.craft), default=0.1)
    far = max((-p.translation[2] + p.craft.radius for p in scene.craft), default=10.0)
    return 0.98 * float(near), 1.02 * max(float(far), 1.01 * float(near))


def screen_bounds(placed: Sequence[Placed], scene: Scene) -> tuple[int, int, int, int]:
    """Pixels (x, y, width, height), counted from the lower left, beyond which none of `placed` can reach."""
    size = np.array([scene.width, scene.height])
    low, high = size.astype(np.float64), np.zeros(2)
    for craft in placed:
        depth, radius = -float(craft.translation[2]), craft.craft.radius
        if depth <= 1.01 * radius:
            return 0, 0, scene.width, scene.height
        sides = craft.translation[:2, None] + np.array([-radius, radius])
        slopes = sides[..., None] / (depth + np.array([-radius, radius])) / np.asarray(scene.tangent)[:, None, None]
        pixels = (slopes.reshape(2, 4) + 1) / 2 * size[:, None]
        low, high = np.minimum(low, pixels.min(axis=1)), np.maximum(high, pixels.max(axis=1))
    x, y = (int(v) for v in np.clip(np.floor(low) - 1, 0, size))
    right, top = (int(v) for v in np.clip(np.ceil(high) + 1, 0, size))
    return x, y, max(right - x, 0), max(top - y, 0)


class Renderer:
    """Holds an OpenGL context, programs and textures; draws scenes of any size. Close it, or use it in `with`.

    A process may have several: OpenGL draws into the context that is current, so each makes its own so while it draws.
    """

    def __init__(self) -> None:
        self.context = open_context()
        noise = tile(self.context, noise_texture())
        self._craft = CraftPass(self.context, noise)
        self._sky = SkyPass(self.context, noise)
        self._targets: dict[tuple[int, int], _Target] = {}

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the context and all it holds."""
        self.context.release()

    def _target(self, size: tuple[int, int]) -> _Target:
        if size not in self._targets:
            context = self.context
            self._targets[size] = _Target(
                context.framebuffer(
                    context.renderbuffer(size, 4, samples=SAMPLES, dtype="f2"),
                    context.depth_renderbuffer(size, samples=SAMPLES),
                ),
                context.framebuffer(context.texture(size, 4, dtype="f2")),
                context.framebuffer(context.texture(size, 4), context.depth_renderbuffer(size)),
                (0, 0, *size),
            )
        return self._targets[size]

    def render(self, scene: Scene, backdrop: NDArray[np.float32] | None = None) -> Rendered:
        """Draw one scene, before its own sky and planets or, where it is given, a `backdrop` of radiance (H, W, 3)."""
        with self.context:
            return self._render(scene, backdrop)

    def _render(self, scene: Scene, backdrop: NDArray[np.float32] | None) -> Rendered:
        target = self._target((scene.width, scene.height))
        # Software GL takes 8 ms to clear 512x512 pixels of four samples: only what is in use is cleared.
        for buffer in (target.multisampled, target.ids):
            buffer.clear(viewport=target.drawn)
        target.drawn = screen_bounds(scene.craft, scene)
        projection = perspective(scene.tangent, *depth_range(scene))
        for placed in scene.craft:
            self._craft.draw(scene, placed, projection, target.multisampled, target.ids)
        self.context.copy_framebuffer(target.resolved, target.multisampled)
        h, w = scene.height, scene.width
        if backdrop is None:
            self._sky.draw(scene, target.resolved)
            color = np.frombuffer(target.resolved.read(components=3, dtype="f4"), np.float32).reshape(h, w, 3)
        else:
            drawn = np.frombuffer(target.resolved.read(components=4, dtype="f4"), np.float32).reshape(h, w, 4)
            color = drawn[..., :3] + (1 - drawn[..., 3:]) * backdrop[::-1]
        ids = np.frombuffer(target.ids.read(components=4, alignment=1), np.uint8).reshape(h, w, 4)[::-1]
        # OpenGL's first row is the lowest.
        radiance = color[::-1].copy()
        covered = ids[..., 1] > 0
        of_craft = covered & (ids[..., 1] != DISTRACTOR)
        parts = ids[..., 0].copy()
        instances, components, sunlit = (np.where(of_craft, ids[..., i], np.uint8(0)) for i in (1, 2, 3))
        return Rendered(radiance, parts, instances, components, sunlit, covered)
