"""Faults that come in over ROS: malformed images, storms of transitions and of parameters, clocks that jump."""

from __future__ import annotations

import array
import math
import time
from pathlib import Path

import numpy as np
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from sensor_msgs.msg import Image

from faults.bench import Bench, Outcome

_ENCODINGS = (
    "",
    "rgb8",
    "bgr8",
    "mono8",
    "mono16",
    "bayer_rggb8",
    "rgba8",
    "32FC1",
    "yuv422",
    "sepia12",
    "rgb8\0",
    "\N{SNOWMAN}",
)
_SIZES = (0, 1, 2, 63, 64, 65, 1024, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
_BREATH_S = 0.0005
"""Between two images, so that most of them are looked at and not overwritten by the next."""
_STORM = ("configure", "activate", "deactivate", "cleanup", "", "shut", "create", "destroy")
_STATES_OF = {
    "configure": {"unconfigured"},
    "activate": {"inactive"},
    "deactivate": {"active"},
    "cleanup": {"inactive"},
}


def malformed_images(bench: Bench, count: int, seed: int = 0) -> Outcome:
    """Images with a field or two that lie, between good ones; none may be answered that cannot be an image."""
    outcome = Outcome(f"{count} malformed images, as fast as they go, a good one after every 50th", 1)
    rng = np.random.default_rng(seed)
    bench.pause()
    before = resident_mib(bench)
    bad = bench.peer.status()[2]["frames.bad"]
    began = time.monotonic()
    for number in range(count):
        bench.send(malformed(bench.good_frame()[0], rng), None)
        time.sleep(_BREATH_S)
        if number % 50 == 49:
            bench.peer.spin_for(0.002)
            bench.send(*bench.good_frame())
            bench.peer.spin_for(0.002)
    found = bench.await_report(lambda _, __, values: int(values["frames.bad"]) > int(bad))
    if found is not None:
        values = bench.peer.status()[2]
        outcome.notice(
            f"{int(values['frames.bad']) - int(bad)} that reached it are bad, the last: {values['bad.reason.1']}",
            time.monotonic() - began,
        )
    survived = bench.await_right_frames()
    grown = resident_mib(bench) - before
    outcome.said += f"; memory grew by {max(grown, 0)} MiB"
    return bench.judge(outcome, survived=survived and grown < 100)


def malformed(message: Image, rng: np.random.Generator) -> Image:
    """The same image with one to three fields that do not belong to it; its stamp stays."""
    for _ in range(int(rng.integers(1, 4))):
        match int(rng.integers(7)):
            case 0:
                message.height = int(rng.choice(_SIZES))
            case 1:
                message.width = int(rng.choice(_SIZES))
            case 2:
                message.step = int(rng.choice(_SIZES))
            case 3:
                message.encoding = str(rng.choice(_ENCODINGS))
            case 4:
                message.data = message.data[: int(rng.integers(len(message.data) + 1))]
            case 5:
                message.data = message.data + array.array("B", bytes(int(rng.integers(1, 5000))))
            case 6:
                message.is_bigendian = int(rng.integers(256))
                message.height, message.width = message.width, message.height
    return message


def lifecycle_storm(bench: Bench, count: int, seed: int = 0) -> Outcome:
    """Transitions at random, most of which the state forbids; each must be done or refused."""
    outcome = Outcome(f"{count} random transitions, among them those that the state forbids", 0)
    rng = np.random.default_rng(seed)
    state = "active"
    for _ in range(count):
        label = str(rng.choice(_STORM))
        allowed = state in _STATES_OF.get(label, set())
        request = ChangeState.Request(transition=Transition(id=0 if label else int(rng.integers(256)), label=label))
        if not label and request.transition.id in _SHUTDOWNS:
            continue
        outcome.injected += 1
        done = bool(bench.peer.call(ChangeState, "/perception_node/change_state", request).success)
        now = bench.peer.state()
        if not label and done:
            allowed = True
        if done == allowed and (done or now == state):
            outcome.notice("refused, or done as asked: the state is what the answers say")
        state = now
    return bench.judge(outcome, survived=bench.peer.reload())


_SHUTDOWNS = {
    Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    Transition.TRANSITION_INACTIVE_SHUTDOWN,
    Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


def parameter_storm(bench: Bench, count: int, seed: int = 0) -> Outcome:
    """Values of every type for every parameter; each is refused with a reason, or is what the node then has."""
    outcome = Outcome(f"{count} random parameter values, most of the wrong type or out of range", count)
    rng = np.random.default_rng(seed)
    before = list(_NAMES)
    kept = bench.peer.call(GetParameters, "/perception_node/get_parameters", GetParameters.Request(names=before)).values
    for _ in range(count):
        name = str(rng.choice([*_NAMES, "", "x", "a" * 300, "model.path.x"]))
        value = _value(rng)
        request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
        result = bench.peer.call(SetParameters, "/perception_node/set_parameters", request).results[0]
        if not result.successful:
            if result.reason:
                outcome.notice(f"refused: {result.reason[:90]}")
            continue
        names = GetParameters.Request(names=[name])
        got = bench.peer.call(GetParameters, "/perception_node/get_parameters", names).values
        if not _same(got[0] if got else ParameterValue(), value):
            outcome.missed.append(f"{name[:40]!r}: {value.type}, then {got}"[:300])
        else:
            outcome.notice("refused with a reason, or set as asked")
    request = SetParameters.Request(
        parameters=[Parameter(name=name, value=value) for name, value in zip(before, kept, strict=True)]
    )
    results = bench.peer.call(SetParameters, "/perception_node/set_parameters", request).results
    return bench.judge(outcome, survived=all(result.successful for result in results) and bench.peer.reload())


_NAMES = (
    "detection.score_threshold", "detection.min_area", "overlay.alpha", "model.path", "model.threads", "model.provider",
    "model.prove_every", "input.reliability", "hard_frames.max_rate", "watchdog.frame_limit", "diagnostics.stale_after",
)  # fmt: skip


def _value(rng: np.random.Generator) -> ParameterValue:
    numbers = [0.0, -1.0, 0.5, 1e300, math.nan, math.inf, -math.inf]
    texts = ["", "cpu", "a\nb", "../" * 50, "x" * 100_000, "\N{SNOWMAN}"]
    match int(rng.integers(1, 10)):
        case 1:
            return ParameterValue(type=1, bool_value=bool(rng.integers(2)))
        case 2:
            return ParameterValue(type=2, integer_value=int(rng.choice([0, -1, 7, 2**31, 2**63 - 1, -(2**63)])))
        case 3:
            return ParameterValue(type=3, double_value=float(rng.choice(numbers)))
        case 4:
            return ParameterValue(type=4, string_value=texts[int(rng.integers(len(texts)))])
        case 5:
            return ParameterValue(type=5, byte_array_value=[b"\x01"])
        case 6:
            return ParameterValue(type=7, integer_array_value=[1, 2])
        case 7:
            return ParameterValue(type=8, double_array_value=[math.nan])
        case 8:
            return ParameterValue(type=9, string_array_value=["a", "b"])
    return ParameterValue(type=0)


def _same(got: ParameterValue, asked: ParameterValue) -> bool:
    if (got.type, asked.type) == (3, 3):
        return str(got.double_value) == str(asked.double_value)
    if (got.type, asked.type) == (3, 2):
        return bool(got.double_value == float(asked.integer_value))
    return str(got) == str(asked)  # NaN is NaN here


def jumping_clocks(bench: Bench, jumps_s: tuple[float, ...]) -> Outcome:
    """Images stamped as by a camera whose clock has jumped; each must be answered, and the jump be said."""
    outcome = Outcome(f"the camera's clock jumps by {', '.join(f'{jump:+g}' for jump in jumps_s)} s", len(jumps_s))
    for jump in jumps_s:
        bench.await_right_frames()
        bench.pause()
        bench.peer.spin_for(0.3)
        offset = [0]

        def tick(jump: float = jump, offset: list[int] = offset) -> None:
            message, expected = bench.good_frame()
            stamp = message.header.stamp
            message.header.stamp = Time(sec=max(int(stamp.sec + jump), 1), nanosec=stamp.nanosec)
            bench.send(message, expected)
            offset[0] += 1

        timer = bench.peer.node.create_timer(0.05, tick)
        right = bench.right
        found = bench.await_trouble("clock")
        # The report may be here before the first answer is.
        if found is not None and bench.answered_since(right):
            outcome.notice(found[1], found[0])
        bench.peer.node.destroy_timer(timer)
    bench.go_on()
    bench.await_trouble("clock", 2.0)
    return bench.judge(outcome)


def resident_mib(bench: Bench) -> int:
    lines = Path(f"/proc/{bench.process.process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) // 1024
