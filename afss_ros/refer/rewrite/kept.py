"""What a person accepted on the review page, back into the set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from afss_ros.datasets.files import read_text
from afss_ros.refer.errors import ReferError
from afss_ros.refer.sets.references import REFERENCES, Reference, read_references, reference_to_json, write_lines

HUMAN = "human"


def keep(root: Path, kept: Path) -> int:
    """Add what was ticked: with the meaning and the targets of the originals; returns how many are new.

    Raises:
        ReferError: the file is none of the page's, or speaks of a sentence that the set has not.
        DatasetError: a file cannot be read or written.
    """
    try:
        ticked = [(entry["scene"], entry["original"], entry["text"]) for entry in json.loads(read_text(kept))]
    except (ValueError, KeyError, TypeError) as err:
        raise ReferError(f"{kept}: is no file of the review page ({err}); save one there") from err
    references = read_references(root)
    originals = {(r.scene, r.text): r for r in references if r.source != HUMAN}
    there = {(r.scene, r.text) for r in references}
    new: dict[tuple[str, str], Reference] = {}
    for scene, original, text in ticked:
        if (scene, original) not in originals:
            raise ReferError(f"{kept}: {original!r} of {scene!r} is no sentence of {root}")
        if not isinstance(text, str) or (scene, text) not in there:
            new[scene, str(text)] = replace(originals[scene, original], text=str(text), source=HUMAN)
    of_scene: dict[str, list[Reference]] = {}
    for reference in [*references, *new.values()]:
        of_scene.setdefault(reference.scene, []).append(reference)
    write_lines(root / REFERENCES, [reference_to_json(r) for group in of_scene.values() for r in group])
    return len(new)
