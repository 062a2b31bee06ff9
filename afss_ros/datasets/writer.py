"""Writes our form of a data set on disk, one whole sample at a time.

    <set>/dataset.json      {"format": "afss-dataset", "version": 1, "class_names": {..}, "provenance": {..}}
    <set>/samples.jsonl     one line a sample (see `record`)
    <set>/images/<key>.jpg  <set>/labels/<key>.png (uint8 label ids, lossless)
    <set>/components/<key>.png (uint16 ids, see `Sample.components`), where the set's maker knows them
    <set>/instances.json    the same instances as COCO

A sample's line is appended after its files are in place, in a single write, so a writer killed at any moment (kill -9
included) leaves only whole samples: open the set again and go on with the keys that are not yet `in writer`. A power
cut may take the last seconds with it; nothing is fsynced.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import append_line, mend_last_line, read_json, write_atomically
from afss_ros.datasets.form import Instance
from afss_ros.datasets.keys import is_key, is_split
from afss_ros.datasets.pictures import encode_picture
from afss_ros.datasets.record import instance_to_json, read_lines, to_line
from afss_ros.datasets.shards import line_files, lock, write_instances
from afss_ros.labels import CLASS_NAMES

FORMAT = "afss-dataset"
VERSION = 1


class DatasetWriter:
    """Adds samples to the set at `root`, which it makes or resumes.

    Several processes write one set through shards: give each its own `shard` number, and call `merge_shards` at the
    end. A key that any shard has written is `in writer`, so a resumed run may use another number of shards.

    Args:
        root: the set's folder.
        class_names: id -> name; ours when not given.
        provenance: how the samples came to be (prompt, checkpoints, renderer and its seed, ...), the same for every
            writer of the set. Keep what changes between resumed runs (times, counts) out of it.
        shard: None for the only writer of a set, else a number of this writer's own.

    Raises:
        DatasetError: the set at `root` has other classes or another provenance, or somebody is writing this shard.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        class_names: Mapping[int, str] = CLASS_NAMES,
        provenance: Mapping[str, Any] | None = None,
        shard: int | None = None,
    ) -> None:
        self.root = Path(root)
        self.shard = shard
        self.root.mkdir(parents=True, exist_ok=True)
        _declare(self.root, dict(class_names), dict(provenance or {}))
        lines = self.root / ("samples.jsonl" if shard is None else f"samples-{shard}.jsonl")
        self._lines = os.open(lines, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            lock(self._lines, lines, "give each writer its own shard")
            mend_last_line(self._lines, read_lines(lines)[2])
        except BaseException:
            os.close(self._lines)
            raise
        self._keys = {record["key"] for path in line_files(self.root) for record in read_lines(path)[0]}

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(write_coco=kind is None)

    def add(
        self,
        key: str,
        image: NDArray[np.uint8],
        labels: NDArray[np.uint8] | None = None,
        instances: Iterable[Instance] | None = None,
        split: str = "train",
        sequence: str = "",
        attributes: Mapping[str, Any] | None = None,
        image_format: str = "jpg",
        encoded: bytes | None = None,
        parts: Iterable[str] | None = None,
        complete: bool = True,
        only: Iterable[str] | None = None,
        components: NDArray[np.uint16] | None = None,
    ) -> None:
        """Write one sample; on return it is on disk, whole.

        Args:
            key: names its files: letters, digits and `_ . + -`, with `/` for folders.
            image: uint8 (H, W, 3), RGB.
            labels: uint8 (H, W) label ids; None when parts are unknown.
            instances: None when nobody looked for objects, empty when there are none.
            split, sequence, attributes: see `Sample`.
            image_format: "jpg" (quality 95) or "png" (lossless).
            encoded: the picture as a file of that format, to be kept as it is; None encodes `image`.
            parts: that were looked for in the label map, body apart; None does not say. See `Sample`.
            complete: whether `instances` are all that is there.
            only: the parts that are labelled where the rest of the craft is not. See `Sample`.
            components: uint16 (H, W) ids of craft and components. See `Sample`.

        Raises:
            DatasetError: the key is taken or no file name, an array is not what it must be, or the disk refuses.
        """
        if key in self._keys:
            raise DatasetError(f"{self.root}: already has {key!r}; ask `key in writer` first")
        record = write_sample(
            self.root,
            key,
            image,
            labels,
            instances,
            split,
            sequence,
            attributes,
            image_format,
            encoded,
            parts,
            complete,
            only,
            components,
        )
        self.enter(record)

    def enter(self, record: Mapping[str, Any]) -> None:
        """List a sample whose files are in place: what `write_sample` returned, here or in another process.

        Raises:
            DatasetError: the key is taken, or the disk refuses.
        """
        key = record["key"]
        if key in self._keys:
            raise DatasetError(f"{self.root}: already has {key!r}; ask `key in writer` first")
        try:
            append_line(self._lines, to_line(dict(record)))
        except OSError as err:
            raise DatasetError(f"{self.root}: {key!r} cannot be listed ({err})") from err
        self._keys.add(key)

    def close(self, *, write_coco: bool = True) -> None:
        """Release the set; the only writer of a set also writes instances.json. May be called twice."""
        if self._lines < 0:
            return
        os.close(self._lines)
        self._lines = -1
        if write_coco and self.shard is None:
            write_instances(self.root)


def write_sample(
    root: Path,
    key: str,
    image: NDArray[np.uint8],
    labels: NDArray[np.uint8] | None = None,
    instances: Iterable[Instance] | None = None,
    split: str = "train",
    sequence: str = "",
    attributes: Mapping[str, Any] | None = None,
    image_format: str = "jpg",
    encoded: bytes | None = None,
    parts: Iterable[str] | None = None,
    complete: bool = True,
    only: Iterable[str] | None = None,
    components: NDArray[np.uint16] | None = None,
) -> dict[str, Any]:
    """Put the files of one sample into the set at `root`; it is in the set once `DatasetWriter.enter` has listed it.

    Args:
        root: the set's folder, which may lie on a file system that others write to as well.
        key, image, labels, instances, split, sequence, attributes, image_format, encoded, parts, complete, only,
            components: see `DatasetWriter.add`.

    Returns:
        The sample's record, plain JSON values.

    Raises:
        DatasetError: the key is no file name, an array is not what it must be, or the disk refuses.
    """
    if not is_key(key):
        raise DatasetError(f"key {key!r} cannot name a file: use letters, digits, _ . + - and / for folders")
    if not is_split(split):
        raise DatasetError(f"split {split!r} is no name of letters and digits")
    if image_format not in ("jpg", "png"):
        raise DatasetError(f"image_format must be 'jpg' or 'png', got {image_format!r}")
    found = None if instances is None else list(instances)
    _check_arrays(key, image, labels, found)
    if components is not None and (components.dtype != np.uint16 or components.shape != image.shape[:2]):
        raise DatasetError(
            f"{key}: components must be uint16 {image.shape[:2]}, got {components.dtype} {components.shape}"
        )
    record: dict[str, Any] = {
        "key": key,
        "image": f"images/{key}.{image_format}",
        "labels": None if labels is None else f"labels/{key}.png",
        "width": image.shape[1],
        "height": image.shape[0],
        "split": split,
        "sequence": sequence,
        "instances": None if found is None else [instance_to_json(i) for i in found],
        "attributes": dict(attributes or {}),
    }
    if parts is not None and labels is not None:
        record["parts"] = list(parts)
    if only is not None and labels is not None:
        record["only"] = list(only)
    if components is not None:
        record["components"] = f"components/{key}.png"
    if not complete:
        record["complete"] = False
    to_line(record)  # refused before there are files
    _put(root / record["image"], encode_picture(image, f".{image_format}") if encoded is None else encoded)
    if labels is not None:
        _put(root / record["labels"], encode_picture(labels, ".png"))
    if components is not None:
        _put(root / record["components"], encode_picture(components, ".png"))
    return record


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def _declare(root: Path, class_names: dict[int, str], provenance: dict[str, Any]) -> None:
    declaration = {
        "format": FORMAT,
        "version": VERSION,
        "class_names": {str(i): n for i, n in class_names.items()},
        "provenance": provenance,
    }
    path = root / "dataset.json"
    if not path.exists():
        write_atomically(path, json.dumps(declaration, indent=1).encode())
        return
    present = read_json(path)
    for name, wanted in json.loads(json.dumps(declaration)).items():
        if present.get(name) != wanted:
            raise DatasetError(
                f"{path}: {name} is {present.get(name)!r}, this writer has {wanted!r}; write to another folder"
            )


def _check_arrays(
    key: str, image: NDArray[np.uint8], labels: NDArray[np.uint8] | None, instances: list[Instance] | None
) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DatasetError(f"{key}: the image must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if labels is not None and (labels.dtype != np.uint8 or labels.shape != image.shape[:2]):
        raise DatasetError(f"{key}: labels must be uint8 {image.shape[:2]}, got {labels.dtype} {labels.shape}")
    for instance in instances or ():
        if instance.rle is not None and tuple(instance.rle["size"]) != image.shape[:2]:
            raise DatasetError(f"{key}: an instance mask is {instance.rle['size']}, the image {image.shape[:2]}")
