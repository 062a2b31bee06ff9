#!/usr/bin/env python3
"""Ask EGL for a display without a screen, as the renderer will; needs nothing but Python, so it comes before 6 GB do.

Prints what is missing and the command that brings it, on Debian and Ubuntu; exit code 1 then.
"""

from __future__ import annotations

import ctypes
import sys

EGL_PLATFORM_DEVICE = 0x313F
MAX_DEVICES = 16


def main() -> int:
    missing = what_is_missing()
    if missing is None:
        return 0
    reason, packages = missing
    print(f"error: {reason}; the renderer needs it, and so does make test.", file=sys.stderr)
    print(f"       On Debian or Ubuntu:  sudo apt install {packages}", file=sys.stderr)
    return 1


def what_is_missing() -> tuple[str, str] | None:
    """Return (what, the packages that bring it), or None where a display without a screen can be had."""
    for name in ("libEGL.so.1", "libGL.so.1"):
        try:
            ctypes.CDLL(name)
        except OSError:
            return f"there is no {name} on this machine (OpenGL without a screen)", "libegl1 libgl1 libgl1-mesa-dri"
    egl = ctypes.CDLL("libEGL.so.1")
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    query = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    open_display = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    devices = (ctypes.c_void_p * MAX_DEVICES)()
    count = ctypes.c_int(0)
    if query and open_display:
        ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(query)(
            MAX_DEVICES, devices, ctypes.byref(count)
        )
    for device in devices[: count.value]:
        display_of = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(open_display)
        display = display_of(EGL_PLATFORM_DEVICE, device, None)
        if display and egl.eglInitialize(ctypes.c_void_p(display), None, None):
            egl.eglTerminate(ctypes.c_void_p(display))
            return None
    return "EGL is here, but none of its devices works without a screen", "libgl1-mesa-dri"


if __name__ == "__main__":
    sys.exit(main())
