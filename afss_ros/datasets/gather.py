"""What every reader of a public data set does: go through its records, keep the samples, name what is no sample."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_text
from afss_ros.datasets.form import Dataset, Problem, Sample
from afss_ros.datasets.keys import Keys

Record = TypeVar("Record")


def gather(
    root: Path,
    class_names: dict[int, str],
    records: Iterable[tuple[str, Record]],
    read: Callable[[Record], Sample],
    provenance: dict[str, Any] | None = None,
    problems: Iterable[Problem] = (),
) -> Dataset:
    """The data set of those records that are samples, each under a key of its own that can name a file.

    Args:
        records: (where it stands, the record).
        read: makes a sample of a record; what it raises (see `MALFORMED`) becomes a problem.
        problems: found before.
    """
    gathered = Gathered()
    found = list(problems)
    for where, record in records:
        try:
            gathered.add(read(record))
        except MALFORMED as err:
            found.append(Problem(where, told(err)))
    return Dataset(root, class_names, gathered.samples, tuple(found), provenance or {})


class Gathered:
    """Samples with keys that can name files, each different, and each picture once a split."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._keys = Keys()
        self._places: dict[tuple[str, Path], int] = {}

    @property
    def samples(self) -> tuple[Sample, ...]:
        """What was added, in order."""
        return tuple(self._samples)

    def add(self, sample: Sample) -> None:
        """Add a sample; one whose key says another file than its name keeps this in the attribute `name`.

        Raises:
            DatasetError: its picture is there already. What the first one says of it is then no longer all.
        """
        place = self._places.setdefault((sample.split, sample.image), len(self._samples))
        if place < len(self._samples):
            before = self._samples[place]
            self._samples[place] = replace(before, complete=False, one_craft=False)
            raise DatasetError(f"{sample.image}: occurs twice, first as {before.key!r}; what is said here is left out")
        key = self._keys.take(sample.key)
        if key != sample.key:
            sample = replace(sample, key=key, attributes={**sample.attributes, "name": sample.key})
        self._samples.append(sample)


def rows(path: Path, columns: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """The rows of a table with a heading: (where it stands, column name -> text).

    Raises:
        DatasetError: it cannot be read or lacks one of `columns`.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""), skipinitialspace=True)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        missing = [c for c in columns if c not in reader.fieldnames]
        if missing:
            raise DatasetError(f"{path}: lacks the columns {missing}; it has {list(reader.fieldnames)}")
        return [(f"{path}: line {reader.line_num}", row) for row in reader]
    except csv.Error as err:
        raise DatasetError(f"{path}: cannot be read as a table ({err})") from err


def literal(text: Any) -> tuple[float, ...]:
    """The numbers in brackets of a table's cell, such as "[1, 2, 3, 4]".

    Raises:
        DatasetError: it is something else.
    """
    numbers = str(text).strip().strip("[]()").split(",")
    try:
        return tuple(float(n) for n in numbers)
    except ValueError as err:
        raise DatasetError(f"{str(text)[:60]!r} are no numbers in brackets") from err


def heading(path: Path) -> str:
    """The first line of a text file; empty when there is none."""
    if not path.is_file():  # a pipe would be waited on for ever
        return ""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline(4096).rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return ""


def require(path: Path) -> Path:
    """The path, if a file is there.

    Raises:
        DatasetError: there is none.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing")
    return path


def first_file(candidates: Iterable[Path]) -> Path:
    """The first of the paths where a file is.

    Raises:
        DatasetError: there is none; names them all.
    """
    tried = list(dict.fromkeys(candidates))
    for path in tried:
        if path.is_file():
            return path
    raise DatasetError(f"missing: none of {', '.join(str(p) for p in tried)}")
