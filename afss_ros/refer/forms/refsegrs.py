"""RefSegRS: `output_phrase_<split>.txt` with "id phrase" lines, `images/<id>.tif` and `masks/<id>.tif`.

Its phrases are about classes ("vehicle along paved road"), and a mask is all that one phrase means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from afss_ros.refer.forms.phrases import LISTS, read_phrases
from afss_ros.refer.forms.pointed import Pointed


def recognises(root: Path) -> bool:
    """Whether a folder has a list of phrases."""
    return any(root.glob(f"{LISTS}*.txt"))


def read(root: Path) -> Iterator[Pointed | str]:
    """Pictures with their phrases; see `read_phrases`."""
    return read_phrases(root, "images", "masks")
