"""Which parts a student tells apart, and how the label ids of a data set become the student's, by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import Dataset, Sample
from afss_ros.datasets.form import WHOLE
from afss_ros.labels import BACKGROUND, CLASS_NAMES, PART_IDS, UNLABELLED

_LOG = logging.getLogger(__name__)

PARTS: tuple[str, ...] = tuple(CLASS_NAMES[i] for i in PART_IDS)
"""The parts of `afss_ros.labels`, in the order of their ids, which are 1, 2, 3."""


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

    def __call__(self, path: Path) -> NDArray[np.uint8]:
        """The label map, uint8 (H, W)."""
        return np.asarray(self.table[self.decode(path)], np.uint8)


def in_ids_of(parts: Sequence[str], dataset: Dataset) -> tuple[Sample, ...]:
    """The samples of a data set with label maps in the ids of `class_names(parts)`.

    A class of the set that the student does not tell apart is unlabelled: it is some part of the craft, and neither
    background nor one of `parts` would be true of it.
    """
    table = id_table(dataset.class_names, parts)
    ids = [i for i, name in dataset.class_names.items() if name != WHOLE]
    if all(table[i] == i for i in ids):
        return dataset.samples
    if foreign := [dataset.class_names[i] for i in ids if table[i] == UNLABELLED]:
        _LOG.warning("%s: the student knows no %s; these pixels count as unlabelled", dataset.root, ", ".join(foreign))
    return tuple(replace(s, decode_labels=Renumbered(s.decode_labels, table)) for s in dataset.samples)


def id_table(names: Mapping[int, str], parts: Sequence[str]) -> NDArray[np.uint8]:
    """Label id of a set -> label id of the student, uint8 (256,); 255 for what the student does not know.

    >>> id_table({0: "background", 1: "thruster", 7: "body"}, ("body", "panel"))[[0, 1, 7, 255]].tolist()
    [0, 255, 1, 255]
    """
    ours = {name: i for i, name in class_names(parts).items() if name != WHOLE}
    table = np.full(256, UNLABELLED, np.uint8)
    for i, name in names.items():
        table[i] = ours.get(name, UNLABELLED)
    table[BACKGROUND] = BACKGROUND
    return table
