"""What the judge says of expressions: on the ground alone, for it reads sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.datasets.pictures import encode_picture
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets import check
from afss_ros.refer.sets.generate import Expression
from afss_ros.refer.sets.references import Reference, reference_to_json, scene_to_json, write_lines


def verdicts(scene: Scene, picture: np.ndarray[Any, Any], said: list[Expression], folder: Path) -> list[str]:
    """What the judge says of expressions of a scene, which it reads from files."""
    folder.mkdir(exist_ok=True)
    (folder / "picture.png").write_bytes(encode_picture(picture, ".png"))
    write_lines(folder / "scenes.jsonl", [scene_to_json("a", "picture.png", "", scene)])
    references = [Reference("a", e.text, e.meaning, e.targets, e.kind) for e in said]
    write_lines(folder / "references.jsonl", [reference_to_json(r) for r in references])
    found = check.check(folder)
    doubtful = {judgement.line: judgement.verdict for judgement in found.doubtful}
    return [doubtful.get(line, check.CERTAIN) for line in range(1, len(said) + 1)]
