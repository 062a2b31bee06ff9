"""Draws what stands behind craft: sky, nebula, planets."""

from __future__ import annotations

import moderngl
import numpy as np

from afss_ros.synthetic.earth_map import ground_texture
from afss_ros.synthetic.meshes import frame_along
from afss_ros.synthetic.opengl.programs import set_uniforms, source
from afss_ros.synthetic.scene import Planet, Scene

_VARIANT = ("KIND0", "KIND1", "LIGHTS", "NEBULA", "CYCLONES")
_PLANET = (
    "center", "tint", "second", "air", "air_height", "brightness", "saturation", "lights", "cloud", "cloud_soft",
    "cloud_scale", "detail", "puffs", "offset",
)  # fmt: skip


class SkyPass:
    """Holds the Earth's ground and one program for every kind of sky that has been asked for."""

    def __init__(self, context: moderngl.Context, noise: moderngl.Texture) -> None:
        self._context = context
        self._noise = noise
        ground = ground_texture()
        self._earth = context.texture((ground.shape[1], ground.shape[0]), 3, ground.tobytes(), alignment=1)
        self._earth.build_mipmaps()
        self._earth.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        self._earth.repeat_y = False
        corners = np.array([-1, -1, 1, -1, -1, 1, 1, 1], np.float32)
        self._corners = context.buffer(corners.tobytes())
        self._variants: dict[tuple[int, ...], tuple[moderngl.Program, moderngl.VertexArray]] = {}
        self._vertex, self._fragment = source("sky.vert.glsl"), source("sky.frag.glsl")

    def _program(self, scene: Scene, swirls: int) -> tuple[moderngl.Program, moderngl.VertexArray]:
        kinds = [planet.kind for planet in scene.planets] + [0, 0]
        lit = kinds[0] == 1 and scene.planets[0].lights > 0
        variant = (kinds[0], kinds[1], int(lit), int(scene.sky.nebula.any()), swirls if kinds[0] == 1 else 0)
        if variant not in self._variants:
            defines = "".join(f"#define {name} {value}\n" for name, value in zip(_VARIANT, variant, strict=True))
            program = self._context.program(self._vertex, f"#version 330\n{defines}{self._fragment}")
            array = self._context.vertex_array(program, [(self._corners, "2f", "in_corner")])
            self._variants[variant] = program, array
        return self._variants[variant]

    def draw(self, scene: Scene, target: moderngl.Framebuffer) -> None:
        """Fill what `target` leaves free (alpha below one) with the sky of a scene."""
        context, sky = self._context, scene.sky
        # Programs exist for none, three or six swirls; the spare ones turn nothing.
        swirls = -(-len(scene.cyclones) // 3) * 3
        cyclones = np.zeros((swirls, 4), np.float32)
        cyclones[:, 3] = 1.0
        cyclones[: len(scene.cyclones)] = scene.cyclones
        program, screen = self._program(scene, swirls)
        target.use()
        context.disable(moderngl.DEPTH_TEST)
        context.enable(moderngl.BLEND)
        context.blend_func = moderngl.ONE_MINUS_DST_ALPHA, moderngl.ONE
        self._noise.use(0)
        self._earth.use(1)
        set_uniforms(
            program, tangent=scene.sky_tangent, noise=0, earth=1, sun=scene.light.sun, sky_low=sky.low,
            sky_high=sky.high, sky_axis=sky.axis, sky_glow=sky.glow, glow_place=sky.glow_place, nebula=sky.nebula,
            nebula_shape=sky.nebula_shape, cyclones=cyclones,
        )  # fmt: skip
        for i, planet in enumerate(scene.planets):
            _set_planet(program, f"planets[{i}].", planet)
        screen.render(moderngl.TRIANGLE_STRIP)


def _set_planet(program: moderngl.Program, prefix: str, planet: Planet) -> None:
    axis = planet.cloud_axis
    if axis is None:
        axis = planet.to_fixed @ (-planet.center / np.linalg.norm(planet.center))
    # OpenGL reads matrices by columns: the transpose of to_fixed, and frame_along as it is, for its inverse.
    values = {"to_fixed": np.asarray(planet.to_fixed).T, "to_plane": frame_along(axis)}
    values |= {name: getattr(planet, name) for name in _PLANET}
    set_uniforms(program, **{prefix + name: value for name, value in values.items()})
