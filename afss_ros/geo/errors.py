"""What goes wrong with maps."""

from __future__ import annotations


class GeoError(ValueError):
    """A raster, a vector file or a score that cannot be had: names the file, what is wrong and the cure."""
