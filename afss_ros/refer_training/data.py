"""A set of sentences as arrays: pictures in the network's size, masks of things, and what is said of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import decode
from afss_ros.refer.errors import ReferError
from afss_ros.refer.lexicon import CRAFT_SIDES, spread
from afss_ros.refer.reading import tokens
from afss_ros.refer.sets.references import Reference, read_references, read_scenes
from afss_ros.refer_training.eyes import MASK_STRIDE, STRIDE
from afss_ros.refer_training.recipe import Data
from afss_ros.student import letterbox

_HALF = 127
_CRAFT_WORDS = frozenset(word for table in CRAFT_SIDES.values() for phrase in spread(table) for word in phrase.split())


@dataclass(frozen=True, eq=False)
class Example:
    """A picture, its things, and sentences about it.

    Attributes:
        key: of the scene.
        image: uint8 (S, S, 3) RGB, letterboxed.
        masks: uint8 (N, S / 2, S / 2), share of each cell that is the thing's, of 255.
        classes: int64 (N,), numbers of names.
        cells: int64 (N,), where the middle of each thing is on the map of middles.
        texts: the sentences.
        targets: for each sentence, the places among the things that it means.
    """

    key: str
    image: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    classes: NDArray[np.int64]
    cells: NDArray[np.int64]
    texts: tuple[str, ...]
    targets: tuple[tuple[int, ...], ...]


def learnable(text: str, held_out: tuple[str, ...] = ()) -> bool:
    """Whether a picture alone can tell what a sentence means: not where a craft's own sides are spoken of."""
    said = set(tokens(text))
    return not said & _CRAFT_WORDS and not said & set(held_out)


def load(data: Data, split: str, nouns: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], list[Example]]:
    """The class names of the sets, and the examples of a split.

    Args:
        nouns: class names to use instead; things of others are left out.

    Raises:
        ReferError: a set holds no sentence of the split, or a line of it is none.
        DatasetError: a file cannot be read.
    """
    records: list[tuple[Path, dict[str, Any], list[Reference]]] = []
    for root in data.sets:
        said: dict[str, list[Reference]] = defaultdict(list)
        for reference in read_references(root):
            if learnable(reference.text, data.held_out):
                said[reference.scene].append(reference)
        scenes = [scene for scene in read_scenes(root).values() if scene["split"] == split]
        records += [(root, scene, said[scene["key"]]) for scene in scenes]
    if not any(said_of for _, _, said_of in records):
        raise ReferError(f"{', '.join(map(str, data.sets))}: no sentence of split {split!r}; build a set with it")
    names = nouns or tuple(sorted({thing["noun"] for _, scene, _ in records for thing in scene["things"]}))
    return names, [_example(root, scene, said_of, names, data.size) for root, scene, said_of in records]


def _example(root: Path, scene: dict[str, Any], said: list[Reference], names: tuple[str, ...], size: int) -> Example:
    image = read_rgb(root / scene["image"])
    box = letterbox.fit((image.shape[0], image.shape[1]), (size, size))
    canvas = np.zeros((size, size, 3), np.uint8)
    fitted = np.array(letterbox.apply(image, box, canvas))
    half = size // MASK_STRIDE
    masks: list[NDArray[np.uint8]] = []
    classes: list[int] = []
    cells: list[int] = []
    places: dict[int, int] = {}
    for thing in scene["things"]:
        if thing["noun"] not in names:
            continue
        whole = np.zeros((size, size), np.uint8)
        rows, columns = slice(box.top, box.top + box.content[0]), slice(box.left, box.left + box.content[1])
        content = (box.content[1], box.content[0])
        mask = decode(thing["mask"]).astype(np.uint8) * 255
        whole[rows, columns] = cv2.resize(mask, content, interpolation=cv2.INTER_AREA)
        small = cv2.resize(whole, (half, half), interpolation=cv2.INTER_AREA)
        if small.max() <= _HALF:
            continue  # nothing of it is left in this size
        ys, xs = np.nonzero(small > _HALF)
        cell = size // STRIDE
        row, column = (int((v.mean() + 0.5) * MASK_STRIDE / STRIDE) for v in (ys, xs))
        places[thing["id"]] = len(masks)
        masks.append(np.asarray(small, np.uint8))
        classes.append(names.index(thing["noun"]))
        cells.append(row * cell + column)
    kept = [r for r in said if all(target in places for target in r.targets)]
    return Example(
        scene["key"],
        fitted,
        np.array(masks, np.uint8).reshape(-1, half, half),
        np.array(classes, np.int64),
        np.array(cells, np.int64),
        tuple(r.text for r in kept),
        tuple(tuple(places[t] for t in r.targets) for r in kept),
    )


def together(examples: list[Example], count: int) -> NDArray[np.float32]:
    """Which names may have one mask, float32 (count, count): those of which two things overlap by more than half.

    A craft of which only the body is seen has the body's mask; a tree has never that of a ship.
    """
    found = np.zeros((count, count), np.float32)
    for example in examples:
        flat = (example.masks > 127).reshape(len(example.masks), -1).astype(np.float32)
        both, area = flat @ flat.T, flat.sum(1)
        overlap = both / np.maximum(area[:, None] + area[None] - both, 1)
        first, second = np.nonzero(np.triu(overlap > 0.5, 1))
        found[example.classes[first], example.classes[second]] = 1
    return np.asarray(np.maximum(found, found.T), np.float32)


def fingerprint(examples: list[Example]) -> str:
    """A hash of what is learned from: keys, sentences and targets."""
    facts = repr([(e.key, e.texts, e.targets) for e in examples])
    return hashlib.sha256(facts.encode(errors="backslashreplace")).hexdigest()
