"""Reads COCO instances, one file or all those of a folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from afss_ros.datasets.coco.annotation import instance_of
from afss_ros.datasets.coco.find import find
from afss_ros.datasets.coco.write import PICTURES
from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_json
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample
from afss_ros.datasets.gather import Gathered
from afss_ros.datasets.paths import inside
from afss_ros.datasets.pictures import picture_size
from afss_ros.datasets.record import number
from afss_ros.datasets.rle import require_size
from afss_ros.datasets.splits import split_in, split_of
from afss_ros.labels import CLASS_IDS, CLASS_NAMES

Identifier = int | str


def load_folder(root: Path) -> Dataset:
    """Read every COCO file of a folder as one set: see `find`. A file that is none is named and left out.

    Raises:
        DatasetError: not one of them is COCO.
    """
    files, problems = find(root)
    parts: list[_File] = []
    for path in files:
        try:
            parts.append(_read(path, root))
        except DatasetError as err:
            problems.append(Problem(str(path), str(err).removeprefix(f"{path}: ")))
    if not parts:
        raise DatasetError(f"{root}: no COCO file can be read; {'; '.join(map(str, problems))}")
    return _as_set(root, parts, problems)


def load(path: Path) -> Dataset:
    """Read one COCO instances file.

    Its name tells the split, or its folder's: `instances_train2017.json`, `train.json`, `valid/_annotations.coco.json`.
    The pictures of `instances_train_tango.json` lie in `images/train_tango/` or `images/train/`, else in `images/` or
    beside the file. `spacecraft` in the class names of any letter case is ours; other names are kept.

    Raises:
        DatasetError: it is no COCO file.
    """
    part = _read(path, path.parent)
    return _as_set(part.root, [part], [], part.info)


@dataclass(slots=True)
class _File:
    """What one file holds, and what was wrong with it."""

    path: Path
    root: Path
    categories: dict[Identifier, str]
    info: dict[str, Any]
    samples: list[tuple[str, Sample]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def name(self, what: str, reason: str) -> None:
        self.problems.append(Problem(f"{self.path}: {what}", reason))


def _as_set(root: Path, parts: list[_File], problems: list[Problem], info: Mapping[str, Any] | None = None) -> Dataset:
    gathered = Gathered()
    found = list(problems)
    for part in parts:
        found += part.problems
        for where, sample in part.samples:
            try:
                gathered.add(sample)
            except DatasetError as err:
                found.append(Problem(where, str(err)))
    names = dict.fromkeys(name for part in parts for name in part.categories.values())
    notes = [note for part in parts for note in part.notes]
    return Dataset(root, _class_names(names), gathered.samples, tuple(found), dict(info or {}), tuple(notes))


def _class_names(names: Mapping[str, None]) -> dict[int, str]:
    if set(names) <= set(CLASS_IDS):
        return dict(CLASS_NAMES)
    return dict(enumerate(("background", *(n for n in names if n != "background"))))


def _read(path: Path, home: Path) -> _File:
    document = read_json(path)
    try:
        if not isinstance(document, dict):
            raise DatasetError("the document is no object")
        lists = {name: document[name] for name in ("images", "categories")}
        for name, value in lists.items():
            if not isinstance(value, list):
                raise DatasetError(f"{name!r} is {json.dumps(value)[:40]}, not a list")
    except MALFORMED as err:
        raise DatasetError(f"{path}: not COCO instances ({told(err)})") from err
    info = document.get("info")
    root = path.parent.parent if path.parent.name == "annotations" else path.parent
    part = _File(path, root, {}, info if isinstance(info, dict) else {})
    _read_categories(lists["categories"], part)
    images = _read_images(lists["images"], part, home)
    annotations = document.get("annotations")
    described = isinstance(annotations, list)
    if "annotations" not in document:
        part.notes.append(f"{path}: has no annotations: what its {len(images)} pictures show is unknown")
    elif not described:
        part.name("annotations", f"is {json.dumps(annotations)[:40]}, not a list: what the pictures show is unknown")
    entries = annotations if isinstance(annotations, list) else []
    by_image, incomplete, strays = _read_annotations(entries, images, part)
    for entry in images:
        instances = tuple(by_image.get(entry.id, ()))
        # What nobody can tell the picture of may be of any that shows nothing else.
        known = described and not entry.ambiguous and not (strays and not instances)
        complete = known and entry.id not in incomplete
        where = f"{path}: image {entry.id}"
        sample = Sample(
            key=entry.key, image=entry.path, labels=None, width=entry.width, height=entry.height, split=entry.split,
            instances=instances if known and (instances or complete) else None,
            complete=complete or not known or not instances,
        )  # fmt: skip
        part.samples.append((where, sample))
    return part


@dataclass(slots=True)
class _Image:
    id: Identifier
    path: Path
    key: str
    split: str
    width: int
    height: int
    ambiguous: bool = False
    """Another picture has the same id, so nobody can tell whose the annotations are."""


def _identifier(value: Any) -> Identifier:
    """An id of any common type; `7`, `7.0` and `"7"` are the same."""
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() and len(value) < 19 else value
    whole = number(value)
    if whole != int(whole):
        raise DatasetError(f"{value!r} is no id")
    return int(value)


def _read_categories(entries: list[Any], part: _File) -> None:
    for place, entry in enumerate(entries):
        try:
            identifier, name = _identifier(entry["id"]), str(entry["name"])
            if identifier in part.categories:
                raise DatasetError(f"id {identifier} is that of {part.categories[identifier]!r} already")
            part.categories[identifier] = name.lower() if name.lower() in CLASS_IDS else name
        except MALFORMED as err:
            part.name(f"category {place}", told(err))


def _read_images(entries: list[Any], part: _File, home: Path) -> list[_Image]:
    images: list[_Image] = []
    names: dict[Identifier, Counter[str]] = {}
    for place, entry in enumerate(entries):
        try:
            identifier, name = _identifier(entry["id"]), str(entry["file_name"])
            of_id = names.setdefault(identifier, Counter())
            of_id[name] += 1
            if of_id[name] > 1:
                raise DatasetError(f"id {identifier} and {name!r} occur {of_id[name]} times; read once")
            images.append(_image(identifier, name, entry, part, home))
        except MALFORMED as err:
            known = entry.get("id", f"at {place}") if isinstance(entry, dict) else f"at {place}"
            part.name(f"image {known}", told(err))
    for identifier, of_id in names.items():
        if len(of_id) > 1:
            shown = ", ".join(sorted(of_id)[:4])
            part.name(f"image {identifier}", f"is the id of {len(of_id)} pictures ({shown}), whose objects are unknown")
    for image in images:
        image.ambiguous = len(names[image.id]) > 1
    return images


def _image(identifier: Identifier, name: str, entry: dict[str, Any], part: _File, home: Path) -> _Image:
    subset = part.path.stem.removeprefix("instances").lstrip("_")
    split = split_in(subset) or (split_of(part.path.parent.name) if part.path.parent != home else "")
    if not split_in(subset) and split:
        subset = part.path.parent.name
    path = _find(part, subset, name)
    stored = [entry.get("width"), entry.get("height")]
    width, height = picture_size(path) if None in stored else (int(number(v)) for v in stored)
    require_size(height, width)
    key = PurePosixPath(name.replace("\\", "/")).with_suffix("").as_posix()
    return _Image(identifier, path, f"{subset}/{key}" if split else key, split, width, height)


def _find(part: _File, subset: str, name: str) -> Path:
    """The picture of an entry, in the folders where exporters put them; paths of other machines by their ends."""
    words = subset.split("_")
    prefixes = ["_".join(words[:n]) for n in range(len(words), 0, -1)]
    root = part.root
    folders = [root / "images" / p for p in prefixes] + [root / p for p in prefixes]
    folders += [root / "images", root, part.path.parent]
    leads_out: DatasetError | None = None
    try:
        for folder in folders:
            if (path := inside(folder, name)).is_file():
                return path
    except DatasetError as err:
        leads_out = err
        declared = part.info.get(PICTURES)
        path = Path(os.path.normpath(part.path.parent / name.replace("\0", "")))
        if isinstance(declared, str) and path.is_relative_to(os.path.normpath(part.path.parent / declared)):
            if path.is_file():
                return path
            raise DatasetError(f"{path} is missing") from err
    for tail in _tails(name) if leads_out else ():
        for folder in folders:
            if (folder / tail).is_file():
                return folder / tail
    if leads_out is not None:
        raise leads_out
    tried = ", ".join(dict.fromkeys(str(folder / name) for folder in folders))
    raise DatasetError(f"missing: none of {tried}")


def _tails(name: str) -> Iterator[str]:
    parts = [p for p in PurePosixPath(name.replace("\\", "/").replace("\0", "")).parts if p not in ("/", "..")]
    for start in range(len(parts)):
        yield "/".join(parts[start:])


def _read_annotations(
    entries: list[Any], images: list[_Image], part: _File
) -> tuple[dict[Identifier, list[Instance]], set[Identifier], int]:
    """The instances of each image, the images that show more than could be read, and how many are of nobody knows which
    image."""
    sizes = {image.id: (image.height, image.width) for image in images}
    by_image: dict[Identifier, list[Instance]] = {}
    incomplete: set[Identifier] = set()
    strays = 0
    seen: dict[str, Any] = {}
    for place, entry in enumerate(entries):
        known = entry.get("id", f"at {place}") if isinstance(entry, dict) else f"at {place}"
        image: Identifier | None = None
        try:
            image = _identifier(entry["image_id"])
            if seen.setdefault(str(known), entry) is not entry and seen[str(known)] == entry:
                part.name(f"annotation {known}", "occurs twice; read once")
                continue
            if image not in sizes:
                raise DatasetError(f"its image {image} is not among the images that can be read")
            instance, lost = instance_of(entry, {str(k): n for k, n in part.categories.items()}, sizes[image])
            by_image.setdefault(image, []).append(instance)
            if lost:
                part.name(f"annotation {known}", lost)
        except MALFORMED as err:
            if image is None:
                strays += 1
            else:
                incomplete.add(image)
            part.name(f"annotation {known}", told(err))
    return by_image, incomplete, strays
