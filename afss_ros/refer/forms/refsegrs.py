"""RefSegRS: `output_phrase_<split>.txt` with "id phrase" lines, `images/<id>.tif` and `masks/<id>.tif`.

Its phrases are about classes ("vehicle along paved road"), and a mask is all that one phrase means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_text
from afss_ros.datasets.pictures import read_rgb
from afss_ros.refer.forms.pointed import Pointed

_PHRASES = "output_phrase_"
NOUN = "thing"
_SUFFIXES = (".tif", ".tiff", ".png", ".jpg")


def recognises(root: Path) -> bool:
    """Whether a folder has a file of phrases."""
    return any(root.glob(f"{_PHRASES}*.txt"))


def read(root: Path) -> Iterator[Pointed | str]:
    """Pictures with their phrases; a text for each that cannot be used.

    Raises:
        DatasetError: a file of phrases cannot be read.
    """
    for file in sorted(root.glob(f"{_PHRASES}*.txt")):
        split = file.stem.removeprefix(_PHRASES)
        for line, text in enumerate(read_text(file).splitlines(), 1):
            name, _, phrase = text.strip().partition(" ")
            if not name:
                continue
            if not phrase or not name.isalnum():
                yield f"{file.name}, line {line}: is no 'id phrase': {text[:60]!r}"
                continue
            image, mask = (_file(root / folder, name) for folder in ("images", "masks"))
            if image is None or mask is None:
                yield f"{file.name}, line {line}: there is no {'picture' if image is None else 'mask'} {name}"
                continue
            try:
                drawn = read_rgb(mask).max(2) > 0
            except DatasetError as err:
                yield str(err)
                continue
            things = ((NOUN, np.asarray(drawn, bool)),) if drawn.any() else ()
            yield Pointed(f"{split}-{name}", image, split, things, ((phrase, (0,) if things else ()),))


def _file(folder: Path, name: str) -> Path | None:
    return next((folder / f"{name}{suffix}" for suffix in _SUFFIXES if (folder / f"{name}{suffix}").is_file()), None)
