"""A search trains, exports and measures students alike, and draws who is beaten by nobody."""

from collections.abc import Callable
from pathlib import Path

import pytest

from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.search import candidates as search
from afss_ros.distill.search import pareto
from afss_ros.evaluation.metrics.pareto import front


def test_a_front_drops_what_is_dearer_and_no_better() -> None:
    costs, accuracies = [3.0, 1.0, 2.0, 1.0, 4.0], [0.7, 0.5, 0.4, 0.45, 0.7]
    assert front(costs, accuracies) == [1, 0]


def test_the_table_ranks_by_s_final_and_stars_the_front() -> None:
    shared = {"box_ap": 0.5, "whole_iou": 0.9, "mean_part_iou": 0.6}
    results = [
        {
            "student": "dear",
            "s_final": 0.7,
            "s_acc": 0.55,
            "params_m": 3.0,
            "gmacs": 4.0,
            "latency_ms_p50": 40.0,
            **shared,
        },
        {
            "student": "best",
            "s_final": 0.9,
            "s_acc": 0.80,
            "params_m": 2.0,
            "gmacs": 2.0,
            "latency_ms_p50": 20.0,
            **shared,
        },
    ]
    rows = pareto.table(results).splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["best *", "dear"]
    assert "| 0.900 | 0.800 |" in rows[0]


def test_a_search_measures_every_student_that_can_be_built_and_can_be_resumed(
    small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    options = small_recipe(
        budget={"iterations": 2},
        student={"name": "fpn-mobilenetv4", "decoder": {}},
    )
    students = ("fpn-mobilenetv4-050", "linknet-mit-b0", "segformer-mobilenetv4-050")
    results = search.search(options, tmp_path, students, input_size=64, limit=2)
    assert [r["student"] for r in results] == ["fpn-mobilenetv4-050", "segformer-mobilenetv4-050"]
    assert all(r["params_m"] > 0 and r["gmacs"] > 0 and r["latency_ms_p50"] > 0 for r in results)
    assert (tmp_path / "pareto.png").stat().st_size > 1000

    finished: list[str] = []
    again = search.search(options, tmp_path, students[:1], told=lambda r: finished.append(r["student"]))
    assert again == results[:1]
    assert finished == ["fpn-mobilenetv4-050"]


def test_a_search_in_which_nothing_can_be_built_says_so(small_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    with pytest.raises(DistillError, match="not one of fpn-nothing"):
        search.search(small_recipe(), tmp_path, ["fpn-nothing"])
