"""Sets in which not every part was looked for, on their way into training; and what a survey says of a set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros import datasets
from afss_ros.datasets import DatasetError, DatasetWriter, Instance
from afss_ros.datasets.convert import convert
from afss_ros.distill.data.batches import read_sets, validation_example
from afss_ros.distill.data.classes import ANY_PART, PARTS, REST
from afss_ros.distill.data.crops import read_labels
from afss_ros.distill.data.survey import require_craft, survey
from afss_ros.distill.errors import DistillError
from afss_ros.distill.selection import settings
from afss_ros.distill.selection.command import select

LABELS = np.zeros((64, 64), np.uint8)
LABELS[20:40, 20:40] = 1
LABELS[20:40, 40:50] = 2
IMAGE = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


def _set(root: Path, labels: np.ndarray | None = LABELS, **changes: Any) -> Path:
    options = {k: changes.pop(k) for k in ("class_names", "provenance") if k in changes}
    with DatasetWriter(root, **options) as writer:
        writer.add("a", IMAGE, labels, **changes)
    return root


def _ids(root: Path, parts: Sequence[str] = PARTS) -> tuple[set[int], list[bool]]:
    (sample,) = read_sets([root], None, parts)
    example = validation_example(sample, 64, parts)
    return set(np.unique(read_labels(sample, parts)).tolist()), example["rest"].tolist()


@pytest.mark.parametrize(
    ("parts", "ids", "rest"),
    [
        (None, {0, 1, 2}, [False, True, False, False]),
        (["panel", "antenna"], {0, 1, 2}, [False, True, False, False]),
        (["panel"], {0, REST, 2}, [False, True, False, True]),
        ([], {0, REST, 2}, [False, True, True, True]),
    ],
)
def test_body_may_be_any_part_that_was_not_looked_for(
    tmp_path: Path, parts: list[str] | None, ids: set[int], rest: list[bool]
) -> None:
    assert _ids(_set(tmp_path, parts=parts)) == (ids, rest)


def test_what_yesterday_s_sets_were_asked_for_is_in_their_provenance(tmp_path: Path) -> None:
    asked = {"made_by": "afss label", "parts_asked_for": []}
    assert _ids(_set(tmp_path / "labelled", provenance=asked))[0] == {0, REST, 2}
    sets = {"sets": [{"name": "flight", "provenance": asked}, {"name": "rendered", "provenance": {}}]}
    for source, body in (("flight", REST), ("rendered", 1)):
        root = _set(tmp_path / source, provenance=sets, attributes={"from": source})
        assert _ids(root)[0] == {0, body, 2}


def test_a_set_whose_only_class_is_body_calls_the_whole_craft_so(tmp_path: Path) -> None:
    root = _set(tmp_path, (LABELS > 0).astype(np.uint8), class_names={0: "background", 1: "body"})
    assert _ids(root) == ({0, REST}, [False, True, True, True])


def test_spacecraft_in_a_label_map_is_any_part(tmp_path: Path) -> None:
    assert _ids(_set(tmp_path, (LABELS > 0) * np.uint8(4)))[0] == {0, ANY_PART}


def test_masks_of_whole_craft_teach_craft_against_background(tmp_path: Path) -> None:
    craft = Instance.from_mask("spacecraft", LABELS > 0)
    assert _ids(_set(tmp_path / "masks", None, instances=[craft]))[0] == {0, ANY_PART}
    assert _ids(_set(tmp_path / "none", None, instances=[]))[0] == {0}
    unknown: dict[str, dict[str, Any]] = {
        "not all": {"instances": [craft], "complete": False},
        "a box": {"instances": [Instance("spacecraft", craft.box_xyxy)]},
        "a part": {"instances": [Instance.from_mask("panel", LABELS == 2)]},
        "nobody looked": {},
    }
    for name, changes in unknown.items():
        assert _ids(_set(tmp_path / name.replace(" ", "_"), None, **changes))[0] == {255}, name


@pytest.mark.parametrize("stray", [7, 5, 254])
def test_a_label_id_that_is_no_class_is_named_with_its_file(tmp_path: Path, stray: int) -> None:
    labels = LABELS.copy()
    labels[:2, :2] = stray
    (sample,) = read_sets([_set(tmp_path, labels)], None)
    with pytest.raises(DatasetError, match=rf"labels/a\.png: id {stray} \(4 pixels\) is no class"):
        read_labels(sample)


@pytest.mark.parametrize("known", [True, False])
def test_a_picture_that_may_show_more_teaches_no_absence(tmp_path: Path, known: bool) -> None:
    craft = Instance.from_mask("spacecraft", LABELS > 0)
    (sample,) = read_sets([_set(tmp_path, None, instances=[craft], complete=known)], None)
    assert bool(validation_example(sample, 64)["known"]) == known


def test_a_survey_tells_what_is_labelled_and_what_was_looked_for(tmp_path: Path) -> None:
    whole = survey(read_sets([_set(tmp_path / "whole")], None))
    assert (whole.craft, whole.labelled) == (True, True)
    assert (whole.told, whole.seen) == (frozenset(PARTS), frozenset({"body", "panel"}))
    craft_only = survey(read_sets([_set(tmp_path / "craft", (LABELS > 0).astype(np.uint8), parts=[])], None))
    assert (craft_only.labelled, craft_only.told, craft_only.seen) == (True, frozenset(), frozenset())
    boxes = _set(tmp_path / "boxes", None, instances=[Instance("spacecraft", np.array([1, 1, 9, 9], np.float32))])
    only_boxes = survey(read_sets([boxes], None))
    assert (only_boxes.craft, only_boxes.labelled, only_boxes.told) == (True, False, frozenset())


@pytest.mark.parametrize("labels", [None, LABELS * 0, (LABELS > 0) * np.uint8(255)], ids=["no maps", "sky", "all 255"])
def test_a_set_in_which_nothing_is_labelled_is_refused(tmp_path: Path, labels: np.ndarray | None) -> None:
    found = survey(read_sets([_set(tmp_path / "flight", labels)], None))
    with pytest.raises(DistillError, match=r"flight: not one of 1 training images has a labelled craft"):
        require_craft(found, [tmp_path / "flight"])


def test_parts_survive_select_and_convert(tmp_path: Path) -> None:
    craft = Instance.from_mask("spacecraft", LABELS > 0)
    root = _set(tmp_path / "flight", instances=[craft], parts=["panel"], complete=False)
    select([root], tmp_path / "selected", settings.parse({"duplicates": -1}))
    convert(datasets.load(root), tmp_path / "converted", "afss")
    for out in ("selected", "converted"):
        line = json.loads((tmp_path / out / "samples.jsonl").read_text())
        assert (line["parts"], line["complete"]) == (["panel"], False)
