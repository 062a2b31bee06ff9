"""SpaceNet 2 and 3 as they are published: which picture belongs to which labels, in the layouts of 2017 and of today.

The key of a pair is `img<number>` after the city, compared as a number. Files that have no partner are told, in both
directions: Vegas has labels of an image that was never there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from afss_ros.geo.chips import Scene
from afss_ros.geo.errors import GeoError

_IMAGES = {
    "rgb": ("RGB-PanSharpen", "PS-RGB"),
    "ms": ("MUL-PanSharpen", "PS-MS"),
    "pan": ("PAN",),
    "mul": ("MUL", "MS"),
}
_LABELS = {
    "buildings": ("geojson/buildings", "geojson_buildings"),
    "roads": ("geojson/spacenetroads", "geojson_roads", "geojson_roads_speed"),
}
_RASTERS, _VECTORS = (".tif", ".tiff"), (".geojson", ".json")
_CITY = re.compile(r"AOI_\d+_[A-Za-z]+")
_NUMBER = re.compile(r"img(\d+)(?!.*img\d)")


@dataclass(frozen=True, slots=True)
class City:
    """One area of interest on disk.

    Attributes:
        name: AOI_2_Vegas.
        scenes: pictures, in the order of their numbers.
        no_labels: pictures without a label file.
        no_image: label files without a picture.
    """

    name: str
    scenes: tuple[Scene, ...]
    no_labels: tuple[Path, ...]
    no_image: tuple[Path, ...]


def read(root: Path, picture: str = "rgb", labels: str = "buildings") -> City:
    """A folder of one city, `AOI_2_Vegas_Train` or `SN2_buildings/train/AOI_2_Vegas`.

    Args:
        picture: rgb, ms (pan-sharpened eight bands), mul (eight bands), or pan+mul (sharpened here).
        labels: buildings or roads.

    Raises:
        GeoError: it is none, or lacks the kind of file.
    """
    if labels not in _LABELS or picture not in (*_IMAGES, "pan+mul"):
        raise GeoError(
            f"picture is rgb, ms, mul, pan or pan+mul and labels buildings or roads, got {picture}, {labels}"
        )
    if not root.is_dir():
        raise GeoError(f"{root}: is no folder; give one city, such as AOI_2_Vegas_Train")
    name = _CITY.search(root.name)
    city = name.group() if name else root.name
    images = _numbered(root, _IMAGES["pan" if picture == "pan+mul" else picture], _RASTERS)
    colours = _numbered(root, _IMAGES["mul"], _RASTERS) if picture == "pan+mul" else {}
    truths = _numbered(root, _LABELS[labels], _VECTORS)
    if not images:
        cities = sorted(path.name for path in root.iterdir() if path.is_dir() and _CITY.search(path.name))
        raise GeoError(
            f"{root}: has no pictures of {picture} (looked for {', '.join(_IMAGES.get(picture, ('PAN',)))})"
            + (f"; give one city: {', '.join(cities)}" if cities else "")
        )
    if not truths:  # a test set has labels of no kind
        for other in _LABELS:
            if _numbered(root, _LABELS[other], _VECTORS):
                raise GeoError(
                    f"{root}: has labels of {other} and none of {labels} (looked for {', '.join(_LABELS[labels])})"
                )
    scenes = tuple(
        Scene(images[n], truths.get(n), colours.get(n), f"{city}_img{n}")
        for n in sorted(images)
        if picture != "pan+mul" or n in colours
    )
    return City(
        city,
        scenes,
        tuple(images[n] for n in sorted(images) if n not in truths),
        tuple(truths[n] for n in sorted(truths) if n not in images),
    )


def _numbered(root: Path, folders: tuple[str, ...], suffixes: tuple[str, ...]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for folder in folders:
        for path in sorted((root / folder).glob("*")):
            match = _NUMBER.search(path.stem)
            if match is not None and path.suffix.lower() in suffixes and not path.name.startswith("."):
                found.setdefault(int(match.group(1)), path)
        if found:
            break
    return found
