"""An ablation shares what its rows have in common, and compares each row with the one that it changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_loop import SMALL

from afss_ros.cli import main
from afss_ros.loop import LoopError, ablation

BASE = {**SMALL, "rounds": 1}
ROWS: list[dict[str, Any]] = [
    {"name": "plain", "changes": {"select.duplicates": -1}},
    {"name": "+ robust", "changes": {"train.distillation.robust": 1.0}},
    {"name": "+ weights", "after": "plain", "changes": {"train.distillation.weight_by": "mask_score"}},
]


def write(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump({"loop": BASE, "rows": ROWS, "resamples": 20, **changes}))
    return path


@pytest.fixture(scope="module")
def compared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an ablation that has run once, from the command line, in that of a loop: they share steps."""
    root = tmp_path_factory.mktemp("ablation")
    shutil.copytree(finished, root / "out")
    assert main(["ablate", str(write(root / "ablation.yaml")), "--out", str(root / "out")]) == 0
    return root / "out"


def test_rows_share_all_that_no_change_touches(compared: Path) -> None:
    count = {name: len(list(compared.glob(f"{name}-*"))) for name in ("render", "judge-teacher", "label-1", "select-1")}
    assert count == {"render": 1, "judge-teacher": 1, "label-1": 1, "select-1": 1}
    assert len(list(compared.glob("train-1-*"))) == 3


def test_each_row_is_compared_with_the_one_that_it_changes(compared: Path) -> None:
    rows = {row["name"]: row for row in json.loads((compared / "ablation.json").read_text())}
    assert {name: row["after"] for name, row in rows.items()} == {
        "plain": None, "+ robust": "plain", "+ weights": "plain",
    }  # fmt: skip
    for row in rows.values():
        assert row["over_teacher"]["value"] == pytest.approx(
            row["student"]["value"] - row["teacher"]["value"], abs=2e-4
        )
    worth = rows["+ robust"]["worth"]["value"]
    assert worth == pytest.approx(rows["+ robust"]["student"]["value"] - rows["plain"]["student"]["value"], abs=2e-4)


def test_changes_add_up_along_the_rows_that_follow_each_other() -> None:
    rows = [*ROWS[:2], {"name": "+ soft", "changes": {"rounds": 2, "relabel.soft": 0.5}}, ROWS[2]]
    config = ablation.AblationConfig.model_validate({"loop": BASE, "rows": rows})
    soft, weights = config.loop_of(config.rows[2], 7), config.loop_of(config.rows[3], 7)
    assert soft.train["distillation"] == {"robust": 1.0} and soft.relabel.soft == 0.5 and soft.train["seed"] == 7
    assert weights.train["distillation"] == {"weight_by": "mask_score"} and weights.rounds == 1


def test_another_seed_trains_again_and_labels_nothing_again(compared: Path, tmp_path: Path) -> None:
    document = {"loop": BASE, "rows": ROWS[:1], "seeds": [0, 1], "resamples": 20}
    copied = Path(shutil.copytree(compared, tmp_path / "copied"))  # the other tests count what is in the folder
    (row,) = ablation.run(ablation.AblationConfig.model_validate(document), copied)
    assert len(list(copied.glob("label-1-*"))) == 1 and len(list(copied.glob("train-1-*"))) == 4
    assert row["student"]["interval"] is not None


def test_the_page_and_the_table_tell_every_row(compared: Path) -> None:
    page = (compared / "ablation.html").read_text()
    assert page.count("<svg") == 1 and "<script" not in page and "<link" not in page
    rows: list[dict[str, Any]] = [
        {"name": "a", "after": None, "kind": "segm", "images": 5, "worth": None,
         "teacher": {"value": 0.25, "interval": None}, "student": {"value": 0.5, "interval": [0.4, 0.61]},
         "over_teacher": {"value": 0.25, "interval": [0.1, 0.35]}},
    ]  # fmt: skip
    assert (
        ablation.table(rows).splitlines()[-1] == "| a | 5 | 25.0 | 50.0 (40.0 to 61.0) |  |  | +25.0 (+10.0 to +35.0) |"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [ROWS[1], ROWS[1]]}, "twice"),
        ({"rows": [ROWS[2]]}, "no row before it"),
        ({"rows": [{"name": "x", "changes": {"train.nmae": 1}}]}, "nmae"),
        ({"rows": [{"name": "x", "changes": {"rounds": 0}}]}, "row 'x'"),
        ({"rwos": []}, "rwos"),
    ],
)
def test_a_wrong_ablation_is_refused_before_anything_starts(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        ablation.load(write(tmp_path / "ablation.yaml", **change))


def test_the_shipped_ablation_holds_together() -> None:
    shipped = ablation.load(Path(__file__).parents[2] / "config" / "ablation.yaml")
    assert isinstance(shipped, ablation.AblationConfig)
    with pytest.raises(LoopError, match="rows: Input should be"):
        ablation.load(Path(__file__).parents[2] / "config" / "ablation.yaml", {"rows": "none"})
