"""One line of `samples.jsonl`: a `Sample` as JSON and back.

A line is {"key", "image", "labels", "width", "height", "split", "sequence", "instances", "attributes"}; paths are
relative to the set, `labels` and `instances` may be null (unknown). `parts`, `complete` and `components` are there
where they say something: see `Sample`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_bytes
from afss_ros.datasets.form import Instance, Sample
from afss_ros.datasets.keys import is_key, is_split
from afss_ros.datasets.paths import inside
from afss_ros.datasets.rle import checked, require_size

T = TypeVar("T")


def to_line(record: dict[str, Any]) -> bytes:
    """The record as one line of JSON, newline included."""
    try:
        return (json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as err:
        raise DatasetError(f"{record.get('key')}: attributes must be plain JSON values ({err})") from err


def instance_to_json(instance: Instance) -> dict[str, Any]:
    """The instance as plain JSON values; the box to a thousandth of a pixel."""
    box = [round(float(v), 3) for v in instance.box_xyxy]
    out: dict[str, Any] = {"class_name": instance.class_name, "box_xyxy": box, "score": float(instance.score)}
    if instance.rle is not None:
        out["rle"] = instance.rle
    return out


def instance_from_json(value: dict[str, Any], size: tuple[int, int] | None = None) -> Instance:
    """The inverse of `instance_to_json`.

    Args:
        size: (H, W) of the image, to hold a foreign mask to; None believes it.

    Raises:
        DatasetError: it is none.
    """
    try:
        rle = value.get("rle")
        if rle is not None and size is not None:
            rle = checked(rle, *size)
        box = np.asarray(value["box_xyxy"], np.float32)
        score = number(value.get("score", 1.0))
        return Instance(str(value["class_name"]), box, rle, score)
    except MALFORMED as err:
        raise DatasetError(f"an instance is {{class_name, box_xyxy, rle, score}} ({told(err)})") from err


def number(value: Any) -> float:
    """A finite number, as a float.

    Raises:
        DatasetError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise DatasetError(f"{str(value)[:60]!r} is no number")
    return float(value)


def to_sample(root: Path, record: dict[str, Any], problems: list[str] | None = None) -> Sample:
    """The sample that a line of `samples.jsonl` under `root` describes.

    Args:
        problems: takes what is wrong with instances, which are left out; None raises that too.

    Raises:
        DatasetError: a field is missing or is not what it must be.
    """
    try:
        key, split = record["key"], record.get("split", "")
        if not is_key(key):
            raise DatasetError(f"key {key!r} cannot name a file: use letters, digits, _ . + - and / for folders")
        if not is_split(split):
            raise DatasetError(f"split {split!r} is no name of letters and digits")
        labels, parts = record.get("labels"), record.get("parts")
        width, height = (int(number(record[n])) for n in ("width", "height"))
        require_size(height, width)
        instances, complete = _instances(record.get("instances"), (height, width), problems)
        return Sample(
            key=key,
            image=inside(root, record["image"]),
            labels=None if labels is None else inside(root, labels),
            width=width,
            height=height,
            instances=instances,
            split=split,
            sequence=_typed(record.get("sequence", ""), str),
            attributes=_typed(record.get("attributes") or {}, dict),
            parts=None if parts is None else tuple(_typed(name, str) for name in _typed(parts, list)),
            only=None
            if record.get("only") is None
            else tuple(_typed(name, str) for name in _typed(record["only"], list)),
            components=None if record.get("components") is None else inside(root, record["components"]),
            complete=complete and bool(record.get("complete", True)),
        )
    except DatasetError:
        raise
    except MALFORMED as err:
        raise DatasetError(f"not a sample ({told(err)})") from err


def _instances(
    values: Any, size: tuple[int, int], problems: list[str] | None
) -> tuple[tuple[Instance, ...] | None, bool]:
    """The instances of a record, None for unknown, and whether they are all of them."""
    if values is None:
        return None, True
    found: list[Instance] = []
    wrong: list[str] = []
    twice: list[str] = []
    for place, value in enumerate(listed := _typed(values, list)):
        try:
            if value in listed[:place]:
                twice.append(f"instance {place}: occurs twice; read once")
                continue
            found.append(instance_from_json(value, size))
        except DatasetError as err:
            if problems is None:
                raise
            wrong.append(f"instance {place}: {err}")
    if problems is not None:
        problems += wrong + twice
    return (tuple(found) if found or not wrong else None), not wrong


def _typed(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise DatasetError(f"{str(value)[:60]!r} is {type(value).__name__}, not {kind.__name__}")
    return value


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[str], int]:
    """The records of a `samples*.jsonl`.

    Returns:
        The records; what is wrong with the lines that are none; and the length in bytes of the complete lines. Bytes
        after that are a last line torn by a kill: a writer truncates them, a reader passes over them. A last line that
        lacks only its end, as editors leave it, is complete.
    """
    content = read_bytes(path)
    records: list[dict[str, Any]] = []
    wrong: list[str] = []
    complete = 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or not isinstance(record.get("key"), str):
                raise ValueError("no key")
            records.append(record)
        except (ValueError, RecursionError) as err:
            if not line.endswith(b"\n"):
                break
            wrong.append(f"line {number} is not a sample ({err})")
        complete += len(line)
    return records, wrong, complete
