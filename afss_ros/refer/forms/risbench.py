"""RISBench: `output_phrase_<split>.txt` with "<name>.png phrase" lines, `img_rgb/<name>.png` and `mask/<name>.png`.

As those who load it describe it; whoever has the set, look. It unpacks into a folder `RISBench_dataset` of its own.
A mask is all that its phrase means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from afss_ros.refer.forms.phrases import LISTS, read_phrases
from afss_ros.refer.forms.pointed import Pointed

_FOLDER = "RISBench_dataset"
_IMAGES, _MASKS = "img_rgb", "mask"


def recognises(root: Path) -> bool:
    """Whether a folder, or the one that the archive makes in it, has lists of phrases and their pictures."""
    return _home(root) is not None


def read(root: Path) -> Iterator[Pointed | str]:
    """Pictures with their phrases; see `read_phrases`."""
    return read_phrases(_home(root) or root, _IMAGES, _MASKS)


def _home(root: Path) -> Path | None:
    for home in (root, root / _FOLDER):
        if any(home.glob(f"{LISTS}*.txt")) and (home / _IMAGES).is_dir():
            return home
    return None
