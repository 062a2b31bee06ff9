"""From instances to one label map, on a 4x6 picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.prompts import Prompts, label_map, parts_in_craft
from afss_ros.teacher.values import Labelled


def mask(*rows: str) -> NDArray[np.bool_]:
    return np.array([[c == "#" for c in row] for row in rows])


def instance(name: str, shape: NDArray[np.bool_], detector: float = 0.9, segmenter: float = 1.0) -> Labelled:
    return Labelled(name, box_of(shape), shape, {"detector_score": detector, "mask_score": segmenter})


CRAFT = instance("spacecraft", mask("......", ".####.", ".####.", "......"))
PANEL = instance("panel", mask("......", ".##...", ".##...", "......"), 0.5)
ANTENNA = instance("antenna", mask("......", "..##..", "......", "......"), 0.8)


def test_body_is_craft_minus_the_parts_and_the_stronger_part_wins() -> None:
    assert label_map([CRAFT, PANEL, ANTENNA], (4, 6)).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 2, 3, 3, 1, 0],
        [0, 2, 2, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_of_equally_strong_parts_the_smaller_wins() -> None:
    small = instance("antenna", ANTENNA.mask, 0.5)
    for order in ([CRAFT, small, PANEL], [CRAFT, PANEL, small]):
        assert label_map(order, (4, 6))[1].tolist() == [0, 2, 3, 3, 1, 0]


def test_a_part_is_cut_to_its_craft_and_dropped_outside() -> None:
    sticking_out = instance("panel", mask("......", "###...", "......", "......"))
    elsewhere = instance("antenna", mask("......", "......", "......", "####.."))
    kept = parts_in_craft([CRAFT, sticking_out, elsewhere])
    assert [k.class_name for k in kept] == ["spacecraft", "panel"]
    assert kept[1].mask.tolist() == mask("......", ".##...", "......", "......").tolist()
    assert kept[1].box_xyxy.tolist() == [1, 1, 3, 2]
    assert parts_in_craft([sticking_out]) == []


def test_what_the_filter_refused_is_unlabelled_not_background() -> None:
    other = instance("spacecraft", mask("#.....", "#.....", "......", "......"))
    result = label_map([CRAFT, ANTENNA], (4, 6), refused=[other, PANEL])
    assert result.tolist() == [
        [255, 0, 0, 0, 0, 0],
        [255, 255, 3, 3, 1, 0],
        [0, 255, 255, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_phrases_are_read_as_people_write_them() -> None:
    prompts = Prompts.parse({"spacecraft": "Spacecraft. satellite.", "panel": ["solar panel"]})
    assert prompts.as_dict() == {"spacecraft": ["spacecraft", "satellite"], "panel": ["solar panel"]}
    assert prompts.classes == ("spacecraft", "panel") and prompts.parts == ("panel",)
    assert prompts.class_of("solar") == "panel"
    assert prompts.class_of("satellite.") == "spacecraft"
    assert prompts.class_of("cow") is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"spacecraft": ["a"], "wing": ["wing"]}, "unknown class 'wing'"),
        ({"panel": ["solar panel"]}, "'spacecraft' has no phrase"),
        ({"spacecraft": " . "}, "'spacecraft' has no phrase"),
    ],
)
def test_prompts_that_cannot_work_are_refused(given: dict[str, list[str]], message: str) -> None:
    with pytest.raises(TeacherError, match=message):
        Prompts.parse(given)


def test_where_views_are_divided_a_kept_craft_is_unlabelled_on_both_sides_of_its_edge() -> None:
    divided = replace(CRAFT, undecided=mask("......", "....##", "......", "......"))
    assert label_map([divided], (4, 6))[1].tolist() == [0, 1, 1, 1, 255, 255]
