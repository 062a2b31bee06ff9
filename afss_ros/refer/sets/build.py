"""`afss refer build`: sentences for every picture of a set, each proven to mean one thing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afss_ros.datasets import DatasetError
from afss_ros.datasets.files import remove_leftovers, write_atomically
from afss_ros.datasets.pictures import encode_picture, read_rgb
from afss_ros.refer.errors import ReferError
from afss_ros.refer.sets.degrade import FAMILIES, still_true, view
from afss_ros.refer.sets.generate import KINDS, Wishes, generate
from afss_ros.refer.sets.journal import Journal
from afss_ros.refer.sets.references import (
    REFERENCES,
    SCENES,
    Reference,
    reference_to_json,
    scene_to_json,
    write_lines,
)
from afss_ros.refer.sets.sources import Found, Source, Tiles

JOURNAL = "build.journal.jsonl"
"""Of a build that is not done."""
_RULES = 2
"""One higher whenever the same scenes are spoken of otherwise, so that a build is not finished by other rules."""


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

    def add(self, line: Mapping[str, Any]) -> None:
        """Count what was made of one picture."""
        if line["problem"]:
            self.problems.append(line["problem"])
        self.scenes += len(line["scenes"])
        self.things += sum(len(scene["things"]) for scene in line["scenes"])
        self.said += len({(r["scene"], *r["targets"]) for r in line["references"] if len(r["targets"]) == 1})
        self.kinds.update(reference["kind"] for reference in line["references"])
        self.untrue += line["untrue"]


def build(
    source: str,
    out: Path,
    *,
    seed: int = 1,
    kinds: tuple[str, ...] = KINDS,
    per_thing: int = 4,
    split: str | None = None,
    degrade: str | None = None,
    tiles: Tiles | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Built:
    """Write `scenes.jsonl` and `references.jsonl` into `out`; equal seeds write equal files.

    Killed, and run again with the same arguments, it goes on where it stopped, and writes what it would have written.

    Args:
        source: a data set's folder, a COCO .json, or `made:N` for N made scenes.
        kinds: of `generate.KINDS`, what may be said.
        degrade: of `degrade.FAMILIES`, how the pictures are spoilt; what that makes untrue is not said.
        tiles: cut pictures into these.

    Raises:
        DatasetError: the set or the folder cannot be used, or another process builds there.
        ReferError: a kind or a family of views is none.
    """
    if degrade is not None and degrade not in FAMILIES:
        raise ReferError(f"no views are called {degrade!r}; they are {' and '.join(FAMILIES)}")
    if strange := set(kinds) - set(KINDS):
        raise ReferError(f"no kind of expression is called {', '.join(sorted(strange))}; they are {', '.join(KINDS)}")
    pictures = Source(source, split, tiles)
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out}: is no folder; name another one")
    out.mkdir(parents=True, exist_ok=True)
    settings = {
        "rules": _RULES, "source": source if source.startswith("made:") else str(Path(source).resolve()), "seed": seed,
        "kinds": list(kinds), "per_thing": per_thing, "split": split, "degrade": degrade,
        "tiles": None if tiles is None else [tiles.side, tiles.overlap], "pictures": pictures.fingerprint(),
    }  # fmt: skip
    built = Built(problems=list(pictures.problems))
    lines = []
    with Journal(out / JOURNAL, settings) as journal:
        remove_leftovers(out)  # of a build that was killed as it wrote a picture; the journal is locked
        for key, read in pictures.pictures(out):
            if key not in journal.done:
                journal.enter(key, _said_of(read, out, built.scenes, Wishes(per_thing, kinds=kinds), seed, degrade))
            lines.append(journal.done[key])
            built.add(lines[-1])
            advance()
        write_lines(out / SCENES, [scene for line in lines for scene in line["scenes"]])
        write_lines(out / REFERENCES, [reference for line in lines for reference in line["references"]])
        journal.remove()
    return built


def length(source: str, split: str | None = None) -> int:
    """How many pictures a source has."""
    return len(Source(source, split))


def _said_of(
    read: Callable[[], list[Found]], out: Path, before: int, wishes: Wishes, seed: int, degrade: str | None
) -> dict[str, Any]:
    """The journal's line for one picture: scenes and sentences as they are written, and what was left out."""
    line: dict[str, Any] = {"scenes": [], "references": [], "untrue": 0, "problem": ""}
    try:
        found = read()
    except (DatasetError, ReferError) as error:
        return line | {"problem": str(error)}
    for place, each in enumerate(found):
        scene, image, name = each.scene, each.image, ""
        said = generate(scene, random.Random(f"{seed} {each.key}"), wishes.counting(each.counted))
        if degrade is not None:
            (out / "views").mkdir(exist_ok=True)
            name, shown = view(read_rgb(out / image), degrade, f"{seed} {each.key}")
            scene, kept = still_true(said, scene, shown, name)
            line["untrue"] += len(said) - len(kept)
            said = kept
            image = f"views/{before + place:06d}-{name}.png"
            write_atomically(out / image, encode_picture(shown, ".png"))
        line["scenes"].append(scene_to_json(each.key, image, each.split, scene))
        line["references"] += [
            reference_to_json(Reference(each.key, e.text, e.meaning, e.targets, e.kind, view=name)) for e in said
        ]
    return line
