"""Urban1960SatBench: grey pictures of 1964 with label maps, and lists of names; the class sentences are made here.

`<root>/labelled_{train,val,test}.txt` name the pictures; a picture `x.png` has its label map in a folder whose name
begins with `mask_gt`: 1 building, 2 road, 3 water; maps of 0 and 1 (the ISP set) are buildings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_text
from afss_ros.datasets.pictures import read_label_ids
from afss_ros.refer.forms.pointed import Pointed

_LISTS = "labelled_"
CLASSES = {1: "building", 2: "road", 3: "water"}


def recognises(root: Path) -> bool:
    """Whether a folder has a list of labelled pictures."""
    return any(root.glob(f"{_LISTS}*.txt"))


def read(root: Path) -> Iterator[Pointed | str]:
    """Pictures with a sentence for each of their classes; a text for each that cannot be used.

    Raises:
        DatasetError: a list cannot be read.
    """
    maps = {path.stem: path for folder in sorted(root.glob("mask_gt*")) for path in sorted(folder.glob("*.png"))}
    pictures = {path.stem: path for path in sorted(root.glob("*/*.png")) if not path.parent.name.startswith("mask_gt")}
    for file in sorted(root.glob(f"{_LISTS}*.txt")):
        split = file.stem.removeprefix(_LISTS)
        for line, text in enumerate(read_text(file).splitlines(), 1):
            name = Path(text.split()[0]).stem if text.split() else ""
            if not name:
                continue
            if name not in maps or name not in pictures:
                yield f"{file.name}, line {line}: there is no {'label map' if name not in maps else 'picture'} {name}"
                continue
            try:
                labels = read_label_ids(maps[name])
            except DatasetError as err:
                yield str(err)
                continue
            things = tuple((noun, labels == number) for number, noun in CLASSES.items() if (labels == number).any())
            if not things:
                known = ", ".join(f"{number} {noun}" for number, noun in CLASSES.items())
                ids = sorted(set(labels.flatten().tolist()))[:5]
                yield f"{maps[name]}: holds none of the classes ({known}), but ids {ids}"
                continue
            said = tuple((f"all {noun}s in the image" if noun != "water" else "all water in the image", (place,))
                         for place, (noun, _) in enumerate(things))  # fmt: skip
            yield Pointed(f"{split}-{name}", pictures[name], split, things, said, "grey")
