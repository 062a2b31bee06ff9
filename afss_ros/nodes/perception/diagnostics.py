"""How the node feels, as a DiagnosticArray. Pure functions; the node supplies state and statistics.

Levels: ERROR, the node cannot do its work (no model, no usable frame, a frame in work that does not end); STALE, no
image arrives; WARN, it works but something is wrong (bad frames, camera_info that contradicts the image, hard frames
that cannot be recorded); OK, it does what it was told to, be it perceiving, inactive, or disabled.
"""

from __future__ import annotations

from dataclasses import dataclass

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from afss_ros.nodes.perception.judging import Judgement
from afss_ros.nodes.perception.statistics import Snapshot
from afss_ros.nodes.progress import InWork

CLOCKS_APART_MS = 1000.0
"""An image cannot be younger than now; and its age does not change by this much while nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the node knows about itself besides its statistics.

    Attributes:
        state: lifecycle state.
        enabled: as `~/enable` left it.
        mode: of power.
        failure: why the last transition failed; empty when it did not.
        topic: where images are expected.
        stale_after_s: silence that is too long.
        warning: what gives reason to doubt the student that flies; empty for nothing.
        camera_conflict: how camera_info contradicts the images; empty when it does not.
        publishers: how many publish the topic of the images, as this node knows.
        input_fault: why images that are published cannot arrive, or look wrong; empty when nothing is known.
        ignored: settings that have no effect, a sentence each.
        model: facts about the loaded student, by key; empty when none is loaded.
        hard_frames: facts about the recording of hard frames, by key; empty when nothing is to be recorded.
        recording_failure: why the newest hard frame could not be recorded; empty when it could.
        judged: facts about how doubtful frames are, by key.
        picture_fault: what is wrong with every picture of late; empty for nothing.
        referred: facts about the query that is answered, by key; empty when none can be.
        query_fault: why the newest query is not answered; empty when it is.
        in_work: the frame in work, or the step of a transition.
        work_limit_s: how long a frame may be in work; None while that is not known.
        more: further facts, by key.
        deadlines_missed: how often the DDS deadline of the detections was.
    """

    state: str
    enabled: bool = True
    mode: str = "nominal"
    failure: str = ""
    topic: str = ""
    stale_after_s: float = 2.0
    warning: str = ""
    camera_conflict: str = ""
    input_fault: str = ""
    publishers: int = 0
    ignored: tuple[str, ...] = ()
    model: tuple[tuple[str, str], ...] = ()
    hard_frames: tuple[tuple[str, str], ...] = ()
    recording_failure: str = ""
    judged: tuple[tuple[str, str], ...] = ()
    picture_fault: str = ""
    referred: tuple[tuple[str, str], ...] = ()
    query_fault: str = ""
    in_work: InWork | None = None
    work_limit_s: float | None = None
    deadlines_missed: int = 0
    more: tuple[tuple[str, str], ...] = ()

    @property
    def stalled(self) -> bool:
        """Whether the frame in work should have ended long ago."""
        return self._late(1)

    @property
    def stalled_for_good(self) -> bool:
        """Whether it is stalled for so long that nothing is to be hoped for."""
        return self._late(2)

    def _late(self, limits: int) -> bool:
        if self.in_work is None or self.work_limit_s is None:
            return False
        return self.in_work.age_s > limits * self.work_limit_s


def assess(condition: Condition, now: Snapshot, before: Snapshot) -> tuple[bytes, str]:
    """Level and message, from what happened between the last report, `before`, and `now`."""
    bad = now.bad - before.bad
    if condition.failure:
        return DiagnosticStatus.ERROR, condition.failure
    if condition.stalled:
        return DiagnosticStatus.ERROR, f"stalled: a frame {condition.in_work} ({condition.work_limit_s:.1f} s allowed)"
    if condition.state != "active":
        busy = f": {condition.in_work}" if condition.in_work is not None else ""
        return DiagnosticStatus.OK, condition.state + busy
    if not condition.enabled:
        return DiagnosticStatus.OK, "disabled through ~/enable"
    if condition.mode == "off":
        return DiagnosticStatus.OK, "off, as power.mode says"
    if bad and now.processed == before.processed:
        return DiagnosticStatus.ERROR, f"no usable frame, {bad} bad: {now.bad_reasons[-1]}"
    if now.silence_s > condition.stale_after_s:
        reason = f": {condition.input_fault}" if condition.input_fault else ""
        return DiagnosticStatus.STALE, f"no image on {condition.topic} for {now.silence_s:.1f} s{reason}"
    if bad:
        return DiagnosticStatus.WARN, f"{bad} bad frame{'s' if bad > 1 else ''}: {now.bad_reasons[-1]}"
    if condition.warning:
        return DiagnosticStatus.WARN, condition.warning
    if condition.input_fault:
        return DiagnosticStatus.WARN, condition.input_fault
    if clocks := _clock_fault(now, before):
        return DiagnosticStatus.WARN, clocks
    if condition.picture_fault:
        return DiagnosticStatus.WARN, condition.picture_fault
    if condition.camera_conflict:
        return DiagnosticStatus.WARN, condition.camera_conflict
    if condition.recording_failure:
        return DiagnosticStatus.WARN, f"hard frames are not recorded: {condition.recording_failure}"
    if condition.query_fault:
        return DiagnosticStatus.WARN, f"query refused: {condition.query_fault}"
    if condition.ignored:
        return DiagnosticStatus.WARN, "; ".join(condition.ignored)
    return DiagnosticStatus.OK, f"perceiving at {now.fps:.1f} fps"


def _clock_fault(now: Snapshot, before: Snapshot) -> str:
    """What the ages of the newest images tell of the clocks of camera and node; empty for nothing."""
    if now.image_age_ms is None:
        return ""
    if now.image_age_ms < -CLOCKS_APART_MS:
        return f"images are stamped {-now.image_age_ms / 1e3:.1f} s after this node's time: the clocks disagree"
    if before.listening_since != now.listening_since:
        return ""  # perhaps another camera since, and no jump
    if before.image_age_ms is not None and abs(now.image_age_ms - before.image_age_ms) > CLOCKS_APART_MS:
        change_s = (now.image_age_ms - before.image_age_ms) / 1e3
        return f"images are {change_s:+.1f} s older than at the last report: a clock jumped, or they were held up"
    return ""


def diagnostic_array(
    name: str, level: bytes, message: str, condition: Condition, now: Snapshot, stamp: Time
) -> DiagnosticArray:
    """The message for /diagnostics: one status, as `assess` found it, everything else as key and value."""
    values = {
        "state": condition.state,
        "enabled": str(condition.enabled).lower(),
        "power.mode": condition.mode,
        **dict(condition.model),
        "input.topic": condition.topic,
        "input.publishers": str(condition.publishers),
        "frames.received": str(now.received),
        "frames.processed": str(now.processed),
        "frames.overwritten": str(now.overwritten),
        "frames.bad": str(now.bad),
        "fps": f"{now.fps:.2f}",
        "image_age_ms": "unknown" if now.image_age_ms is None else f"{now.image_age_ms:.2f}",
    }
    if condition.in_work is not None:
        values |= {"work.stage": condition.in_work.stage, "work.age_s": f"{condition.in_work.age_s:.2f}"}
    if condition.work_limit_s is not None:
        values["work.limit_s"] = f"{condition.work_limit_s:.2f}"
    if condition.deadlines_missed:
        values["detections.deadlines_missed"] = str(condition.deadlines_missed)
    values |= dict(condition.judged)
    values |= dict(condition.hard_frames) | dict(condition.more)
    values |= dict(condition.referred)
    for stage, latency in now.latency.items():
        values[f"latency_ms.{stage}.p50"] = f"{latency.p50:.3f}"
        values[f"latency_ms.{stage}.p95"] = f"{latency.p95:.3f}"
    for number, reason in enumerate(reversed(now.bad_reasons), 1):
        values[f"bad.reason.{number}"] = reason
    status = DiagnosticStatus(
        level=level,
        name=name,
        message=message,
        hardware_id=dict(condition.model).get("provider", ""),
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )
    return DiagnosticArray(header=Header(stamp=stamp), status=[status])


def doubt_message(judged: Judgement, node: str, header: Header, presence: float | None = None) -> DiagnosticArray:
    """The message for `~/doubt`: the strongest reason as message, `doubt` and every reason as value, 0..1 each.

    Where the student says how likely the picture shows any craft at all, that is the value `craft`.

    The same as in the bags of hard frames. A DiagnosticArray, for it has the image's header and names for numbers;
    vision_msgs/Classification would call the reasons classes of the picture.
    """
    status = DiagnosticStatus(
        level=DiagnosticStatus.OK if judged.usable else DiagnosticStatus.WARN,
        name=f"{node}: doubt",
        message=judged.reason,
        values=[
            *(KeyValue(key=name, value=text) for name, text in judged.texts.items()),
            *([] if presence is None else [KeyValue(key="craft", value=f"{presence:.3f}")]),
        ],
    )
    return DiagnosticArray(header=header, status=[status])
