"""What all readers give: pictures, things in them, and sentences about these; and its way into a set of our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import encode
from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer.meaning import ANYTHING, KINDS_OF, Meaning, to_json
from afss_ros.refer.parse import parse
from afss_ros.refer.sets.references import REFERENCES, SCENES, Reference, reference_to_json, write_lines

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pointed:
    """A picture and what is said of it.

    Attributes:
        key: unique in the set.
        image: its file.
        split: as the set names it.
        things: class name and mask, bool (h, w), of each thing; the size may be a little another than the picture's.
        said: sentences, and the places of the things that each means; none for a sentence that means nothing.
        view: how the picture was spoilt.
    """

    key: str
    image: Path
    split: str
    things: tuple[tuple[str, Mask], ...]
    said: tuple[tuple[str, tuple[int, ...]], ...]
    view: str = ""


@dataclass
class Converted:
    """What came of a set: pictures, sentences, and what was left out and why."""

    pictures: int = 0
    sentences: int = 0
    problems: list[str] = field(default_factory=list)


def write(pointed: Iterable[Pointed | str], source: str, out: Path) -> Converted:
    """Write `scenes.jsonl` and `references.jsonl`; texts among what is pointed at are problems.

    A mask of another size than its picture is scaled to it, as those who publish on these sets do. A sentence that the
    grammar reads gets its meaning; others have none, and so can be learned from and measured on, but not judged.

    Raises:
        ReferError: not one sentence is left.
        DatasetError: it cannot be written.
    """
    done = Converted()
    scenes: list[dict[str, Any]] = []
    references: list[dict[str, Any]] = []
    keys: dict[str, Path] = {}
    for each in pointed:
        if isinstance(each, str):
            done.problems.append(each)
            continue
        if each.key in keys:
            done.problems.append(f"{each.key}: there is one of this name already, {keys[each.key]}; it was kept")
            continue
        keys[each.key] = each.image
        try:
            scene, said = _lines(each, source, done)
        except DatasetError as err:
            done.problems.append(f"{each.key}: {err}")
            continue
        scenes.append(scene)
        references += said
        done.pictures += 1
        done.sentences += len(said)
    if not references:
        shown = f" ({done.problems[0]})" if done.problems else ""
        raise ReferError(f"not one sentence of {source} can be used{shown}")
    write_lines(out / SCENES, scenes)
    write_lines(out / REFERENCES, references)
    return done


def _lines(each: Pointed, source: str, done: Converted) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    image = read_rgb(each.image)
    height, width = image.shape[:2]
    nouns = sorted({noun for noun, _ in each.things})
    things = []
    for number, (noun, mask) in enumerate(each.things, 1):
        fitted = mask
        if mask.shape != (height, width):
            done.problems.append(f"{each.key}: a mask of {mask.shape} was scaled to the picture, {(height, width)}")
            resized = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
            fitted = np.asarray(resized, bool)
        if not fitted.any():
            raise DatasetError(f"the mask of a {noun} is empty")
        edge = fitted[0].any() or fitted[-1].any() or fitted[:, 0].any() or fitted[:, -1].any()
        things.append({"id": number, "noun": noun, "parent": None, "cut": bool(edge), "lit": None, "distance": None,
                       "mask": encode(fitted)})  # fmt: skip
    scene = {"key": each.key, "image": str(each.image.resolve()), "split": each.split, "size": [height, width],
             "nouns": nouns, "axes": {}, "things": things}  # fmt: skip
    said = []
    for text, targets in each.said:
        if any(not 0 <= target < len(things) for target in targets):
            raise DatasetError(f"{text!r} is about a thing that is not there")
        kind = "none" if not targets else "group" if len(targets) > 1 else "other"
        ids = tuple(target + 1 for target in targets)
        said.append(reference_to_json(Reference(each.key, text, meaning(text, nouns), ids, kind, source, each.view)))
    return scene, said


def meaning(text: str, nouns: Iterable[str]) -> Meaning | None:
    """What the grammar reads a sentence as; None where it cannot."""
    try:
        sentence = parse(text, nouns)
    except SentenceError:
        return None
    if len(sentence.parts) != 1 or sentence.ask != "which":
        return None
    # Over cities a vehicle is no spacecraft: of nouns that a picture does not know, nothing can be judged.
    known = {ANYTHING, *nouns, *(kind for kind, of in KINDS_OF.items() if of in nouns)}
    return sentence.parts[0] if _nouns(to_json(sentence.parts[0])) <= known else None


def _nouns(value: Any) -> set[str]:
    """Every noun of a meaning, as JSON."""
    if isinstance(value, list):
        return {noun for each in value for noun in _nouns(each)}
    if not isinstance(value, dict):
        return set()
    own = {value["noun"]} if "noun" in value else set()
    return own | {noun for inner in value.values() for noun in _nouns(inner)}
