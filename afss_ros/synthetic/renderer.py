"""Draws a scene with OpenGL: linear radiance, and exact part and instance ids."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.context import open_context
from afss_ros.synthetic.earth_map import ground_texture
from afss_ros.synthetic.meshes import frame_along
from afss_ros.synthetic.noise import crumple_texture, noise_texture
from afss_ros.synthetic.scene import Placed, Planet, Scene

SHADOW_SIZE = 1024
SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Rendered:
    """`radiance` float32 (H, W, 3) linear RGB; `parts` and `instances` uint8 (H, W), no antialiasing.

    A pixel's ids are those of the surface seen through its centre.
    """

    radiance: NDArray[np.float32]
    parts: NDArray[np.uint8]
    instances: NDArray[np.uint8]


def _source(name: str) -> str:
    return (importlib.resources.files("afss_ros.synthetic") / "shaders" / name).read_text(encoding="utf-8")


def perspective(tangent: tuple[float, float], near: float, far: float) -> NDArray[np.float32]:
    """OpenGL projection (4, 4), row-major, for half field of view tangents (x, y)."""
    p = np.zeros((4, 4), np.float32)
    p[0, 0], p[1, 1] = 1 / tangent[0], 1 / tangent[1]
    p[2, 2], p[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
    p[3, 2] = -1
    return p


@dataclass
class _Target:
    multisampled: moderngl.Framebuffer
    resolved: moderngl.Framebuffer
    ids: moderngl.Framebuffer


class Renderer:
    """Holds an OpenGL context, programs and textures; draws scenes of any size. Close it, or use it in `with`."""

    def __init__(self) -> None:
        self.context = open_context()
        ctx = self.context
        self._craft = ctx.program(_source("craft.vert.glsl"), _source("craft.frag.glsl"))
        self._ids = ctx.program(_source("craft.vert.glsl"), _source("ids.frag.glsl"))
        self._shadow = ctx.program(_source("shadow.vert.glsl"), _source("shadow.frag.glsl"))
        self._noise, self._crumple = self._tile(noise_texture()), self._tile(crumple_texture())
        ground = ground_texture()
        self._earth = ctx.texture((ground.shape[1], ground.shape[0]), 3, ground.tobytes(), alignment=1)
        self._earth.build_mipmaps()
        self._earth.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
        self._earth.repeat_y = False
        self._shadow_map = ctx.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self._shadow_map.compare_func = "<="
        self._shadow_map.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_target = ctx.framebuffer(depth_attachment=self._shadow_map)
        corners = np.array([-1, -1, 1, -1, -1, 1, 1, 1], np.float32)
        self._corners = ctx.buffer(corners.tobytes())
        self._skies: dict[tuple[int, ...], tuple[moderngl.Program, moderngl.VertexArray]] = {}
        self._targets: dict[tuple[int, int], _Target] = {}

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the context and all it holds."""
        self.context.release()

    def _tile(self, picture: NDArray[np.uint8]) -> moderngl.Texture:
        texture = self.context.texture((picture.shape[1], picture.shape[0]), 4, picture.tobytes())
        texture.build_mipmaps()
        texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
        return texture

    def _target(self, size: tuple[int, int]) -> _Target:
        if size not in self._targets:
            ctx = self.context
            self._targets[size] = _Target(
                ctx.framebuffer(
                    ctx.renderbuffer(size, 4, samples=SAMPLES, dtype="f2"),
                    ctx.depth_renderbuffer(size, samples=SAMPLES),
                ),
                ctx.framebuffer(ctx.texture(size, 4, dtype="f2")),
                ctx.framebuffer(ctx.texture(size, 2), ctx.depth_renderbuffer(size)),
            )
        return self._targets[size]

    def render(self, scene: Scene) -> Rendered:
        """Draw one scene."""
        ctx, size = self.context, (scene.width, scene.height)
        target = self._target(size)
        target.multisampled.use()
        target.multisampled.clear(0, 0, 0, 0)
        target.ids.clear(0, 0, 0, 0)
        near = min((max(0.02 * p.craft.radius, -p.translation[2] - p.craft.radius) for p in scene.craft), default=0.1)
        far = max((-p.translation[2] + p.craft.radius for p in scene.craft), default=10.0)
        projection = perspective(scene.tangent, 0.98 * near, 1.02 * max(far, 1.01 * near))
        for placed in scene.craft:
            self._draw(scene, placed, projection, target)
        ctx.copy_framebuffer(target.resolved, target.multisampled)
        self._draw_sky(scene, target)
        h, w = scene.height, scene.width
        raw = np.frombuffer(target.resolved.read(components=4, dtype="f2"), np.float16).reshape(h, w, 4)
        ids = np.frombuffer(target.ids.read(components=2, alignment=1), np.uint8).reshape(h, w, 2)
        radiance = np.ascontiguousarray(raw[::-1, :, :3]).astype(np.float32)
        return Rendered(radiance, ids[::-1, :, 0].copy(), ids[::-1, :, 1].copy())

    def _draw(self, scene: Scene, placed: Placed, projection: NDArray[np.float32], target: _Target) -> None:
        ctx, craft = self.context, placed.craft
        model = np.eye(4, dtype=np.float32)
        model[:3, :3], model[:3, 3] = placed.rotation, placed.translation
        frame = frame_along(scene.light.sun).astype(np.float64)
        to_shadow = np.eye(4, dtype=np.float32)
        to_shadow[:3, :3] = frame.T / (1.01 * craft.radius)
        to_shadow[2, :3] *= -1
        to_shadow[:3, 3] = -to_shadow[:3, :3] @ placed.translation

        buffer = ctx.buffer(craft.vertices.tobytes())
        materials = ctx.texture((4, len(craft.materials)), 4, craft.materials.tobytes(), dtype="f4")
        materials.filter = (moderngl.NEAREST, moderngl.NEAREST)
        ctx.enable(moderngl.DEPTH_TEST)
        ctx.disable(moderngl.BLEND)

        self._shadow_target.use()
        self._shadow_target.clear()
        self._set(self._shadow, model=model.T, to_shadow=to_shadow.T)
        ctx.vertex_array(self._shadow, [(buffer, "3f 7x4", "in_position")]).render()

        layout = [(buffer, "3f 3f 2f 2f", "in_position", "in_normal", "in_uv", "in_tag")]
        target.multisampled.use()
        self._shadow_map.use(0)
        self._noise.use(1)
        materials.use(2)
        self._crumple.use(3)
        light = scene.light
        planet = scene.planets[0] if scene.planets else None
        distance = float(np.linalg.norm(planet.center)) if planet else 1.0
        direction = planet.center / distance if planet else np.array([0.0, -1.0, 0.0])
        cosine = float(np.sqrt(max(1 - 1 / max(distance, 1.0001) ** 2, 0.0))) if planet else 2.0
        self._set(
            self._craft, model=model.T, projection=projection.T, to_shadow=to_shadow.T, shadow_map=0, noise=1,
            materials=2, crumple=3, sun=light.sun, sun_color=light.sun_color, planet_direction=direction, planet_cosine=cosine,
            planet_color=_planet_radiance(planet, direction, light.sun), ambient=light.ambient, fill=light.fill,
            fill_direction=light.fill_direction, shadow_texel=1.0 / SHADOW_SIZE,
        )  # fmt: skip
        ctx.vertex_array(self._craft, layout).render()
        target.ids.use()
        self._set(self._ids, model=model.T, projection=projection.T, instance=placed.instance)
        ctx.vertex_array(self._ids, [(buffer, "3f 5x4 2f", "in_position", "in_tag")]).render()
        buffer.release()
        materials.release()

    def _sky_program(self, scene: Scene) -> tuple[moderngl.Program, moderngl.VertexArray]:
        kinds = [planet.kind for planet in scene.planets] + [0, 0]
        earth = scene.planets[0] if kinds[0] == 1 else None
        swirls = -(-len(scene.cyclones) // 3) * 3 if earth else 0
        variant = (kinds[0], kinds[1], int(earth is not None and earth.lights > 0), int(scene.sky.nebula.any()), swirls)
        if variant not in self._skies:
            names = ("KIND0", "KIND1", "LIGHTS", "NEBULA", "CYCLONES")
            defines = "".join(f"#define {name} {value}\n" for name, value in zip(names, variant, strict=True))
            program = self.context.program(_source("sky.vert.glsl"), f"#version 330\n{defines}{_source('sky.frag.glsl')}")
            array = self.context.vertex_array(program, [(self._corners, "2f", "in_corner")])
            self._skies[variant] = program, array
        return self._skies[variant]

    def _draw_sky(self, scene: Scene, target: _Target) -> None:
        ctx, sky = self.context, scene.sky
        program, screen = self._sky_program(scene)
        cyclones = np.zeros((-(-len(scene.cyclones) // 3) * 3, 4), np.float32)
        cyclones[:] = (0, 0, 0, 1)
        cyclones[: len(scene.cyclones)] = scene.cyclones
        target.resolved.use()
        ctx.disable(moderngl.DEPTH_TEST)
        ctx.enable(moderngl.BLEND)
        ctx.blend_func = moderngl.ONE_MINUS_DST_ALPHA, moderngl.ONE
        self._noise.use(0)
        self._earth.use(1)
        self._set(
            program, tangent=scene.sky_tangent, noise=0, earth=1, sun=scene.light.sun, sky_low=sky.low,
            sky_high=sky.high, sky_axis=sky.axis, sky_glow=sky.glow, glow_place=sky.glow_place, nebula=sky.nebula,
            nebula_shape=sky.nebula_shape, cyclones=cyclones,
        )  # fmt: skip
        for i, planet in enumerate(scene.planets):
            self._set_planet(program, i, planet)
        screen.render(moderngl.TRIANGLE_STRIP)

    def _set_planet(self, program: moderngl.Program, i: int, planet: Planet) -> None:
        subpoint = planet.cloud_axis
        if subpoint is None:
            subpoint = planet.to_fixed @ (-planet.center / np.linalg.norm(planet.center))
        values = {
            "to_fixed": np.asarray(planet.to_fixed).T, "to_plane": frame_along(subpoint), "center": planet.center,
        }  # fmt: skip
        names = ("tint", "second", "air", "air_height", "brightness", "saturation", "lights", "cloud", "cloud_soft",
                 "cloud_scale", "detail", "puffs", "offset")  # fmt: skip
        values |= {name: getattr(planet, name) for name in names}
        self._set(program, **{f"planets[{i}].{name}": value for name, value in values.items()})

    @staticmethod
    def _set(program: moderngl.Program, **values: object) -> None:
        for name, value in values.items():
            if name not in program:
                continue
            uniform = program[name]
            assert isinstance(uniform, moderngl.Uniform)
            if isinstance(value, int | float):
                uniform.value = value
            else:
                uniform.write(np.ascontiguousarray(value, np.float32).tobytes())


def _planet_radiance(
    planet: Planet | None, direction: NDArray[np.float64], sun: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean radiance of the planet's disc as the craft sees it: its colour times a phase factor."""
    if planet is None:
        return np.zeros(3)
    phase = float(np.clip(0.5 - 0.6 * direction @ sun, 0.0, 1.0))
    base = np.array([0.45, 0.55, 0.7]) if planet.kind == 1 else np.array(planet.tint) * 0.6
    return base * phase * planet.brightness
