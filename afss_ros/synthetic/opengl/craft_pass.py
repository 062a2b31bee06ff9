"""Draws craft: shadow map, then shaded colour, then ids and what the Sun reaches."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from afss_ros.synthetic.meshes import frame_along
from afss_ros.synthetic.noise import crumple_texture
from afss_ros.synthetic.opengl.programs import packed, set_uniforms, source, tile
from afss_ros.synthetic.scene import Placed, Planet, Scene

SHADOW_SIZE = 1024
DISTRACTOR = 255
"""What the id buffer holds where a thing that is no craft covers the sky."""
_LAYOUT = ("in_position", "in_normal", "in_uv", "in_tag")


class CraftPass:
    """Holds the programs and the shadow map; draws one craft at a time into two framebuffers."""

    def __init__(self, context: moderngl.Context, noise: moderngl.Texture) -> None:
        self._context = context
        self._noise = noise
        self._crumple = tile(context, crumple_texture())
        self._colors: dict[int, moderngl.Program] = {}
        sunlight = source("sunlight.glsl")
        ids = f"#version 330\n{sunlight}{source('ids.frag.glsl')}"
        self._ids = context.program(source("craft.vert.glsl"), ids)
        set_uniforms(self._ids, shadow_map=0)
        self._shadow = context.program(source("shadow.vert.glsl"), source("shadow.frag.glsl"))
        self._shadow_map = context.depth_texture((SHADOW_SIZE, SHADOW_SIZE))
        self._shadow_map.compare_func = "<="
        self._shadow_map.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow_target = context.framebuffer(depth_attachment=self._shadow_map)

    def _color(self, pattern: int) -> moderngl.Program:
        if pattern not in self._colors:
            fragment = f"#version 330\n#define PATTERN {pattern}\n{source('sunlight.glsl')}{source('craft.frag.glsl')}"
            self._colors[pattern] = self._context.program(source("craft.vert.glsl"), fragment)
            set_uniforms(self._colors[pattern], shadow_map=0, noise=1, materials=2, crumple=3)
        return self._colors[pattern]

    def draw(
        self,
        scene: Scene,
        placed: Placed,
        projection: NDArray[np.float32],
        color: moderngl.Framebuffer,
        ids: moderngl.Framebuffer,
    ) -> None:
        """Draw one craft of a scene; matrices (4, 4) are row-major here and transposed for OpenGL."""
        context, craft = self._context, placed.craft
        model = model_matrix(placed)
        to_shadow = shadow_matrix(scene.light.sun, placed)
        buffer = context.buffer(craft.vertices.tobytes())
        materials = context.texture((4, len(craft.materials)), 4, craft.materials.tobytes(), dtype="f4")
        materials.filter = (moderngl.NEAREST, moderngl.NEAREST)
        context.enable(moderngl.DEPTH_TEST)
        context.disable(moderngl.BLEND)

        self._shadow_target.use()
        self._shadow_target.clear()
        self._cast(buffer, model, to_shadow)
        for other in scene.craft:
            if other is not placed and may_shade(scene.light.sun, other, placed):
                caster = context.buffer(other.craft.vertices.tobytes())
                self._cast(caster, model_matrix(other), to_shadow)
                caster.release()

        color.use()
        for unit, texture in enumerate((self._shadow_map, self._noise, materials, self._crumple)):
            texture.use(unit)
        values = _lighting(scene) | {"model": model.T, "projection": projection.T, "to_shadow": to_shadow.T}
        shared = {name: packed(value) for name, value in values.items()}
        for pattern, first, count in craft.runs:
            program = self._color(pattern)
            set_uniforms(program, **shared)
            self._triangles(program, buffer, "3f 3f 2f 3f", *_LAYOUT, first=first, count=count)

        ids.use()
        places = {name: values[name] for name in ("model", "projection", "to_shadow", "sun")}
        set_uniforms(self._ids, **places, instance=placed.instance or DISTRACTOR)
        self._triangles(self._ids, buffer, "3f 3f 2x4 3f", "in_position", "in_normal", "in_tag")
        buffer.release()
        materials.release()

    def _cast(self, buffer: moderngl.Buffer, model: NDArray[np.float32], to_shadow: NDArray[np.float32]) -> None:
        set_uniforms(self._shadow, model=model.T, to_shadow=to_shadow.T)
        self._triangles(self._shadow, buffer, "3f 8x4", "in_position")

    def _triangles(
        self,
        program: moderngl.Program,
        buffer: moderngl.Buffer,
        layout: str,
        *attributes: str,
        first: int = 0,
        count: int = -1,
    ) -> None:
        """Draw `count` vertices of a buffer from `first` on, all of them with -1."""
        array = self._context.vertex_array(program, [(buffer, layout, *attributes)])
        array.render(first=first, vertices=count)
        array.release()  # it would keep the buffer's memory, a megabyte a frame, though the buffer is released


def model_matrix(placed: Placed) -> NDArray[np.float32]:
    """A craft's own frame to the camera frame, (4, 4)."""
    model = np.eye(4, dtype=np.float32)
    model[:3, :3], model[:3, 3] = placed.rotation, placed.translation
    return model


def may_shade(sun: NDArray[np.float64], caster: Placed, receiver: Placed) -> bool:
    """Whether the sphere around one craft stands in the sunlight of the sphere around another."""
    offset = caster.translation - receiver.translation
    along = float(offset @ sun)
    aside = float(np.linalg.norm(offset - along * sun))
    reach = caster.craft.radius + receiver.craft.radius
    return along > -reach and aside < reach


def shadow_matrix(sun: NDArray[np.float64], placed: Placed) -> NDArray[np.float32]:
    """The camera frame to the Sun's orthographic view of one craft, (4, 4)."""
    frame = frame_along(sun).astype(np.float64)
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = frame.T / (1.01 * placed.craft.radius)
    matrix[2, :3] *= -1
    matrix[:3, 3] = -matrix[:3, :3] @ placed.translation
    return matrix


def _lighting(scene: Scene) -> dict[str, object]:
    light = scene.light
    planet = scene.planets[0] if scene.planets else None
    direction, cosine = np.array([0.0, -1.0, 0.0]), 2.0
    if planet is not None:
        distance = float(np.linalg.norm(planet.center))
        direction = planet.center / distance
        cosine = float(np.sqrt(max(1 - 1 / max(distance, 1.0001) ** 2, 0.0)))
    return {
        "sun": light.sun,
        "sun_color": light.sun_color,
        "planet_direction": direction,
        "planet_cosine": cosine,
        "planet_color": planet_radiance(planet, direction, light.sun),
        "ambient": light.ambient,
        "fill": light.fill,
        "fill_direction": light.fill_direction,
    }


def planet_radiance(
    planet: Planet | None, direction: NDArray[np.float64], sun: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean radiance (3,) of the planet's disc as the craft sees it: its colour times a phase factor."""
    if planet is None:
        return np.zeros(3)
    phase = float(np.clip(0.5 - 0.6 * direction @ sun, 0.0, 1.0))
    base = np.array([0.45, 0.55, 0.7]) if planet.kind == 1 else np.array(planet.tint) * 0.6
    return np.asarray(base * phase * planet.brightness, np.float64)
