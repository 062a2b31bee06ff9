"""Measure how wrong bearings and ranges are, by size and by light: what `tracking.calibration` holds.

python -m afss_ros.evaluation.tracking.calibrate models/student.onnx recordings/*.mcap
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.evaluation.tracking import judge, run
from afss_ros.tracking import calibration

Array = NDArray[np.float64]
_BOUND = 5.991


def fitted(sightings: Sequence[judge.Sighting]) -> dict[str, tuple[float, ...]]:
    """The constants of `tracking.calibration` anew, from sightings made with those that are there now."""
    error = np.array([s.error for s in sightings])
    sizes = np.log([s.diagonal for s in sightings])
    lights = np.array([np.nan if s.light is None else s.light for s in sightings])
    # Half of the mean, half of what 95 % should reach: a middle for a distribution with a heavy tail.
    bearing = [
        old * _scale(error, _near(sizes, np.log(size)))
        for size, old in zip(calibration.SIZES, calibration.BEARING, strict=True)
    ]
    again = error / np.interp(sizes, np.log(calibration.SIZES), np.array(bearing) / calibration.BEARING) ** 2
    light = [
        old * _scale(again, np.exp(-0.5 * ((lights - at) / 0.08) ** 2))
        for at, old in zip(calibration.LIGHTS, calibration.LIGHT, strict=True)
    ]
    ranged = [s for s in sightings if s.range_error is not None and s.diameter]
    diameters = np.log([s.diameter or 1.0 for s in ranged])
    removed = np.array([calibration.range_error(s.diameter or 1)[0] for s in ranged])
    told = np.array([s.range_error or 0.0 for s in ranged]) + removed
    bias, sigma = [], []
    for size in calibration.RANGE_SIZES:
        weight = _near(diameters, np.log(size))
        middle = _quantile(told, weight, 0.5) * 0.5 + float(np.average(told, weights=weight)) * 0.5
        bias.append(middle)
        sigma.append(_quantile(np.abs(1 - np.exp(middle - told)), weight, 0.92) / 1.645)
    return {
        "BEARING": _rounded(bearing), "LIGHT": _rounded(light), "RANGE_BIAS": _rounded(bias),
        "RANGE_SIGMA": _rounded(sigma),
    }  # fmt: skip


def _near(values: Array, at: float) -> Array:
    return np.asarray(np.exp(-0.5 * ((values - at) / 0.35) ** 2), np.float64)


def _scale(error: Array, weight: Array) -> float:
    weight = np.nan_to_num(weight)
    if weight.sum() < 5:
        return 1.0
    mean = float(np.average(error, weights=weight)) / 2
    tail = _quantile(error, weight, 0.95) / _BOUND
    return float(np.sqrt((mean + tail) / 2))


def _quantile(values: Array, weight: Array, share: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][int(np.searchsorted(reached, share).clip(0, len(values) - 1))])


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(v, 3) for v in values)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("recordings", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    flights = run.fly(options.model, options.recordings)
    for name, values in fitted([s for f in flights for s in f.sightings]).items():
        sys.stdout.write(f"{name} = {values}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
