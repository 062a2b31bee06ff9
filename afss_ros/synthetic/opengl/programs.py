"""Shader sources, uniforms and textures: the small change of OpenGL."""

from __future__ import annotations

import importlib.resources

import moderngl
import numpy as np
from numpy.typing import NDArray


def source(name: str) -> str:
    """The text of a shader of this package."""
    return (importlib.resources.files("afss_ros.synthetic.opengl") / "shaders" / name).read_text(encoding="utf-8")


def set_uniforms(program: moderngl.Program, **values: object) -> None:
    """Set uniforms by name: numbers and packed bytes as they are, arrays as float32.

    What the compiler dropped is passed over.
    """
    for name, value in values.items():
        if name not in program:
            continue
        uniform = program[name]
        assert isinstance(uniform, moderngl.Uniform)
        if isinstance(value, int | float):
            uniform.value = value
        else:
            uniform.write(value if isinstance(value, bytes) else packed(value))


def packed(value: object) -> bytes:
    """A number or an array as the bytes of a float32 uniform, for values that many programs share."""
    return np.ascontiguousarray(value, np.float32).tobytes()


def tile(context: moderngl.Context, picture: NDArray[np.uint8]) -> moderngl.Texture:
    """A repeating texture with mipmaps from uint8 (H, W, channels)."""
    height, width, channels = picture.shape
    texture = context.texture((width, height), channels, picture.tobytes(), alignment=1)
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
    return texture
