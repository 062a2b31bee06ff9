"""What the node says about itself in which situation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Header

from afss_ros.nodes.perception.diagnostics import Condition, assess, diagnostic_array, doubt_message
from afss_ros.nodes.perception.judging import Judgement
from afss_ros.nodes.perception.statistics import Percentiles, Snapshot
from afss_ros.nodes.progress import InWork

BEFORE = Snapshot(
    received=10,
    processed=10,
    overwritten=0,
    bad=0,
    bad_reasons=(),
    fps=5.0,
    latency={"total": Percentiles(12.0, 15.5)},
    image_age_ms=20.0,
    silence_s=0.1,
)
ACTIVE = Condition(state="active", topic="/image")
ALL_GOOD = replace(BEFORE, received=15, processed=15)
ALL_BAD = replace(BEFORE, received=12, bad=2, bad_reasons=("no step", "no data"))
SOME_BAD = replace(BEFORE, received=15, processed=14, bad=1, bad_reasons=("no data",))
SILENT = replace(BEFORE, silence_s=3.2)


@pytest.mark.parametrize(
    ("condition", "now", "level", "message"),
    [
        (ACTIVE, ALL_GOOD, DiagnosticStatus.OK, "perceiving at 5.0 fps"),
        (ACTIVE, SOME_BAD, DiagnosticStatus.WARN, "1 bad frame: no data"),
        (ACTIVE, ALL_BAD, DiagnosticStatus.ERROR, "no usable frame, 2 bad: no data"),
        (ACTIVE, SILENT, DiagnosticStatus.STALE, "no image on /image for 3.2 s"),
        (replace(ACTIVE, stale_after_s=5.0), SILENT, DiagnosticStatus.OK, "perceiving at 5.0 fps"),
        (replace(ACTIVE, camera_conflict="640x480"), ALL_GOOD, DiagnosticStatus.WARN, "640x480"),
        (
            replace(ACTIVE, in_work=InWork("inference", 2.5), work_limit_s=2.0),
            replace(ALL_GOOD, processed=10, overwritten=4),
            DiagnosticStatus.ERROR,
            "stalled: a frame in inference for 2.5 s (2.0 s allowed)",
        ),
        (
            replace(ACTIVE, in_work=InWork("inference", 1.5), work_limit_s=2.0),
            ALL_GOOD,
            DiagnosticStatus.OK,
            "perceiving at 5.0 fps",
        ),
        (
            Condition(state="configuring", in_work=InWork("loading", 1.0)),
            SILENT,
            DiagnosticStatus.OK,
            "configuring: in loading for 1.0 s",
        ),
        (
            ACTIVE,
            replace(ALL_GOOD, image_age_ms=-3_600_000.0),
            DiagnosticStatus.WARN,
            "images are stamped 3600.0 s after this node's time: the clocks disagree",
        ),
        (
            ACTIVE,
            replace(ALL_GOOD, image_age_ms=5_020.0),
            DiagnosticStatus.WARN,
            "images are +5.0 s older than at the last report: a clock jumped, or they were held up",
        ),
        (ACTIVE, replace(ALL_GOOD, image_age_ms=900.0), DiagnosticStatus.OK, "perceiving at 5.0 fps"),
        (
            ACTIVE,
            replace(ALL_GOOD, image_age_ms=5_020.0, listening_since=7.0),  # activated anew, perhaps for another camera
            DiagnosticStatus.OK,
            "perceiving at 5.0 fps",
        ),
        (replace(ACTIVE, enabled=False), SILENT, DiagnosticStatus.OK, "disabled through ~/enable"),
        (Condition(state="inactive"), SILENT, DiagnosticStatus.OK, "inactive"),
        (Condition(state="unconfigured", failure="no model"), SILENT, DiagnosticStatus.ERROR, "no model"),
    ],
)
def test_level_and_message(condition: Condition, now: Snapshot, level: bytes, message: str) -> None:
    assert assess(condition, now, BEFORE) == (level, message)


def test_trouble_that_was_reported_is_not_reported_again() -> None:
    assert assess(ACTIVE, replace(SOME_BAD, processed=20), SOME_BAD)[0] == DiagnosticStatus.OK


def test_the_array_says_where_every_frame_went() -> None:
    condition = replace(ACTIVE, model=(("provider", "cpu"), ("model.sha256", "abc")))
    message = diagnostic_array(
        "perception_node: perception", *assess(condition, SOME_BAD, BEFORE), condition, SOME_BAD, Time(sec=7)
    )
    assert message.header.stamp.sec == 7
    (status,) = message.status
    assert status.name == "perception_node: perception"
    assert {v.key: v.value for v in status.values} == {
        "state": "active",
        "enabled": "true",
        "power.mode": "nominal",
        "provider": "cpu",
        "model.sha256": "abc",
        "input.topic": "/image",
        "input.publishers": "0",
        "frames.received": "15",
        "frames.processed": "14",
        "frames.overwritten": "0",
        "frames.bad": "1",
        "fps": "5.00",
        "image_age_ms": "20.00",
        "latency_ms.total.p50": "12.000",
        "latency_ms.total.p95": "15.500",
        "bad.reason.1": "no data",
    }


def test_an_unknown_age_is_called_so() -> None:
    now = replace(ALL_GOOD, image_age_ms=None)
    values = diagnostic_array("n", *assess(ACTIVE, now, BEFORE), ACTIVE, now, Time()).status[0].values
    assert {v.key: v.value for v in values}["image_age_ms"] == "unknown"


@pytest.mark.parametrize(("presence", "told"), [(None, {}), (0.0, {"craft": "0.000"}), (0.98765, {"craft": "0.988"})])
def test_a_doubt_is_told_reason_by_reason_and_how_likely_there_is_a_craft(
    presence: float | None, told: dict[str, str]
) -> None:
    header = Header(frame_id="camera", stamp=Time(sec=3))
    message = doubt_message(Judgement({"threshold": 0.25, "presence": 0.75}, usable=False), "/eye", header, presence)
    (status,) = message.status
    assert (message.header, status.level, status.message) == (header, DiagnosticStatus.WARN, "presence")
    values = {value.key: value.value for value in status.values}
    assert values == {"doubt": "0.750", "threshold": "0.250", "presence": "0.750", **told}
