"""One line of `samples.jsonl`: a `Sample` as JSON and back.

A line is {"key", "image", "labels", "width", "height", "split", "sequence", "instances", "attributes"}; paths are
relative to the set, `labels` and `instances` may be null (unknown).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.form import Instance, Sample


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


def instance_from_json(value: dict[str, Any]) -> Instance:
    """The inverse of `instance_to_json`."""
    return Instance(
        str(value["class_name"]), np.asarray(value["box_xyxy"], np.float32), value.get("rle"), value.get("score", 1.0)
    )


def to_sample(root: Path, record: dict[str, Any]) -> Sample:
    """The sample that a line of `samples.jsonl` under `root` describes.

    Raises:
        DatasetError: a field is missing or is not what it must be.
    """
    try:
        instances = record.get("instances")
        labels = record.get("labels")
        return Sample(
            key=record["key"],
            image=root / record["image"],
            labels=None if labels is None else root / labels,
            width=int(record["width"]),
            height=int(record["height"]),
            instances=None if instances is None else tuple(instance_from_json(i) for i in instances),
            split=record.get("split", ""),
            sequence=record.get("sequence", ""),
            attributes=record.get("attributes") or {},
        )
    except (KeyError, TypeError, ValueError) as err:
        raise DatasetError(f"not a sample ({type(err).__name__}: {err})") from err


def read_lines(path: Path) -> tuple[list[dict[str, Any]], list[str], int]:
    """The records of a `samples*.jsonl`.

    Returns:
        The records; what is wrong with the lines that are none; and the length in bytes of the complete lines. Bytes
        after that are a last line torn by a kill: a writer truncates them, a reader passes over them. A last line that
        lacks only its end, as editors leave it, is complete.
    """
    content = path.read_bytes()
    records: list[dict[str, Any]] = []
    wrong: list[str] = []
    complete = 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or not isinstance(record.get("key"), str):
                raise ValueError("no key")
            records.append(record)
        except ValueError as err:
            if not line.endswith(b"\n"):
                break
            wrong.append(f"line {number} is not a sample ({err})")
        complete += len(line)
    return records, wrong, complete
