"""What meanings fit: yes, no, or unsure near a border; the same in the mirror."""

from __future__ import annotations

import numpy as np
import pytest
from refer_scenes import HEIGHT, ONE_CRAFT, WIDTH, label_map, two_craft

from afss_ros import labels
from afss_ros.refer import ReferError, parse
from afss_ros.refer.denote import denote
from afss_ros.refer.meaning import Meaning, mirrored
from afss_ros.refer.scene import Scene
from afss_ros.refer.things import from_labels, from_masks


def meaning(text: str) -> Meaning:
    (one,) = parse(text).parts
    return one


def fitting(text: str, scene: Scene) -> list[tuple[str, int]]:
    """Noun and left edge of what clearly fits, if that is certain."""
    found = denote(meaning(text), scene)
    assert found.is_certain, (text, found)
    return [(t.noun, t.corner[0]) for t in scene.things if t.id in found.targets]


LEFT, RIGHT = ("panel", 60), ("panel", 181)
ANSWERS = {
    "the left panel": [LEFT],
    "the rightmost panel": [RIGHT],
    "all panels": [LEFT, RIGHT],
    "both panels": [LEFT, RIGHT],
    "the largest panel": [LEFT],
    "the small panel": [RIGHT],
    "the antenna on top of the spacecraft": [("antenna", 152)],
    "the panel to the left of the antenna": [LEFT],
    "the panel left of the body": [LEFT],
    "the antenna above the body": [("antenna", 152)],
    "the second panel from the left": [RIGHT],
    "the panel on the right side of the craft": [RIGHT],
    "the spacecraft": [("spacecraft", 60)],
    "the body of the spacecraft": [("body", 140)],
    "the fully visible antenna": [("antenna", 152)],
}


@pytest.mark.parametrize(("text", "expected"), ANSWERS.items())
def test_one_craft(text: str, expected: list[tuple[str, int]]) -> None:
    scene = from_labels(label_map(*ONE_CRAFT), specks=True)
    assert fitting(text, scene) == expected


def test_the_parts_of_two_craft_are_told_apart() -> None:
    scene = from_labels(two_craft(), specks=True)
    assert fitting("the antenna of the left craft", scene) == [("antenna", 46)]
    assert fitting("the largest spacecraft's antenna", scene) == [("antenna", 215)]
    assert fitting("the antenna on the bottom side of the right satellite", scene) == [("antenna", 215)]
    assert fitting("the panel of the smallest satellite", scene) == [("panel", 20)]
    assert not denote(meaning("the antenna"), scene).is_certain
    assert denote(meaning("the antenna on the bottom side of the left satellite"), scene).is_none


@pytest.mark.parametrize("text", list(ANSWERS))
def test_the_mirror_exchanges_left_and_right(text: str) -> None:
    drawn = label_map(*ONE_CRAFT)
    before = denote(meaning(text), from_labels(drawn, specks=True))
    scene = from_labels(np.ascontiguousarray(drawn[:, ::-1]), specks=True)
    after = denote(mirrored(meaning(text)), scene)
    assert after.is_certain
    assert len(after.targets) == len(before.targets)


def test_near_a_border_nothing_is_clear() -> None:
    middle = WIDTH // 2
    for offset, clear in ((-60, True), (-10, False), (0, False), (10, False)):
        x = middle + offset
        scene = from_labels(label_map((labels.PANEL, (x - 8, 100, x + 8, 116))), specks=True)
        found = denote(meaning("the panel on the left of the picture"), scene)
        assert (found.is_certain, found.is_unsure) == (clear, not clear)


def test_a_lead_of_a_pixel_is_none() -> None:
    def panels(second: int) -> Scene:
        return from_labels(label_map((labels.PANEL, (50, 20, 70, 40)), (labels.PANEL, (second, 150, second + 20, 170))))

    for second in (50, 51, 58):
        assert denote(meaning("the leftmost panel"), panels(second)).is_unsure
    assert denote(meaning("the leftmost panel"), panels(80)).is_certain


def test_of_three_the_left_one_is_clear_only_where_none_is_on_that_side_too() -> None:
    def panels(*places: int) -> Scene:
        return from_labels(label_map(*((labels.PANEL, (x, 100, x + 16, 116)) for x in places)))

    assert denote(meaning("the left panel"), panels(40, 200, 260)).is_certain
    assert denote(meaning("the left panel"), panels(40, 90, 260)).is_unsure
    assert denote(meaning("the leftmost panel"), panels(40, 90, 260)).is_certain


def test_the_only_panel_is_the_left_one_only_on_the_left() -> None:
    def panel(x: int) -> Scene:
        return from_labels(label_map((labels.PANEL, (x, 100, x + 16, 116))))

    assert denote(meaning("the left panel"), panel(40)).is_certain
    assert denote(meaning("the left panel"), panel(260)).is_none


def test_colour_and_light_need_the_picture() -> None:
    drawn = label_map(*ONE_CRAFT)
    image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    image[112:128, 60:139] = (30, 40, 200)
    image[112:128, 181:230] = (200, 30, 30)
    blind = from_labels(drawn, specks=True)
    assert denote(meaning("the blue panel"), blind).is_unsure
    scene = from_labels(drawn, image=image, specks=True)
    assert fitting("the blue panel", scene) == [LEFT]
    assert fitting("the panel that is not blue", scene) == [RIGHT]
    assert fitting("the body in shadow", scene) == [("body", 140)]
    assert denote(meaning("the green panel"), scene).is_none


def test_a_craft_frame_gives_port_and_starboard() -> None:
    scene = from_labels(label_map(*ONE_CRAFT), specks=True)
    assert denote(meaning("the port panel"), scene).is_unsure
    framed = Scene(scene.size, scene.things, scene.nouns, {"port": (1.0, 0.0), "starboard": (-1.0, 0.0)})
    assert fitting("the port panel", framed) == [RIGHT]
    assert fitting("the starboard panel", framed) == [LEFT]
    edge_on = Scene(scene.size, scene.things, scene.nouns, {"port": (0.1, 0.0)})
    assert denote(meaning("the port panel"), edge_on).is_unsure


def test_what_the_frame_cuts_may_be_said_so() -> None:
    scene = from_labels(label_map((labels.PANEL, (0, 10, 30, 30)), (labels.PANEL, (100, 100, 130, 120))))
    assert fitting("the panel cut off by the frame", scene) == [("panel", 0)]
    assert fitting("the whole panel", scene) == [("panel", 100)]


def test_a_boom_across_a_panel_does_not_make_it_two() -> None:
    scene = from_labels(label_map((labels.PANEL, (60, 100, 140, 120)), (labels.BODY, (99, 90, 101, 130))))
    assert [t.noun for t in scene.things].count("panel") == 1


def test_masks_with_names_make_a_scene_and_parts_know_their_craft() -> None:
    craft = np.zeros((50, 60), bool)
    craft[10:30, 10:30] = True
    part = np.zeros_like(craft)
    part[12:20, 12:20] = True
    scene = from_masks([("spacecraft", craft), ("panel", part), ("panel", np.zeros_like(craft))], ["antenna"])
    assert [(t.noun, t.parent) for t in scene.things] == [("spacecraft", None), ("panel", 1)]
    assert scene.nouns == {"spacecraft", "panel", "antenna"}
    with pytest.raises(ReferError, match="must all have one"):
        from_masks([("panel", craft), ("panel", np.zeros((3, 3), bool))], [])


def test_panels_of_both_craft_belong_to_either() -> None:
    scene = from_labels(two_craft())
    assert fitting("all antennas of both craft", scene) == fitting("all antennas", scene)
    assert fitting("the satellites' antennas", scene) == fitting("all antennas", scene)


def test_nearest_is_by_the_gap_between_masks() -> None:
    # The long panel's middle is farther from the body than the short one's, its edge is nearer.
    scene = from_labels(
        label_map(
            (labels.BODY, (150, 100, 170, 120)),
            (labels.PANEL, (30, 100, 140, 120)),
            (labels.PANEL, (210, 100, 230, 120)),
        )
    )
    assert fitting("the panel nearest to the body", scene) == [("panel", 30)]
    assert fitting("the panel farthest from the body", scene) == [("panel", 210)]
