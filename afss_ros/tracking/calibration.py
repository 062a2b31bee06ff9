"""How wrong bearings and ranges are, as measured on rendered craft whose pose is known.

Made by `python -m afss_ros.evaluation.tracking.calibrate` on recordings of craft that the student never saw; the
figures on recordings held out from it are in docs/tracking.md. For another student, or another kind of craft, make them
anew.
"""

from __future__ import annotations

import numpy as np

SIZES = (24.0, 48.0, 96.0, 192.0)
"""Diagonals of the craft's box, px, at which the factors are given; between them they are interpolated."""
BEARING = (0.607, 0.467, 0.437, 0.42)
"""Standard deviation of a bearing over the spread of the craft's pixels, by size."""
LIGHTS = (0.2, 0.4, 0.6)
LIGHT = (0.92, 1.0, 0.93)
"""By what the factor is multiplied where the craft's pixels are that bright on average."""
PIXEL = 0.5
"""Standard deviation of what does not grow with the craft, px."""
BORDER_FACTOR = 3.0

RANGE_SIZES = (24.0, 48.0, 96.0, 192.0)
"""Diameters of a craft, px, at which bias and deviation of the logarithm of the range are given."""
RANGE_BIAS = (0.268, 0.16, 0.113, 0.058)
RANGE_SIGMA = (0.25, 0.21, 0.2, 0.14)


def bearing_factor(diagonal: float, light: float | None) -> float:
    """Standard deviation over spread of a craft whose box measures `diagonal` px, with its light, 0..1, if known."""
    factor = float(np.interp(np.log(max(diagonal, 1.0)), np.log(SIZES), BEARING))
    return factor if light is None else factor * float(np.interp(light, LIGHTS, LIGHT))


def range_error(diameter: float) -> tuple[float, float]:
    """Bias and standard deviation of the logarithm of the range of a craft of `diameter` px."""
    size = np.log(max(diameter, 1.0))
    return (
        float(np.interp(size, np.log(RANGE_SIZES), RANGE_BIAS)),
        float(np.interp(size, np.log(RANGE_SIZES), RANGE_SIGMA)),
    )
