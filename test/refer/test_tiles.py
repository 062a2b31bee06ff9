"""Large pictures in tiles: nothing is lost at borders, and of what an edge has cut no more is said than is known."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from refer_verdicts import verdicts

from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.refer import ReferError
from afss_ros.refer.denote import denote
from afss_ros.refer.meaning import (
    Beside,
    Closest,
    Colour,
    Cut,
    Extreme,
    Meaning,
    Not,
    PartOf,
    Place,
    Side,
    Test,
    Toward,
)  # fmt: skip
from afss_ros.refer.predicates import Verdict
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets import check
from afss_ros.refer.sets.generate import Wishes, generate
from afss_ros.refer.sets.references import read_references
from afss_ros.refer.sets.tiles import corners, tile
from afss_ros.refer.things import from_masks

SIZE = (300, 500)


def boxes(*placed: tuple[str, int, int, int, int]) -> tuple[Scene, np.ndarray]:
    """Ships and tanks as boxes x0, y0, x1, y1 on a grey sea; ships are red, tanks white."""
    image = np.full((*SIZE, 3), 110, np.uint8)
    named = []
    for noun, x0, y0, x1, y1 in placed:
        mask = np.zeros(SIZE, bool)
        mask[y0:y1, x0:x1] = True
        image[mask] = (200, 30, 30) if noun == "ship" else (240, 240, 240)
        named.append((noun, mask))
    return from_masks(named, ["ship", "tank"], image), image


def cut(scene: Scene, image: np.ndarray, x: int, y: int, side: int = 200) -> Scene:
    found = tile(scene, image, (x, y), side)
    assert found is not None
    return found[0]


def verdict(test: Test, number: int, scene: Scene, noun: str = "ship", count: str | int = "one") -> Verdict:
    return denote(Meaning(noun, count, (test,)), scene).verdicts[number]


def test_tiles_cover_a_picture_to_its_last_pixel_and_none_leaves_it() -> None:
    for size, side, overlap in (
        ((300, 500), 200, 0.2),
        ((200, 200), 200, 0.0),
        ((201, 64), 64, 0.5),
        ((40, 50), 64, 0),
    ):
        covered = np.zeros(size, int)
        for x, y in corners(size, side, overlap):
            assert x >= 0 and y >= 0 and (x + side <= size[1] or x == 0) and (y + side <= size[0] or y == 0)
            covered[y : y + side, x : x + side] += 1
        assert covered.min() >= 1
    assert list(corners((40, 50), 64, 0)) == [(0, 0)]
    for side, overlap in ((16, 0.0), (64, 1.0), (64, -0.1)):
        with pytest.raises(ReferError, match="tiles measure 32"):
            list(corners((100, 100), side, overlap))


def test_what_an_edge_cuts_keeps_its_share() -> None:
    scene, image = boxes(("ship", 180, 20, 240, 40), ("tank", 20, 20, 40, 40), ("ship", 400, 250, 420, 260))
    first = cut(scene, image, 0, 0)
    assert {t.id: (round(t.seen, 3), t.cut) for t in first.things} == {1: (0.333, True), 2: (1.0, False)}
    second = cut(scene, image, 100, 0)
    assert [(t.id, t.seen) for t in second.things] == [(1, 1.0)] and second.things[0].corner == (80, 20)
    again = cut(first, image[:200, :200], 0, 0, 190)
    assert [t.seen for t in again.things if t.id == 1] == [pytest.approx(1 / 6)]
    assert tile(scene, image, (0, 100), 100) is None, "nothing is there"
    assert tile(scene, np.zeros_like(image), (0, 0), 200) is None, "black"


def test_a_thing_that_an_edge_has_cut_may_claim_no_size_no_place_and_no_number() -> None:
    scene, image = boxes(
        ("ship", 20, 30, 80, 50), ("ship", 20, 150, 40, 160), ("ship", 150, 100, 240, 130), ("tank", 100, 60, 120, 80)
    )
    shown = cut(scene, image, 0, 0)
    part = next(t for t in shown.things if t.id == 3)
    assert part.seen == pytest.approx(50 / 90)
    tank = Meaning("tank")
    for test in (
        Place("right"), Not(Place("left")), Toward("right"), Extreme("right"), Extreme("largest"), Extreme("smallest"),
        Extreme("left"), Beside("right", tank), Beside("bottom", tank), Closest(tank), Closest(tank, far=True),
    ):  # fmt: skip
        assert verdict(test, 3, shown) is not Verdict.YES, test
    for test in (Extreme("left"), Extreme("largest"), Closest(tank)):
        assert denote(Meaning("ship", "one", (test,)), shown).is_unsure, f"{test}: who knows about the cut one"
    assert (
        verdict(Beside("left", Meaning("ship", "one", (Colour("red"), Cut(True)))), 4, shown, "tank") is Verdict.UNSURE
    )
    assert denote(Meaning("ship", 3), shown).is_unsure, "a fragment counts for nothing"
    assert not denote(Meaning("ship", "all"), shown).is_unsure
    assert verdict(Place("left"), 1, shown) is Verdict.YES and verdict(Place("left"), 3, shown) is Verdict.NO
    assert verdict(Colour("red"), 3, shown) is Verdict.YES and verdict(Cut(True), 3, shown) is Verdict.YES


def test_a_lone_fragment_is_what_it_is_if_half_of_it_is_there() -> None:
    scene, image = boxes(("ship", 150, 100, 230, 130))
    assert denote(Meaning("ship"), cut(scene, image, 0, 0)).is_certain
    assert not denote(Meaning("ship", "one", (Extreme("largest"),)), cut(scene, image, 0, 0)).targets
    scene, image = boxes(("ship", 180, 100, 230, 130))
    assert denote(Meaning("ship"), cut(scene, image, 0, 0)).is_unsure


def test_parts_of_a_craft_that_is_cut_are_still_its_parts() -> None:
    size = (100, 100)
    craft, panel = np.zeros(size, bool), np.zeros(size, bool)
    craft[20:60, 20:90], panel[20:60, 25:40] = True, True
    image = np.full((*size, 3), 90, np.uint8)
    scene = from_masks([("spacecraft", craft), ("panel", panel)], ["spacecraft", "panel"], image)
    found = tile(scene, image, (0, 0), 64)
    assert found is not None
    owner = Meaning("spacecraft")
    assert verdict(PartOf(owner), 2, found[0], "panel") is Verdict.YES
    assert verdict(Side("left", owner), 2, found[0], "panel") is Verdict.UNSURE, "its middle is not known"


def a_set(root: Path) -> Path:
    rng = random.Random(4)
    placed = []
    for _ in range(9):
        x, y, w, h = rng.randrange(0, 440), rng.randrange(0, 250), rng.randrange(12, 60), rng.randrange(12, 50)
        placed.append((rng.choice(["ship", "tank"]), x, y, x + w, y + h))
    scene, image = boxes(*placed)
    with DatasetWriter(root, class_names={0: "background", 1: "ship", 2: "tank"}) as writer:
        found = [Instance.from_mask(thing.noun, scene.mask(thing)) for thing in scene.things]
        writer.add("large/one", image, None, found, split="train", image_format="png")
    return root


def test_tiles_of_a_set_are_spoken_of_with_certainty(tmp_path: Path) -> None:
    arguments = ["refer", "build", str(a_set(tmp_path / "set")), "--out", str(tmp_path / "out"), "--tile", "200"]
    assert main([*arguments, "--overlap", "0.1"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "out" / "scenes.jsonl").read_text().splitlines()]
    assert len(lines) == 6 and all(line["size"] == [200, 200] for line in lines)
    fragments = sum("seen" in thing for line in lines for thing in line["things"])
    assert fragments >= 4
    found = check.check(tmp_path / "out")
    assert found.counts[check.CERTAIN] > 40 and not found.doubtful, [(j.text, j.why) for j in found.doubtful]
    told = {line["key"]: {thing["id"]: thing for thing in line["things"]} for line in lines}
    about = [r for r in read_references(tmp_path / "out") if any("seen" in told[r.scene][i] for i in r.targets)]
    assert {r.kind for r in about} <= {"class", "colour", "frame", "group"}, "nothing of size, place or number"
    assert main(["refer", "evaluate", "truth", "--data", str(tmp_path / "out")]) == 0


def test_a_builder_that_is_blind_to_edges_is_found_out(tmp_path: Path) -> None:
    scene, image = boxes(("ship", 20, 30, 80, 50), ("ship", 20, 150, 40, 160), ("ship", 150, 100, 240, 130))
    shown = cut(scene, image, 0, 0)
    blind = shown.with_things(*(replace(thing, seen=1.0) for thing in shown.things))
    said = generate(blind, random.Random(1), Wishes(counted=True))
    assert any(3 in e.targets for e in said)
    assert check.AMBIGUOUS in verdicts(shown, image[:200, :200], said, tmp_path / "blind")
    seeing = generate(shown, random.Random(1), Wishes(counted=True))
    assert seeing and set(verdicts(shown, image[:200, :200], seeing, tmp_path / "seeing")) == {check.CERTAIN}
