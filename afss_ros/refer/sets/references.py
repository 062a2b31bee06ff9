"""A set of sentences on disk: `scenes.jsonl`, what each picture holds, and `references.jsonl`, what is said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import MALFORMED, DatasetError
from afss_ros.datasets.files import read_text, write_atomically
from afss_ros.datasets.rle import decode, encode
from afss_ros.refer.errors import ReferError
from afss_ros.refer.meaning import Meaning, from_json, to_json
from afss_ros.refer.scene import Scene
from afss_ros.refer.things import coloured, framed, from_masks

SCENES, REFERENCES = "scenes.jsonl", "references.jsonl"


_FIELDS: dict[str, type] = {
    "key": str, "image": str, "split": str, "size": list, "nouns": list, "axes": dict, "things": list,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """One sentence about one picture.

    Attributes:
        scene: key of the scene.
        text: the sentence.
        meaning: what it means; None for sentences of others, which nobody parsed.
        targets: ids of the things that it means; none where it rightly means nothing.
        kind: what tells the target from its rivals: class, side, place, extreme, size, colour, light, relation, frame,
            group, or none.
        source: rules, rewrite, human, or the name of a public set.
        view: how the picture was spoilt, "" for not at all.
    """

    scene: str
    text: str
    meaning: Meaning | None
    targets: tuple[int, ...]
    kind: str
    source: str = "rules"
    view: str = ""


def scene_to_json(key: str, image: str, split: str, scene: Scene) -> dict[str, Any]:
    """A line of `scenes.jsonl`: masks as COCO run lengths in the picture's size."""
    things = [
        {"id": t.id, "noun": t.noun, "parent": t.parent, "cut": t.cut, "lit": t.lit, "distance": t.distance,
         "mask": encode(scene.mask(t)), **({} if t.seen == 1 else {"seen": round(t.seen, 4)})}
        for t in scene.things
    ]  # fmt: skip
    axes = {name: list(axis) for name, axis in scene.axes.items()}
    window = {} if scene.window is None else {"window": list(scene.window)}
    return {"key": key, "image": image, "split": split, "size": list(scene.size), "nouns": sorted(scene.nouns),
            "axes": axes, **window, "things": things}  # fmt: skip


def scene_from_json(value: dict[str, Any], image: NDArray[np.uint8]) -> Scene:
    """The scene of a line of `scenes.jsonl`, with facts of colour from its picture, uint8 (H, W, 3) RGB.

    Raises:
        ReferError: it is none, or the picture has another size.
    """
    try:
        named = [(thing["noun"], decode(thing["mask"])) for thing in value["things"]]
        bare = from_masks([*named], value["nouns"], image if not named else None)
        things = []
        for thing in bare.things:
            fact = value["things"][thing.id - 1]  # in their order
            known = {name: fact[name] for name in ("id", "parent", "distance")}
            lit = None if fact["lit"] is None else float(fact["lit"])
            things.append(replace(thing, **known, lit=lit, seen=float(fact.get("seen", 1.0))))
        axes = {name: (float(axis[0]), float(axis[1])) for name, axis in value["axes"].items()}
        scene = replace(bare, things=tuple(things), axes=axes)
        if (window := value.get("window")) is not None:
            scene = framed(scene, (int(window[0]), int(window[1]), int(window[2]), int(window[3])))
    except MALFORMED as err:
        raise ReferError(f"no scene ({type(err).__name__}: {err}): {str(value)[:80]}; build the set again") from err
    return coloured(scene, image)


def reference_to_json(reference: Reference) -> dict[str, Any]:
    """A line of `references.jsonl`."""
    return {
        "scene": reference.scene,
        "text": reference.text,
        "meaning": None if reference.meaning is None else to_json(reference.meaning),
        "targets": list(reference.targets),
        "kind": reference.kind,
        "source": reference.source,
        "view": reference.view,
    }


def reference_from_json(value: Any) -> Reference:
    """Read a line of `references.jsonl`.

    Raises:
        ReferError: it is none.
    """
    try:
        meaning = None if value["meaning"] is None else from_json(value["meaning"])
        targets = tuple(int(i) for i in value["targets"])
        texts = [value[name] for name in ("scene", "text", "kind", "source", "view")]
        if not all(isinstance(text, str) for text in texts):
            raise ReferError(f"no reference: {str(value)[:80]}")
    except MALFORMED as err:
        if isinstance(err, ReferError):
            raise
        raise ReferError(f"no reference ({type(err).__name__}: {err}): {str(value)[:80]}") from err
    return Reference(texts[0], texts[1], meaning, targets, texts[2], texts[3], texts[4])


def read_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Number and value of every line of a .jsonl file.

    Raises:
        ReferError: a line is no JSON; names file and line.
        DatasetError: the file cannot be read.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as err:
            raise ReferError(f"{path}, line {number}: is no JSON ({err}); build the set again") from err


def read_scenes(root: Path) -> dict[str, dict[str, Any]]:
    """Key -> record of every scene of a set, in order; what a reader takes for granted is there, and of its type.

    Raises:
        ReferError: a line is no scene; names file, line and field.
        DatasetError: the file cannot be read.
    """
    found = {}
    for number, value in read_lines(root / SCENES):
        if wrong := _fault(value):
            raise ReferError(f"{root / SCENES}, line {number}: {wrong}; build the set again")
        found[value["key"]] = value
    return found


def _fault(value: Any) -> str:
    """Which field of a scene is missing or of another type; empty if none is."""
    if not isinstance(value, dict):
        return f"is no scene: {str(value)[:60]}"
    for name, kind in _FIELDS.items():
        if not isinstance(value.get(name), kind):
            return f"its {name} is none: {str(value.get(name))[:60]}"
    for thing in value["things"]:
        if not isinstance(thing, dict) or not isinstance(thing.get("noun"), str) or type(thing.get("id")) is not int:
            return f"a thing is none, with a noun and an id: {str(thing)[:60]}"
        if not isinstance(thing.get("mask"), dict):
            return f"the mask of thing {thing['id']} is none: {str(thing.get('mask'))[:60]}"
    if not all(isinstance(noun, str) for noun in value["nouns"]):
        return f"its nouns are no texts: {str(value['nouns'])[:60]}"
    return ""


def read_references(root: Path) -> list[Reference]:
    """All references of a set.

    Raises:
        ReferError: a line is none; names file and line.
        DatasetError: the file cannot be read.
    """
    found = []
    for number, value in read_lines(root / REFERENCES):
        try:
            found.append(reference_from_json(value))
        except ReferError as err:
            raise ReferError(f"{root / REFERENCES}, line {number}: {err}") from err
    return found


def write_lines(path: Path, values: list[dict[str, Any]]) -> None:
    """Write a .jsonl file, whole or not at all.

    Raises:
        DatasetError: it cannot be written.
    """
    text = "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values)
    if path.parent.exists() and not path.parent.is_dir():
        raise DatasetError(f"{path.parent}: is no folder; name another one")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
