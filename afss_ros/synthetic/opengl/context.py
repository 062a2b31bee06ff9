"""An OpenGL context without a window."""

from __future__ import annotations

import moderngl

from afss_ros.synthetic.errors import SyntheticError


def open_context() -> moderngl.Context:
    """A standalone OpenGL 3.3 context through EGL: a GPU where there is one, software GL elsewhere.

    Raises:
        SyntheticError: no EGL library or no driver behind it.
    """
    try:
        return moderngl.create_context(standalone=True, backend="egl", require=330)  # type: ignore[arg-type]
    except Exception as err:
        raise SyntheticError(
            f"cannot open an OpenGL context through EGL ({err}). "
            "On Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri libgles2 libgl1; "
            "on a GPU machine the driver's own EGL serves."
        ) from err
