"""The filter of a labelling run may name only scores that the run gives."""

from __future__ import annotations

import pytest

from afss_ros.labelling.keep import parse_keep
from afss_ros.teacher.errors import TeacherError


def test_a_filter_on_a_score_that_the_run_does_not_give_is_refused_with_the_cure() -> None:
    with pytest.raises(TeacherError, match="agreement, which this run does not give; give two views"):
        parse_keep("detector_score > 0.5 and agreement > 0.5", ["detector_score", "mask_score"])
    assert parse_keep("detector_score > 0.5", ["detector_score"])({"detector_score": 0.7})


def test_what_is_no_filter_is_a_fault_of_the_labelling_settings() -> None:
    with pytest.raises(TeacherError, match=r"expected a score .*detector_score.* at 'score >= 0.6'"):
        parse_keep("score >= 0.6")
