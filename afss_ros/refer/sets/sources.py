"""Where scenes come from: a data set's pictures, whole or in tiles, or made ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from afss_ros import datasets
from afss_ros.datasets import Dataset, Sample
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.pictures import encode_picture, read_rgb
from afss_ros.refer.errors import ReferError
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets.from_sets import counts, scene_of
from afss_ros.refer.sets.made import make
from afss_ros.refer.sets.tiles import corners, tile

MADE = "made:"
"""`made:500` in place of a folder makes scenes."""


@dataclass(frozen=True, eq=False)
class Found:
    """A scene that sentences can be about.

    Attributes:
        key: unique in its source.
        image: its picture, relative to the folder of the sentences, or absolute.
        counted: whether its things can be counted.
    """

    key: str
    image: str
    split: str
    scene: Scene
    counted: bool


Picture = tuple[str, Callable[[], list[Found]]]
"""The key of a picture, and what reads its scene, or those of its tiles."""


@dataclass(frozen=True)
class Tiles:
    """Square tiles of so many pixels, that overlap by this share."""

    side: int
    overlap: float = 0.2


class Source:
    """Pictures with what is on them; nothing is read before it is asked for.

    Args:
        name: a data set's folder, a COCO .json, or `made:N` for N made scenes.
        split: only this one.
        tiles: cut pictures into these.

    Raises:
        DatasetError: the set cannot be used.
        ReferError: the number of made scenes or the tiles make no sense.
    """

    def __init__(self, name: str, split: str | None = None, tiles: Tiles | None = None) -> None:
        self.tiles = tiles
        if tiles is not None:
            next(corners((64, 64), tiles.side, tiles.overlap))
        self._count = _number(name) if name.startswith(MADE) else 0
        self._dataset: Dataset | None = None if self._count else datasets.load(name, split)
        self.problems = [] if self._dataset is None else [str(problem) for problem in self._dataset.problems]

    def __len__(self) -> int:
        return self._count if self._dataset is None else len(self._dataset)

    def fingerprint(self) -> str:
        """Of the pictures' names and what is known of them, so that another set is not taken for this one."""
        digest = hashlib.sha256(str(len(self)).encode())
        for sample in self._dataset or ():
            known = (sample.key, str(sample.image.resolve()), sample.split, str(sample.labels), repr(sample.attributes))
            digest.update(repr(known).encode())
        return digest.hexdigest()

    def pictures(self, out: Path) -> Iterator[Picture]:
        """Every picture; made ones and tiles are written below `out` when they are read."""
        if self._dataset is None:
            for number in range(self._count):
                yield f"made-{number:06d}", partial(self._make, number, out)
            return
        for sample in self._dataset:
            yield sample.key, partial(self._read, sample, out)

    def _make(self, number: int, out: Path) -> list[Found]:
        return self._cut(_made(number, out), out)

    def _read(self, sample: Sample, out: Path) -> list[Found]:
        assert self._dataset is not None
        scene = scene_of(sample, self._dataset)
        found = Found(sample.key, str(sample.image.resolve()), sample.split, scene, counts(sample))
        return self._cut(found, out)

    def _cut(self, each: Found, out: Path) -> list[Found]:
        if self.tiles is None:
            return [each]
        (out / "tiles").mkdir(parents=True, exist_ok=True)
        parts, whole = [], read_rgb(out / each.image)
        for x, y in corners(each.scene.size, self.tiles.side, self.tiles.overlap):
            cut = tile(each.scene, whole, (x, y), self.tiles.side)
            if cut is not None:
                name = f"tiles/{each.key.replace('/', '_')}-{x}-{y}.png"
                write_atomically(out / name, encode_picture(cut[1], ".png"))
                parts.append(Found(f"{each.key}-{x}-{y}", name, each.split, cut[0], each.counted))
        return parts


def _number(name: str) -> int:
    text = name.removeprefix(MADE)
    if not text.isdecimal() or int(text) < 1:
        raise ReferError(f"{name}: say how many scenes are to be made, such as {MADE}500")
    return int(text)


def _made(number: int, out: Path) -> Found:
    (out / "images").mkdir(parents=True, exist_ok=True)
    scene, picture = make(number)
    key = f"made-{number:06d}"
    write_atomically(out / "images" / f"{key}.png", encode_picture(picture, ".png"))
    part = "test" if number % 10 >= 8 else "val" if number % 10 >= 6 else "train"
    return Found(key, f"images/{key}.png", part, scene, True)
