"""Filters name the score they use, and nothing in them is executed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afss_ros.datasets import DatasetError
from afss_ros.datasets.keep import Keep

SCORES = {"detector_score": 0.7, "mask_score": 0.9, "agreement": 0.4}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("detector_score >= 0.7", True),
        ("detector_score > .7", False),
        ("detector_score >= 0.6 and agreement >= 0.5", False),
        ("detector_score >= 0.6 or agreement >= 0.5", True),
        ("agreement < 0.5 and not mask_score < 0.5", True),
        ("agreement >= 0.5 and mask_score > 0 or detector_score == 0.7", True),
        ("agreement >= 0.5 and (mask_score > 0 or detector_score == 0.7)", False),
        ("not not agreement != 1", True),
    ],
)
def test_a_filter_keeps_what_it_says(text: str, kept: bool) -> None:
    assert Keep(text)(SCORES) is kept


def test_an_unknown_score_keeps_nothing_unless_the_rest_decides() -> None:
    assert not Keep("temporal >= 0.5")(SCORES)
    assert not Keep("not temporal >= 0.5")(SCORES)
    assert Keep("temporal >= 0.5 or mask_score > 0.8")(SCORES)
    assert not Keep("temporal >= 0.5 and mask_score > 0.8")(SCORES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("score >= 0.6", "expected a score .*detector_score.* at 'score >= 0.6'"),
        ("detector_score >= ", "expected a number at the end"),
        ("detector_score 0.6", "expected one of >= .* at '0.6'"),
        ("(detector_score > 0.6", r"expected '\)' at the end"),
        ("detector_score > 0.6 agreement > 0.5", "expected 'and', 'or' or the end at 'agreement"),
        ("__import__('os').system('true')", "expected a score"),
        ("detector_score > 0.6; 1", "at '; 1'"),
    ],
)
def test_what_is_no_filter_is_refused_where_it_goes_wrong(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Keep(text, tuple(SCORES))


def test_without_a_list_of_scores_any_may_be_named() -> None:
    assert Keep("blur_px < 4")({"blur_px": 1.5})


@given(st.text(alphabet="detector_score agmn>=<!0.5()andornt", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(DatasetError):
        Keep(text)
