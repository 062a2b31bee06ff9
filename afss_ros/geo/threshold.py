"""The probability above which pixels are object, chosen on validation ground by the score that counts: F1 of buildings.

The best pixels are not the best buildings: a threshold that loses an outline's last pixels may part two neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from afss_ros.geo.errors import GeoError
from afss_ros.geo.outlines import Rules, shaped
from afss_ros.geo.raster import Raster, bounded
from afss_ros.geo.scores.building_score import Counts, match
from afss_ros.geo.spacenet_tables import Building
from afss_ros.geo.vectorise import polygons, strips_of
from afss_ros.geo.vectors import read_features, require_overlap

TRIED = tuple(round(float(value), 2) for value in np.arange(0.1, 0.91, 0.05))


@dataclass(frozen=True, slots=True)
class Choice:
    """The threshold chosen, and what each that was tried finds on the validation ground."""

    threshold: float
    counts: dict[float, Counts]


def choose_threshold(
    validation: Sequence[tuple[Path, Path]],
    rules: Rules,
    band: int = 1,
    tried: Sequence[float] = TRIED,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Choice:
    """Draw validation maps at each threshold as `vectorise` would, and take the best, the middle one of equals.

    Args:
        validation: rasters of probabilities (uint8, x 255) of ground that is not the test's, and their footprints.
        rules: all but the threshold.
        band: the class.
        report: called with how many thresholds are done, and their number, over all rasters.

    Raises:
        GeoError: a file cannot be read, the two lie apart, or there is no footprint to choose by.
    """
    counts = dict.fromkeys(tried, Counts())
    buildings = 0
    for number, (path, labels) in enumerate(validation):
        with bounded(), Raster(path, zero_is_empty=False, georeferenced=True) as raster:
            grid = raster.grid
            features = read_features(labels, grid.crs)
            require_overlap(features, grid.bounds, vectors=labels, raster=path)
            frame = shapely.box(0, 0, grid.width, grid.height)
            truth = [
                Building(cut)
                for shape in features.geometries
                if (cut := shapely.intersection(shapely.transform(shape, grid.to_pixels), frame)).area > 0
            ]
            buildings += len(truth)
            for done, threshold in enumerate(tried):
                drawn = replace(rules, threshold=threshold)
                found = [
                    Building(shape, score)
                    for polygon, pixels, score in polygons(strips_of(raster, band, drawn.strip), drawn)
                    if pixels >= drawn.min_area
                    for shape in shaped(polygon, drawn)
                ]
                which, missed, _ = match(truth, found)
                here = Counts(sum(i >= 0 for i in which), which.count(-1), len(missed))
                counts[threshold] = counts[threshold] + here
                report(number * len(tried) + done + 1, len(validation) * len(tried))
    if not buildings:
        raise GeoError(
            f"{validation[0][1]}: no footprint lies on {validation[0][0]}, so nothing tells thresholds apart"
        )
    best = max(found.f1 for found in counts.values())
    equals = [threshold for threshold in tried if counts[threshold].f1 == best]
    return Choice(equals[len(equals) // 2], counts)
