"""`afss refer build`: sentences for every picture of a set, each proven to mean one thing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afss_ros import datasets
from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.pictures import encode_picture, read_rgb
from afss_ros.refer.errors import ReferError
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets.degrade import FAMILIES, still_true, view
from afss_ros.refer.sets.from_sets import counts, scene_of
from afss_ros.refer.sets.generate import KINDS, Wishes, generate
from afss_ros.refer.sets.made import make
from afss_ros.refer.sets.references import (
    REFERENCES,
    SCENES,
    Reference,
    reference_to_json,
    scene_to_json,
    write_lines,
)

MADE = "made:"
"""`made:500` in place of a folder makes scenes."""


@dataclass
class Built:
    """What came of it.

    Attributes:
        scenes: pictures that were read.
        things: things in them.
        said: things with an expression of their own.
        kinds: expressions, by kind.
        untrue: expressions that a spoilt view made untrue.
        problems: pictures that were left out, and why.
    """

    scenes: int = 0
    things: int = 0
    said: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    untrue: int = 0
    problems: list[str] = field(default_factory=list)


def build(
    source: str,
    out: Path,
    *,
    seed: int = 1,
    kinds: tuple[str, ...] = KINDS,
    per_thing: int = 4,
    split: str | None = None,
    degrade: str | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Built:
    """Write `scenes.jsonl` and `references.jsonl` into `out`; equal seeds write equal files.

    Args:
        source: a data set's folder, a COCO .json, or `made:N` for N made scenes.
        kinds: of `generate.KINDS`, what may be said.
        degrade: of `degrade.FAMILIES`, how the pictures are spoilt; what that makes untrue is not said.

    Raises:
        DatasetError: the set or the folder cannot be used.
        ReferError: a kind or a family of views is none.
    """
    if degrade is not None and degrade not in FAMILIES:
        raise ReferError(f"no views are called {degrade!r}; they are {' and '.join(FAMILIES)}")
    if strange := set(kinds) - set(KINDS):
        raise ReferError(f"no kind of expression is called {', '.join(sorted(strange))}; they are {', '.join(KINDS)}")
    built = Built()
    if degrade is not None:
        (out / "views").mkdir(parents=True, exist_ok=True)
    scenes: list[dict[str, Any]] = []
    references: list[dict[str, Any]] = []
    for key, image, part, scene, counted in _scenes(source, split, out, built):
        rng = random.Random(f"{seed} {key}")
        wishes = Wishes(per_thing=per_thing, counted=counted, kinds=kinds)
        said = generate(scene, rng, wishes)
        name = ""
        if degrade is not None:
            name, shown = view(read_rgb(out / image), degrade, f"{seed} {key}")
            scene, kept = still_true(said, scene, shown, name)
            built.untrue += len(said) - len(kept)
            said = kept
            image = f"views/{built.scenes:06d}-{name}.png"
            write_atomically(out / image, encode_picture(shown, ".png"))
        scenes.append(scene_to_json(key, image, part, scene))
        references += [reference_to_json(Reference(key, e.text, e.meaning, e.targets, e.kind, view=name)) for e in said]
        built.scenes += 1
        built.things += len(scene.things)
        built.said += len({e.targets for e in said if len(e.targets) == 1})
        built.kinds.update(e.kind for e in said)
        advance()
    write_lines(out / SCENES, scenes)
    write_lines(out / REFERENCES, references)
    return built


def length(source: str, split: str | None = None) -> int:
    """How many pictures a source has."""
    return _number(source) if source.startswith(MADE) else len(datasets.load(source, split))


def _number(source: str) -> int:
    text = source.removeprefix(MADE)
    if not text.isdecimal() or int(text) < 1:
        raise ReferError(f"{source}: say how many scenes are to be made, such as {MADE}500")
    return int(text)


def _scenes(source: str, split: str | None, out: Path, built: Built) -> Iterator[tuple[str, str, str, Scene, bool]]:
    if source.startswith(MADE):
        (out / "images").mkdir(parents=True, exist_ok=True)
        for number in range(_number(source)):
            scene, picture = make(number)
            name = f"images/made-{number:06d}.png"
            write_atomically(out / name, encode_picture(picture, ".png"))
            part = "test" if number % 10 >= 8 else "val" if number % 10 >= 6 else "train"
            yield f"made-{number:06d}", name, part, scene, True
        return
    dataset = datasets.load(source, split)
    built.problems += [str(problem) for problem in dataset.problems]
    for sample in dataset:
        try:
            scene = scene_of(sample, dataset)
        except (DatasetError, ReferError) as error:
            built.problems.append(str(error))
            continue
        yield sample.key, str(sample.image.resolve()), sample.split, scene, counts(sample)
