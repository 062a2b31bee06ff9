"""Sets in which some parts alone are labelled teach these parts, and nothing about the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from afss_ros import datasets
from afss_ros.distill.data import batches, survey
from afss_ros.distill.data.classes import OPEN, PARTS, in_ids_of
from afss_ros.distill.training.validation import settled

LABELS = np.zeros((32, 32), np.uint8)
LABELS[8:20, 4:12] = 2
LABELS[0, 0] = 255


def _sample(root: Path) -> datasets.Sample:
    with datasets.DatasetWriter(root) as writer:
        writer.add("a", np.full((32, 32, 3), 40, np.uint8), LABELS, only=["panel"])
    (sample,) = in_ids_of(PARTS, datasets.load(root))
    return sample


def test_all_but_the_labelled_parts_is_open(tmp_path: Path) -> None:
    example = batches.validation_example(_sample(tmp_path), 32)
    ids = example["labels"].numpy()
    assert np.array_equal(ids == 2, LABELS == 2) and ids[0, 0] == 255
    assert set(np.unique(ids).tolist()) == {2, OPEN, 255}
    assert example["rest"].tolist() == [True, True, False, True]
    assert not bool(example["known"]) and np.isnan(example["boxes"].numpy()).all()


def test_a_survey_finds_that_panels_alone_are_told(tmp_path: Path) -> None:
    found = survey.survey([_sample(tmp_path)])
    assert found.told == {"panel"} and found.seen == {"panel"} and found.craft


def test_validation_holds_nothing_but_panels_against_a_student() -> None:
    truth = np.array([[OPEN, OPEN, OPEN, 2]], np.uint8)
    rest = np.array([True, True, False, True])
    predicted = np.array([[0, 1, 2, 2]], np.uint8)
    told, seen = settled(truth, predicted, rest, PARTS)
    assert told.tolist() == [[0, 0, 0, 2]] and seen.tolist() == [[0, 0, 2, 2]]
