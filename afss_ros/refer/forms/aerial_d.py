"""Aerial-D: an XML file a patch, `<split>/annotations/*.xml`, with its picture in `<split>/images`.

Objects and groups have a mask as a COCO run length in Python's spelling, which is read as a literal and never run, and
expressions of three origins. Its rules leave faults behind (docs/refer.md), so meanings are not taken from it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_bytes
from afss_ros.datasets.rle import decode
from afss_ros.refer.forms.pointed import Mask, Pointed

_LARGEST = 1 << 26
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif")


def recognises(root: Path) -> bool:
    """Whether a folder has splits with annotations and pictures."""
    return any((path / "images").is_dir() for path in root.glob("*") if any(path.glob("annotations/*.xml")))


def read(root: Path) -> Iterator[Pointed | str]:
    """Patches with their expressions; a text for each that cannot be used."""
    for file in sorted(root.glob("*/annotations/*.xml")):
        split = file.parent.parent.name
        folder = file.parent.parent / "images"
        image = next((folder / f"{file.stem}{s}" for s in _SUFFIXES if (folder / f"{file.stem}{s}").is_file()), None)
        if image is None:
            yield f"{file.name}: its picture is missing"
            continue
        try:
            things, said, problems = _patch(read_bytes(file, _LARGEST), file.name)
        except (DatasetError, ElementTree.ParseError, ValueError, RecursionError, MemoryError) as err:
            yield f"{file.name}: {err}"
            continue
        yield from problems
        if not things and not problems:
            yield f"{file.name}: holds nothing with a mask"
        if things:
            yield Pointed(f"{split}-{file.stem}", image, split, tuple(things), tuple(said))


def _patch(content: bytes, name: str) -> tuple[list[tuple[str, Mask]], list[tuple[str, tuple[int, ...]]], list[str]]:
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise DatasetError("it declares entities, which no file of this set does")
    tree = ElementTree.fromstring(content)
    things: list[tuple[str, Mask]] = []
    said: list[tuple[str, tuple[int, ...]]] = []
    problems = []
    for kind, noun in (("object", "name"), ("group", "category")):
        for element in tree.iter(kind):
            try:
                _add(element, str(element.findtext(noun, "")).strip(), things, said)
            except (DatasetError, ValueError, SyntaxError, RecursionError, MemoryError) as err:
                problems.append(f"{name}: {kind} {element.findtext('id', '?')}: {err}")
    return things, said, problems


def _add(
    element: ElementTree.Element, noun: str, things: list[tuple[str, Mask]], said: list[tuple[str, tuple[int, ...]]]
) -> None:
    expressions = [" ".join((e.text or "").split()) for e in element.iter("expression")]
    written = element.findtext("segmentation")
    if not written or not any(expressions):
        return
    rle = ast.literal_eval(written.strip())
    if isinstance(rle, dict) and isinstance(rle.get("counts"), bytes):
        rle = {**rle, "counts": rle["counts"].decode("ascii")}
    mask = decode(rle)
    if not np.any(mask):
        return
    things.append((noun or "thing", mask))
    said += [(text, (len(things) - 1,)) for text in expressions if text]
