"""Which parts a student tells apart, and how the label ids of a data set become the student's, by name.

Label maps may say less than a class: a craft of which nobody looked for panels has no body, but pixels that are body or
panel. They keep ids of their own on the way into the losses, see `losses.partial`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Dataset, Sample
from afss_ros.datasets.form import WHOLE, require_classes
from afss_ros.datasets.sought import sought_in
from afss_ros.labels import BACKGROUND, BODY, CLASS_NAMES, PART_IDS, UNLABELLED

_LOG = logging.getLogger(__name__)

PARTS: tuple[str, ...] = tuple(CLASS_NAMES[i] for i in PART_IDS)
"""The parts of `afss_ros.labels`, in the order of their ids, which are 1, 2, 3."""

ANY_PART = 254
"""Pixels of a craft of which no part is known."""
REST = 253
"""Pixels that are body or one of the parts that nobody looked for, see `rest_of`."""
OPEN = 252
"""Pixels of anything that was not labelled where only some parts were: background, or a part that was not."""
_BODY = CLASS_NAMES[BODY]


def class_names(parts: Sequence[str]) -> dict[int, str]:
    """What a student of these parts declares: background, the parts from 1 on, and the whole craft behind them.

    >>> class_names(("body", "panel", "antenna")) == CLASS_NAMES
    True
    """
    return dict(enumerate((CLASS_NAMES[BACKGROUND], *parts, WHOLE)))


@dataclass(frozen=True, eq=False)
class Renumbered:
    """How a label map file becomes the student's ids: read by `decode`, then looked up in `table` uint8 (256,)."""

    decode: Callable[[Path], NDArray[np.uint8]]
    table: NDArray[np.uint8]
    known: frozenset[int] | None = None

    def __call__(self, path: Path) -> NDArray[np.uint8]:
        """The label map, uint8 (H, W).

        Raises:
            DatasetError: it cannot be read, or holds an id that is none of the set's.
        """
        labels = self.decode(path)
        require_classes(path, labels, self.known)
        return np.asarray(cv2.LUT(labels, self.table), np.uint8)


def in_ids_of(parts: Sequence[str], dataset: Dataset) -> tuple[Sample, ...]:
    """The samples of a data set with label maps in the ids of `class_names(parts)`.

    A class of the set that the student does not tell apart is unlabelled: it is some part of the craft, and neither
    background nor one of `parts` would be true of it. Where parts that the student knows were not looked for, body is
    `REST`; a label map that holds `spacecraft` holds `ANY_PART` there.
    """
    table = id_table(dataset.class_names, parts)
    ids = [i for i, name in dataset.class_names.items() if name != WHOLE and i < UNLABELLED]
    if foreign := [dataset.class_names[i] for i in ids if table[i] == UNLABELLED]:
        _LOG.warning("%s: the student knows no %s; these pixels count as unlabelled", dataset.root, ", ".join(foreign))
    opened = table.copy()
    if _BODY in parts:
        opened[table == parts.index(_BODY) + 1] = REST
    return tuple(_in_ids(s, sought_in(s, dataset.class_names), parts, table, opened) for s in dataset.samples)


def _in_ids(
    sample: Sample,
    sought: tuple[str, ...] | None,
    parts: Sequence[str],
    table: NDArray[np.uint8],
    opened: NDArray[np.uint8],
) -> Sample:
    if sample.labels is None:
        return sample
    if sample.only is not None:
        chosen = _beside(sample.only, table, parts)
        decode = Renumbered(sample.decode_labels, chosen, sample.label_ids)
        return replace(sample, decode_labels=decode, parts=sample.only, label_ids=None)
    chosen = opened if len(rest_of(sought, parts)) > 1 else table
    decode = Renumbered(sample.decode_labels, chosen, sample.label_ids)
    return replace(sample, decode_labels=decode, parts=sought, label_ids=None)


def _beside(only: Sequence[str], table: NDArray[np.uint8], parts: Sequence[str]) -> NDArray[np.uint8]:
    """The table of a set where `only` some parts are labelled: all else is `OPEN`."""
    kept = [i for i, name in enumerate(parts, 1) if name in only] + [UNLABELLED]
    return np.where(np.isin(table, kept), table, np.uint8(OPEN))


def rest_of(sought: Sequence[str] | None, parts: Sequence[str]) -> tuple[int, ...]:
    """The label ids of a student of `parts` that pixels of body may be, where `sought` were looked for.

    >>> rest_of(("panel",), ("body", "panel", "antenna"))
    (1, 3)
    """
    hidden = () if sought is None else [p for p in parts if p not in sought and p != _BODY]
    return tuple(i for i, name in enumerate(parts, 1) if name == _BODY or name in hidden)


def id_table(names: Mapping[int, str], parts: Sequence[str]) -> NDArray[np.uint8]:
    """Label id of a set -> label id of the student, uint8 (256,); 255 for what the student does not know.

    >>> id_table({0: "background", 1: "thruster", 7: "body"}, ("body", "panel"))[[0, 1, 7, 255]].tolist()
    [0, 255, 1, 255]
    """
    ours = {name: i for i, name in class_names(parts).items() if name != WHOLE}
    table = np.full(256, UNLABELLED, np.uint8)
    for i, name in names.items():
        if 0 <= i < UNLABELLED:  # what no label map can hold may be a category of COCO
            table[i] = ANY_PART if name == WHOLE else ours.get(name, UNLABELLED)
    table[BACKGROUND] = BACKGROUND
    return table
