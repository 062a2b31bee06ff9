"""SpaceNet 2's score: the reference's counts, and the rules that tell implementations apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from afss_ros.geo.errors import GeoError
from afss_ros.geo.scores.building_score import Counts, choose_confidence, score_buildings
from afss_ros.geo.spacenet_tables import (
    Building,
    city_of,
    image_key,
    read_buildings,
    read_roads,
    write_buildings,
    write_roads,
)

DATA = Path(__file__).parents[1] / "data"
VEGAS, KHARTOUM = "AOI_2_Vegas", "AOI_5_Khartoum"


@pytest.fixture(scope="module")
def truth() -> dict[str, list[Building]]:
    return read_buildings(DATA / "sn2_sample_truth.csv")


@pytest.fixture(scope="module")
def proposals() -> dict[str, list[Building]]:
    return read_buildings(DATA / "sn2_sample_proposals.csv")


def test_the_reference_s_counts(truth: dict[str, list[Building]], proposals: dict[str, list[Building]]) -> None:
    score = score_buildings(truth, proposals)
    assert score.cities == {VEGAS: Counts(35, 2, 7), KHARTOUM: Counts(52, 55, 75)}
    assert score.cities[VEGAS].f1 == 0.8860759493670887
    assert score.cities[KHARTOUM].f1 == 0.4444444444444444
    assert score.f1 == (0.8860759493670887 + 0.4444444444444444) / 2
    assert score.images == {
        "AOI_2_Vegas_img3457": Counts(28, 2, 6),
        "AOI_2_Vegas_img5979": Counts(7, 0, 1),
        "AOI_5_Khartoum_img130": Counts(22, 13, 32),
        "AOI_5_Khartoum_img1301": Counts(17, 15, 23),
        "AOI_5_Khartoum_img1306": Counts(13, 27, 20),
        "AOI_5_Khartoum_img463": Counts(0, 0, 0),
    }


@pytest.mark.parametrize(
    ("min_iou", "min_area", "vegas", "khartoum"),
    [
        (0.3, 20, (37, 0, 5), (72, 35, 55)),
        (0.7, 20, (26, 11, 16), (24, 83, 103)),
        (0.5, 0, (35, 2, 7), (52, 55, 77)),
    ],
)
def test_other_rules(
    truth: dict[str, list[Building]],
    proposals: dict[str, list[Building]],
    min_iou: float,
    min_area: float,
    vegas: tuple[int, int, int],
    khartoum: tuple[int, int, int],
) -> None:
    score = score_buildings(truth, proposals, min_iou=min_iou, min_area=min_area)
    assert score.cities == {VEGAS: Counts(*vegas), KHARTOUM: Counts(*khartoum)}


def box(*corners: float, sure: float = 1.0) -> Building:
    return Building(shapely.box(*corners), sure)


def counts(truth: list[Building], proposals: list[Building]) -> Counts:
    return score_buildings({"i": truth}, {"i": proposals}).images["i"]


def test_a_tie_at_one_half_is_no_match() -> None:
    assert counts([box(0, 0, 10, 10)], [box(0, 0, 10, 20)]) == Counts(0, 1, 1)
    assert counts([box(0, 0, 10, 10)], [box(0, 0, 10, 19.9)]) == Counts(1, 0, 0)


def test_the_surest_chooses_first_and_has_no_second_choice() -> None:
    wide = box(0, 0, 12, 10)
    # The less sure one fits the same truth better, but comes too late; it takes no other.
    assert counts([wide, box(100, 0, 110, 10)], [box(0, 0, 12, 10, sure=1), box(0, 0, 11, 10, sure=2)]) == Counts(
        1, 1, 1
    )
    # Equally sure ones keep the file's order, and a truth that is taken is gone.
    assert counts([wide], [wide, wide]) == Counts(1, 1, 0)


def test_small_ones_count_on_neither_side() -> None:
    small, enough = box(0, 0, 4, 4.9), box(50, 0, 54, 5)
    assert counts([small, enough], [small, enough]) == Counts(1, 0, 0)
    holed = Building(shapely.box(0, 0, 5, 5).difference(shapely.box(1, 1, 4, 4)))
    assert counts([holed], []) == Counts(0, 0, 0)


def test_images_of_both_sides_are_scored() -> None:
    score = score_buildings({"a": [box(0, 0, 9, 9)], "b": []}, {"b": [], "c": [box(0, 0, 9, 9)]})
    assert score.images == {"a": Counts(0, 0, 1), "b": Counts(0, 0, 0), "c": Counts(0, 1, 0)}
    assert (score.missing, score.unknown, score.f1) == (["a"], ["c"], 0.0)
    with pytest.raises(GeoError, match="nothing to score"):
        score_buildings({}, {})


def test_a_city_without_any_building_has_no_say() -> None:
    score = score_buildings(
        {"AOI_2_Vegas_img1": [box(0, 0, 9, 9)], "AOI_3_Paris_img1": []},
        {"AOI_2_Vegas_img1": [box(0, 0, 9, 9)], "AOI_3_Paris_img1": []},
    )
    assert score.f1 == 1.0


def test_confidence_is_chosen_where_it_scores_best() -> None:
    truth = {"a": [box(20 * i, 0, 20 * i + 9, 9) for i in range(4)]}
    right = [Building(b.shape, 0.6 + 0.1 * i) for i, b in enumerate(truth["a"])]
    wrong = [box(200 + 20 * i, 0, 209 + 20 * i, 9, sure=0.1 * i) for i in range(6)]
    chosen = choose_confidence(truth, {"a": right + wrong})
    assert 0.5 < chosen <= 0.6
    assert score_buildings(truth, {"a": right + wrong}, confidence=chosen).f1 == 1.0
    assert choose_confidence(truth, {"a": right}) == -np.inf


def test_a_table_goes_out_and_comes_in(tmp_path: Path, proposals: dict[str, list[Building]]) -> None:
    ours = {**proposals, "AOI_2_Vegas_img10": [], "AOI_2_Vegas_img9": [box(0, 0, 9, 9, sure=0.25)]}
    write_buildings(tmp_path / "a.csv", ours)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[1].startswith("AOI_2_Vegas_img9,0,") and lines[2] == "AOI_2_Vegas_img10,-1,POLYGON EMPTY,1"
    back = read_buildings(tmp_path / "a.csv")
    assert set(back) == set(ours) and back["AOI_2_Vegas_img9"][0].confidence == 0.25
    score = score_buildings(ours, back)
    assert score.pooled.fp == score.pooled.fn == 0


def test_roads_go_out_and_come_in(tmp_path: Path) -> None:
    lines = {"i2": [shapely.LineString([(0, 0), (3.25, 4)])], "i10": []}
    write_roads(tmp_path / "a.csv", lines)
    assert (tmp_path / "a.csv").read_text().splitlines()[2] == "i10,LINESTRING EMPTY"
    assert read_roads(tmp_path / "a.csv") == lines


def test_names() -> None:
    assert image_key("PAN_AOI_2_Vegas_img1") == "AOI_2_Vegas_img1"
    assert (city_of("AOI_5_Khartoum_img3"), city_of("kampala")) == ("AOI_5_Khartoum", "")


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n", "ImageId,BuildingId,PolygonWKT_Pix,Confidence\ni,0,\"POLYGON ((0 0,9 0,9 9,0 0))\",high\n",
     "ImageId,PolygonWKT_Pix\ni,\"POLYGON ((0 0,9\"\n"],
)  # fmt: skip
def test_a_bad_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(GeoError, match=r"bad\.csv"):
        read_buildings(tmp_path / "bad.csv")
