"""What every reader of a public data set does: go through its records, keep the samples, name what is no sample."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Dataset, Problem, Sample

Record = TypeVar("Record")


def gather(
    root: Path,
    class_names: dict[int, str],
    records: Iterable[tuple[str, Record]],
    read: Callable[[Record], Sample],
    provenance: dict[str, Any] | None = None,
) -> Dataset:
    """The data set of those records that are samples.

    Args:
        records: (where it stands, the record).
        read: makes a sample of a record; what it raises (DatasetError, KeyError, TypeError, ValueError) becomes a
            problem. So does a key that occurs twice.
    """
    samples: dict[str, Sample] = {}
    problems: list[Problem] = []
    for where, record in records:
        try:
            sample = read(record)
            if sample.key in samples:
                raise DatasetError(f"{sample.key!r} occurs twice")
            samples[sample.key] = sample
        except DatasetError as err:
            problems.append(Problem(where, str(err)))
        except (KeyError, TypeError, ValueError, SyntaxError) as err:
            problems.append(Problem(where, f"{type(err).__name__}: {err}"))
    return Dataset(root, class_names, tuple(samples.values()), tuple(problems), provenance or {})


def rows(path: Path, columns: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """The rows of a table with a heading: (where it stands, column name -> text).

    Raises:
        DatasetError: it cannot be read or lacks one of `columns`.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            missing = [c for c in columns if c not in reader.fieldnames]
            if missing:
                raise DatasetError(f"{path}: lacks the columns {missing}; it has {list(reader.fieldnames)}")
            return [(f"{path}: line {number}", row) for number, row in enumerate(reader, 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DatasetError(f"{path}: cannot be read as a table ({err})") from err


def heading(path: Path) -> str:
    """The first line of a text file; empty when there is none."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline()
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
