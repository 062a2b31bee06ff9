"""Controls are fair: whoever knows the truth passes all of them, and whoever does not listen passes none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import decode
from afss_ros.refer.grammar import answer
from afss_ros.refer.parse import parse
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.controls import Ask, controls
from afss_ros.refer.sets.references import SCENES, read_lines, scene_from_json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "sentences"
    build("made:40", out)
    return out


def scenes(root: Path) -> dict[bytes, tuple[dict[str, object], NDArray[np.uint8]]]:
    """By what a picture holds: the line of its scene, and the picture."""
    lines = [value for _, value in read_lines(root / SCENES)]
    pictures = [read_rgb(root / value["image"]) for value in lines]
    return {picture.tobytes(): (value, picture) for value, picture in zip(lines, pictures, strict=True)}


def truth(root: Path) -> Ask:
    """Somebody who sees the true masks, and hears."""
    known = scenes(root)

    def ask(image: NDArray[np.uint8], text: str) -> NDArray[np.bool_]:
        value, picture = known[image.tobytes()]
        if not text:
            return np.zeros(image.shape[:2], bool)
        return answer(parse(text, value["nouns"]), scene_from_json(value, picture)).mask  # type: ignore[arg-type]

    return ask


def test_who_knows_the_truth_passes_all(made: Path) -> None:
    """Of two ships the two largest are the two smallest: opposite words, and no opposite answers."""
    found = controls(made, truth(made))
    assert found.opposites > 30
    assert (found.disjoint, found.miou, found.blinded) == (1.0, 1.0, 0.0)
    assert found.exchanged is not None and found.exchanged < 0.3


def test_who_hears_the_noun_alone_gives_opposite_words_one_answer(made: Path) -> None:
    known = scenes(made)

    def ask(image: NDArray[np.uint8], text: str) -> NDArray[np.bool_]:
        value, _ = known[image.tobytes()]
        mask = np.zeros(image.shape[:2], bool)
        nouns = {part.noun for part in parse(text, value["nouns"]).parts} if text else set()  # type: ignore[arg-type]
        for thing in value["things"]:  # type: ignore[attr-defined]
            if thing["noun"] in nouns:
                mask |= decode(thing["mask"])
        return mask

    found = controls(made, ask)
    assert found.disjoint == 0.0 and found.miou is not None and found.miou < 0.6
