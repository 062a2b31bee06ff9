"""Where the pictures of a set are: inside of it, below folders that may be linked, and said when elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Problem, Sample
from afss_ros.datasets.pictures import FOREIGN, SUFFIXES


def inside(root: Path, name: object) -> Path:
    """The path of a file that a record names, which must lie below the folder `root`.

    Raises:
        DatasetError: the name is no text or could name no file, or it leads out of the folder.
    """
    if not isinstance(name, str) or not name or "\0" in name or not _encodable(name):
        raise DatasetError(f"{name!r} names no file")
    slashed = name if "\\" not in name or (root / name).is_file() else name.replace("\\", "/")
    path = PurePosixPath(slashed)
    windows = len(slashed) > 1 and slashed[1] == ":" and slashed != name
    if path.is_absolute() or windows or ".." in path.parts:
        raise DatasetError(f"{name!r} leads out of {root}; copy the pictures into the set, or link their folder there")
    return root / path


def _encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def pictures_below(folder: Path, problems: list[Problem], suffixes: Iterable[str] = SUFFIXES) -> Iterator[Path]:
    """The pictures of a folder and of all below it, linked ones included, in order.

    Names what has the suffix of a picture and is none that is read, and links to folders that are read already, such
    as one that the link lies in.
    """
    wanted, read = tuple(suffixes), {os.path.realpath(folder)}
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        for name in sorted(folders):
            real = os.path.realpath(here / name)
            if real in read:
                problems.append(Problem(str(here / name), f"is {real} again, which is read already; not followed"))
                folders.remove(name)
            read.add(real)
        folders.sort()
        for name in sorted(files):
            path = here / name
            suffix = path.suffix.lower()
            if suffix in FOREIGN:
                problems.append(Problem(str(path), f"{suffix} is not read; store pictures as .jpg or .png"))
            elif suffix in wanted:
                if path.is_file():
                    yield path
                else:
                    problems.append(Problem(str(path), "is no regular file, or a link that leads to nothing"))


def elsewhere(root: Path, samples: Iterable[Sample]) -> str:
    """A sentence on the pictures that lie outside of a set's folder, links followed; "" when none does."""
    home = os.path.realpath(root)
    folders: dict[Path, str] = {}
    outside: dict[str, int] = {}
    for sample in samples:
        for path in (sample.image, sample.labels, sample.craft_mask, sample.components):
            if path is None:
                continue
            if path.parent not in folders:
                folders[path.parent] = os.path.realpath(path.parent)
            real = folders[path.parent]
            if path.is_symlink():
                real = str(path.resolve().parent)
            if real != home and not real.startswith(home.rstrip("/") + "/"):
                outside[real] = outside.get(real, 0) + 1
    if not outside:
        return ""
    shown = ", ".join(sorted(outside)[:3]) + (f" and {len(outside) - 3} more folders" if len(outside) > 3 else "")
    return f"{sum(outside.values())} files are read from outside of the set: {shown}"
