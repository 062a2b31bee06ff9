"""Files of lines "picture phrase", with a picture and a mask a line in two folders: RefSegRS and RISBench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_text
from afss_ros.datasets.pictures import read_rgb
from afss_ros.refer.forms.pointed import Mask, Pointed

LISTS = "output_phrase_"
NOUN = "thing"
_SUFFIXES = (".tif", ".tiff", ".png", ".jpg")


def read_phrases(root: Path, images: str, masks: str) -> Iterator[Pointed | str]:
    """Pictures with their phrases; a text for each line that cannot be used.

    A name may end in the suffix of its file or not. A picture that several lines name is one, with several sentences.

    Args:
        root: of the lists, `output_phrase_<split>.txt`.
        images, masks: folders in it; a mask is bright where its phrase's things are, whatever its white is.

    Raises:
        DatasetError: a list cannot be read.
    """
    for file in sorted(root.glob(f"{LISTS}*.txt")):
        split = file.stem.removeprefix(LISTS)
        said: dict[str, list[str]] = {}
        for line, text in enumerate(read_text(file).splitlines(), 1):
            if not text.strip():
                continue
            name, *words = text.split()
            if not words or "/" in name or "\\" in name or ".." in name:
                yield f"{file.name}, line {line}: is no 'picture phrase': {text[:60]!r}"
                continue
            phrase = " ".join(words)
            if phrase in said.setdefault(name, []):
                continue
            if not said[name] and (lacking := _lacking(root, images, masks, name)):
                yield f"{file.name}, line {line}: {lacking}"
                del said[name]
                continue
            said[name].append(phrase)
        for name, phrases in said.items():
            yield from _pointed(root, images, masks, split, name, phrases)


def _lacking(root: Path, images: str, masks: str, name: str) -> str:
    for folder, what in ((images, "picture"), (masks, "mask")):
        if _file(root / folder, name) is None:
            return f"there is no {what} {name}"
    return ""


def _pointed(root: Path, images: str, masks: str, split: str, name: str, phrases: list[str]) -> Iterator[Pointed | str]:
    image, drawn = _file(root / images, name), _file(root / masks, name)
    assert image is not None and drawn is not None, name
    try:
        mask = _bright(drawn)
    except DatasetError as err:
        yield str(err)
        return
    things = ((NOUN, mask),) if mask.any() else ()
    targets = (0,) if things else ()
    yield Pointed(f"{split}-{image.stem}", image, split, things, tuple((phrase, targets) for phrase in phrases))


def _bright(path: Path) -> Mask:
    """Brighter than half of its brightest pixel: whites are 1 or 255, and compression leaves grey rims."""
    grey = read_rgb(path).max(2)
    return np.asarray(grey > grey.max() / 2, bool)


def _file(folder: Path, name: str) -> Path | None:
    names = [name, *(f"{name}{suffix}" for suffix in _SUFFIXES)]
    return next((folder / each for each in names if (folder / each).suffix and (folder / each).is_file()), None)
