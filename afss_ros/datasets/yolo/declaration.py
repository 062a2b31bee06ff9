"""`data.yaml`: what a YOLO set declares, and where the pictures that it declares are found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from afss_ros import plain_yaml
from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_text
from afss_ros.datasets.form import Problem
from afss_ros.datasets.keys import is_split
from afss_ros.datasets.paths import pictures_below
from afss_ros.datasets.pictures import SUFFIXES
from afss_ros.datasets.splits import split_of
from afss_ros.labels import CLASS_IDS

_NAMES = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_LARGEST = 1 << 24
_NOTHING = ("", "null", "~", "none")


@dataclass(slots=True)
class Declaration:
    """What a data.yaml says.

    Attributes:
        file: the data.yaml.
        root: the folder of the set.
        base: its `path`.
        names: class -> name, `spacecraft` and our parts in lower case.
        splits: (key, split, value) of every split that is declared.
        keypoints: whether lines are a box and keypoints.
        problems: what of it makes no sense.
    """

    file: Path
    root: Path
    base: str
    names: dict[int, str]
    splits: list[tuple[str, str, Any]]
    keypoints: bool = False
    problems: list[Problem] = field(default_factory=list)


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return _find(root) is not None


def read(root: Path) -> Declaration:
    """The declaration of the set at `root`.

    Raises:
        DatasetError: there is none that can be read.
    """
    found = _find(root)
    if found is None:
        raise DatasetError(f"{root}: no data.yaml with `names`")
    path, document = found
    declaration = Declaration(path, root, str(document.get("path", ".")), {}, [])
    declaration.keypoints = "kpt_shape" in document
    _read_names(document, declaration)
    for key, value in document.items():
        split = split_of(str(key))
        if (split or _is_split_of_ours(root, value)) and value not in _NOTHING and value != []:
            declaration.splits.append((str(key), split or str(key), value))
    if not declaration.splits:
        declaration.problems.append(Problem(str(path), "declares no pictures: neither train nor val nor test"))
    return declaration


def _find(root: Path) -> tuple[Path, dict[str, Any]] | None:
    for path in (root / name for name in _NAMES):
        if not path.is_file():
            continue
        try:
            # As text: a class may be called `no` or `1`, which YAML takes for a truth value and a number.
            document = plain_yaml.load(read_text(path, _LARGEST), yaml.BaseLoader)
        except (yaml.YAMLError, RecursionError, ValueError) as err:
            if isinstance(err, DatasetError):
                raise
            raise DatasetError(f"{path}: is not YAML ({type(err).__name__}: {err})") from err
        if isinstance(document, dict) and (document.get("names") or document.get("nc")):
            return path, document
    return None


def _read_names(document: dict[str, Any], declaration: Declaration) -> None:
    """Class names: a list, a mapping, one text, or only their number."""
    names = document.get("names")
    try:
        if not names:
            names = [f"class_{n}" for n in range(int(document["nc"]))][:10_000]
        elif isinstance(names, str):
            names = [names]
        numbered = enumerate(names) if isinstance(names, list) else names.items()
        for number, name in numbered:
            identifier = int(number)
            if not isinstance(name, str) or name.lower() in _NOTHING:
                declaration.problems.append(
                    Problem(f"{declaration.file}: names", f"class {identifier} has no name, but {str(name)[:60]!r}")
                )
                name = f"class_{identifier}"
            declaration.names[identifier] = name.lower() if name.lower() in CLASS_IDS else name
        if document.get("nc") and int(document["nc"]) != len(declaration.names):
            reason = f"nc is {document['nc']}, but there are {len(declaration.names)} names"
            declaration.problems.append(Problem(str(declaration.file), reason))
    except MALFORMED as err:
        raise DatasetError(f"{declaration.file}: names are a list or a mapping of texts ({told(err)})") from err


def _is_split_of_ours(root: Path, value: Any) -> bool:
    """Whether another key is a split of a name of its own, as `write` declares it."""
    return isinstance(value, str) and value.startswith("images/") and (root / value).is_dir()


def pictures(declaration: Declaration, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    """Every picture that is declared, with its split.

    A value is a folder, a text file that lists pictures, or a list of such. What leads to nothing is named.
    """
    claimed: dict[str, tuple[str, str]] = {}
    for key, split, value in declaration.splits:
        where = f"{declaration.file}: {key}"
        if not is_split(split):
            problems.append(Problem(where, "is no name of a split"))
            continue
        read: set[Path] = set()
        for entry in value if isinstance(value, list) else [value]:
            if not isinstance(entry, str) or entry in _NOTHING:
                problems.append(Problem(where, f"{str(entry)[:80]!r} is no path"))
                continue
            place = _locate(declaration, entry, declaration.root)
            if place is None:
                problems.append(Problem(where, f"{entry!r} leads to nothing, from here or from {declaration.root}"))
                continue
            real = os.path.realpath(place)
            before = claimed.setdefault(real, (split, entry))
            if before[0] != split and before[1] != entry:
                problems.append(Problem(where, f"{entry!r} is not there, and {place} is {before[0]} already"))
                continue
            for path in _listed(declaration, place, where, problems):
                if path in read:
                    problems.append(Problem(where, f"{path} is declared twice; read once"))
                    continue
                read.add(path)
                yield split, path


def _listed(declaration: Declaration, place: Path, where: str, problems: list[Problem]) -> Iterator[Path]:
    if place.is_dir():
        if os.path.realpath(declaration.root).startswith(os.path.realpath(place).rstrip("/") + "/"):
            problems.append(
                Problem(where, f"{place} is a folder that the set lies in; name the folder of its pictures")
            )
            return
        count = 0
        for count, path in enumerate(pictures_below(place, problems), 1):  # noqa: B007 - counted
            yield path
        if not count:
            problems.append(Problem(where, f"{place} holds no picture ({' '.join(SUFFIXES)})"))
        return
    if place.suffix.lower() in SUFFIXES:
        yield place
        return
    try:
        lines = [line.strip() for line in read_text(place).splitlines()]
    except DatasetError as err:
        problems.append(Problem(where, str(err)))
        return
    if not any(lines):
        problems.append(Problem(where, f"{place} lists no picture"))
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        found = _locate(declaration, line, place.parent)
        if found is None or not found.is_file():
            problems.append(Problem(f"{place}: line {number}", f"{line!r} leads to no picture"))
        elif found.suffix.lower() not in SUFFIXES:
            problems.append(Problem(f"{place}: line {number}", f"{line!r} is no picture ({' '.join(SUFFIXES)})"))
        else:
            yield found


def _locate(declaration: Declaration, name: str, beside: Path) -> Path | None:
    """The file or folder that a path means: as it stands, or, of another machine, by its end; None for none.

    Exports carry a `path` of another machine, `..` that lead nowhere, or the separators of Windows.
    """
    if "\0" in name or "\0" in declaration.base:
        return None
    root = declaration.root
    texts = dict.fromkeys((name, name.replace("\\", "/")))
    try:
        for text in texts:
            for path in (beside / text, root / declaration.base / text, root / text):
                if path.exists():
                    return Path(os.path.normpath(path))
        for tail in _ends(list(texts)[-1]):
            for folder in (beside, root):
                if (folder / tail).exists():
                    return folder / tail
    except (OSError, ValueError):  # longer than any name, or half a surrogate
        return None
    return None


def _ends(text: str) -> Iterator[str]:
    """The ends of a path of another machine, the longest first; none of a path that starts here."""
    path = PurePosixPath(text)
    windows = len(text) > 1 and text[1] == ":"
    if not (windows or path.is_absolute() or ".." in path.parts):
        return
    parts = [p for p in path.parts if p not in ("/", "..", ".")]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
