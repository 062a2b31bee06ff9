"""Reads YOLO sets: the pictures that data.yaml declares, and the text file of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_text
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample
from afss_ros.datasets.gather import gather
from afss_ros.datasets.pictures import picture_size
from afss_ros.datasets.rle import from_polygons, require_size
from afss_ros.datasets.splits import split_of
from afss_ros.datasets.yolo import declaration as declarations
from afss_ros.datasets.yolo.declaration import Declaration
from afss_ros.labels import CLASS_IDS, CLASS_NAMES

_FARTHEST = 4.0
"""How far from 0..1 a coordinate may lie: what is farther was not divided by the size of the picture."""
_NO_LABELS = {"classes.txt", "notes.txt", "readme.txt", "requirements.txt", "predefined_classes.txt"}


def load(root: Path) -> Dataset:
    """Read the set. An image without a text file has nothing in it, as YOLO takes it, where others have one.

    Raises:
        DatasetError: data.yaml cannot be read.
    """
    declaration = declarations.read(root)
    problems = declaration.problems
    declared = declarations.pictures(declaration, problems)
    found = [_Picture(split, path, *_labels_of(root, path)) for split, path in declared]
    searched = _searched(declaration, found, problems)
    problems += _without_picture(found)
    reader = _Reader(declaration, searched, problems)
    names = declaration.names
    known = dict(CLASS_NAMES) if set(names.values()) <= set(CLASS_IDS) else {0: "background"}
    known |= {max(known) + 1 + i: name for i, name in enumerate(sorted(set(names.values()) - set(known.values())))}
    records = [(str(p.path), p) for p in found]
    loaded = gather(root, known, records, reader.sample)
    notes = []
    if reader.without:
        notes.append(
            f"{declaration.file}: {reader.without} of {len(found)} pictures have no label file, so nothing is in them,"
            " as YOLO takes it"
        )
    return Dataset(root, known, loaded.samples, (*problems, *loaded.problems), notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture, the file that would hold its labels, and whether it does."""

    split: str
    path: Path
    text: Path
    labelled: bool


def _labels_of(root: Path, image: Path) -> tuple[Path, bool]:
    """The label file of a picture, and whether it is there: below `labels` where it is below `images`, else beside."""
    try:
        below, above = image.relative_to(root), root
    except ValueError:  # declared, and elsewhere
        below, above = image.relative_to(image.anchor), Path(image.anchor)
    folders = list(below.parts[:-1])
    candidates = []
    if "images" in folders:
        last = len(folders) - 1 - folders[::-1].index("images")
        candidates.append(above.joinpath(*folders[:last], "labels", *folders[last + 1 :], image.name))
    elif above.name == "images":
        candidates.append(above.parent.joinpath("labels", *below.parts))
    candidates.append(image)
    texts = [path.with_suffix(".txt") for path in candidates]
    return next(((path, True) for path in texts if path.is_file()), (texts[0], False))


def _searched(declaration: Declaration, found: Iterable[_Picture], problems: list[Problem]) -> set[str]:
    """The splits of which anything is labelled; the others are named: nobody looked there."""
    labelled, pictures = Counter[str](), Counter[str]()
    looked: dict[str, Path] = {}
    for picture in found:
        pictures[picture.split] += 1
        labelled[picture.split] += picture.labelled
        looked.setdefault(picture.split, picture.text.parent)
    for split, count in pictures.items():
        if not labelled[split]:
            reason = (
                f"not one of {count} pictures has a label file (looked in {looked[split]}): what they show is unknown"
            )
            problems.append(Problem(f"{declaration.file}: {split}", reason))
    return {split for split in pictures if labelled[split]}


def _without_picture(found: Iterable[_Picture]) -> list[Problem]:
    """Label files beside those that were read, of which there is no picture."""
    expected = {p.text for p in found}
    folders = {p.text.parent for p in found}
    problems = []
    for folder in sorted(f for f in folders if f.is_dir()):
        strays = [
            p for p in sorted(folder.glob("*.txt"))
            if p not in expected and p.name.lower() not in _NO_LABELS and _is_labels(p)
        ]  # fmt: skip
        for path in strays:
            problems.append(Problem(str(path), "has no picture that was read"))
    return problems


def _is_labels(path: Path) -> bool:
    """Whether a text file could be labels rather than a list of pictures or a note."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        words = file.read(256).split()
    return not words or words[0].replace(b".", b"").isdigit()


@dataclass(slots=True)
class _Reader:
    """Makes samples of pictures; names the lines that are no objects."""

    declaration: Declaration
    searched: set[str]
    problems: list[Problem]
    without: int = 0

    def sample(self, picture: _Picture) -> Sample:
        width, height = picture_size(picture.path)
        require_size(height, width)
        instances: tuple[Instance, ...] | None = ()
        complete = True
        if picture.labelled:
            instances, complete = self._instances(picture.text, width, height)
        elif picture.split in self.searched:
            self.without += 1
        else:
            instances = None
        key = self._key(picture)
        return Sample(
            key, picture.path, None, width, height, instances, picture.split, complete=complete or not instances
        )

    def _instances(self, text: Path, width: int, height: int) -> tuple[tuple[Instance, ...] | None, bool]:
        """The objects of a label file, None where there are some and none can be read, and whether they are all."""
        try:
            lines = read_text(text).splitlines()
        except DatasetError as err:
            self.problems.append(Problem(str(text), str(err).removeprefix(f"{text}: ")))
            return None, False
        found: list[Instance] = []
        seen: set[str] = set()
        complete = True
        for number, line in enumerate(lines, 1):
            words = line.split()
            if not words:
                continue
            if line in seen:
                self.problems.append(Problem(f"{text}: line {number}", "occurs twice; read once"))
                continue
            seen.add(line)
            try:
                found.append(instance(words, width, height, self.declaration.names, self.declaration.keypoints))
            except MALFORMED as err:
                complete = False
                self.problems.append(Problem(f"{text}: line {number}", told(err)))
        return (tuple(found) if found or complete else None), complete

    def _key(self, picture: _Picture) -> str:
        root = self.declaration.root
        below = picture.path.relative_to(root) if picture.path.is_relative_to(root) else Path(*picture.path.parts[-2:])
        parts = [p for p in below.with_suffix("").parts[:-1] if p != "images"]
        keys = {key for key, split, _ in self.declaration.splits if split == picture.split} | {picture.split}
        if parts and (parts[0] in keys or split_of(parts[0]) == picture.split):
            parts = parts[1:]
        return "/".join([picture.split, *parts, below.with_suffix("").name])


def instance(words: list[str], width: int, height: int, names: dict[int, str], keypoints: bool = False) -> Instance:
    """The object of a line.

    Raises:
        DatasetError: it is none: of no class, of a number of values that is neither a box nor a polygon, or with
            coordinates that are not in 0..1 or near it.
    """
    kind = float(words[0])
    if kind != math.floor(kind) or int(kind) not in names:
        raise DatasetError(f"class {words[0]} is not among the names {names}")
    values = np.array([float(w) for w in words[1:]])
    if keypoints:
        values = values[:4]
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise DatasetError(
            f"an object needs 4 numbers for a box or an even 6 and more for a polygon, got {len(values)}"
        )
    if not np.isfinite(values).all() or np.abs(values).max() > _FARTHEST:
        raise DatasetError(f"its coordinates are not in 0..1: {' '.join(words[1:5])} ...")
    name = names[int(kind)]
    if len(values) == 4:
        cx, cy, w, h = values * (width, height, width, height)
        return Instance(name, np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], np.float32))
    points = values.reshape(-1, 2) * (width, height)
    box = np.concatenate([points.min(0), points.max(0)]).astype(np.float32)
    return Instance(name, box, from_polygons([points.ravel().tolist()], height, width))
