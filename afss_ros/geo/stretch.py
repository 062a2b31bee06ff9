"""From a raster's own numbers to 8 bits: one stretch for a set, so that equal ground is equally bright everywhere.

A stretch for each chip makes a seam at each of its borders and contrast where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.geo.errors import GeoError
from afss_ros.geo.raster import Block

PERCENTILES = (2.0, 98.0)
_SAMPLES = 200_000
"""Values a band and block that percentiles are taken of, at most."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Low and high value of each band, which become 0 and 255.

    Attributes:
        low, high: one a band.
        percentiles: that they are, of the pixels with data.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    percentiles: tuple[float, float] = PERCENTILES

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not self.low:
            raise GeoError(f"a stretch has a low and a high value for each band, got {self.low} and {self.high}")
        if not all(np.isfinite((a, b)).all() and b > a for a, b in zip(self.low, self.high, strict=True)):
            raise GeoError(f"a stretch goes from a low value to a higher one, got {self.low} and {self.high}")

    def __call__(self, block: Block) -> NDArray[np.uint8]:
        """The block in 8 bits, uint8 (H, W, bands); 0 where there is no data."""
        if len(block.pixels) != len(self.low):
            raise GeoError(f"the stretch is of {len(self.low)} bands, the pixels have {len(block.pixels)}")
        out = np.empty((*block.valid.shape, len(self.low)), np.uint8)
        for i, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            scaled = (block.pixels[i].astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
            out[..., i] = np.clip(np.rint(scaled), 0, 255)
        out[~block.valid] = 0
        return out

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"low": list(self.low), "high": list(self.high), "percentiles": list(self.percentiles)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str) -> Stretch:
        """The inverse of `to_json`.

        Raises:
            GeoError: it is none; names `where` it was read.
        """
        try:
            low, high = (tuple(float(v) for v in value[name]) for name in ("low", "high"))
            first, last = (float(v) for v in value.get("percentiles", PERCENTILES))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise GeoError(
                f"{where}: no stretch ({type(error).__name__}: {error}); make one: afss geo stretch"
            ) from error
        return cls(low, high, (first, last))


def estimate(
    blocks: Iterable[Block], percentiles: tuple[float, float] = PERCENTILES, *, where: str = "these rasters"
) -> Stretch:
    """The stretch of a set, from blocks spread over it.

    Args:
        where: they were read, for the message.

    Raises:
        GeoError: the percentiles are none, or no pixel holds data.
    """
    if not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise GeoError(f"percentiles must ascend within 0 to 100, got {percentiles}")
    seen: list[list[NDArray[Any]]] = []
    for block in blocks:
        if not block.valid.any():
            continue
        values = block.pixels[:, block.valid]
        values = values[:, :: max(1, values.shape[1] // _SAMPLES)]
        seen.append(list(values))
    if not seen:
        raise GeoError(
            f"{where}: no pixel holds data, so there is no brightness to stretch; is zero, or the nodata value, right?"
        )
    bands = [np.concatenate(band) for band in zip(*seen, strict=True)]
    lows, highs = zip(*(_ends(band, percentiles) for band in bands), strict=True)
    return Stretch(tuple(lows), tuple(highs), percentiles)


def _ends(values: NDArray[Any], percentiles: Sequence[float]) -> tuple[float, float]:
    low, high = (float(v) for v in np.percentile(values, percentiles))
    return (low, high) if high > low else (low, low + 1.0)
