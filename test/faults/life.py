"""Faults in the process itself: threads and processes that end or stand still, memory that rots, work that hangs."""

from __future__ import annotations

import re
import signal
import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from perception_peer import PATIENCE_S, image_message

from afss_ros.nodes.perception.watchdog import EXIT_CODE
from faults.bench import Bench, Outcome


def ended_threads(bench: Bench, count: int, seed: int = 0) -> Outcome:
    """SystemExit in the thread that perceives, at any moment of its work or its wait."""
    outcome = Outcome(f"the thread that perceives told to end, {count} times", count)
    rng = np.random.default_rng(seed)
    told = 0

    def reported(_: bytes, message: str, values: dict[str, str]) -> bool:
        reasons = [values.get(f"bad.reason.{number}", "") for number in range(1, 6)]
        idle = re.search(r"(\d+) times between two frames", message)
        return sum("was told to end" in reason for reason in reasons) + int(idle[1] if idle else 0) > told

    for _ in range(count):
        bench.peer.spin_for(float(rng.uniform(0.0, 0.1)))
        bench.process.process.send_signal(signal.SIGRTMIN)
        if (found := bench.await_report(reported)) is not None:
            outcome.notice(found[1], found[0])
            told += 1
    # What happened between two frames is said until the next activation.
    survived = bench.await_right_frames() and bench.peer.reload()
    return bench.judge(outcome, survived=survived)


def rotten_memory(bench: Bench, count: int) -> Outcome:
    """Weights in memory that answer as another network would; the file is sound."""
    outcome = Outcome(f"the weights in memory replaced by rotten ones, {count} times", count)
    for _ in range(count):
        bench.await_right_frames()
        healed = bench.process.log.count("loading it anew")
        began = time.monotonic()
        bench.process.process.send_signal(signal.SIGUSR1)

        def told(healed: int = healed) -> bool:
            return bench.process.log.count("loading it anew") > healed

        if not bench.wait_for(told, "the known answer to be missed"):
            continue
        found = bench.await_trouble("loaded anew")
        outcome.notice(found[1] if found is not None else "in the log alone", time.monotonic() - began)
    survived = bench.await_right_frames() and bench.peer.reload()
    return bench.judge(outcome, survived=survived)


def flipped_bits(bench: Bench, count: int) -> Outcome:
    """Single bits in weights that the node holds; the worst of them, the highest of an exponent."""
    outcome = Outcome(f"one bit of the weights in memory flipped, {count} times; no file touched", count)
    told = 0

    def repaired(_: bytes, message: str, values: dict[str, str]) -> bool:
        return int(values.get("memory.repairs", "0")) > told and "repaired" in message

    for _ in range(count):
        bench.await_right_frames()
        bench.process.process.send_signal(signal.SIGRTMIN + 1)
        if (found := bench.await_report(repaired)) is not None:
            outcome.notice(found[1], found[0])
            told += 1
    survived = bench.await_right_frames() and bench.peer.reload()
    return bench.judge(outcome, survived=survived)


def standstill(bench: Bench, count: int) -> Outcome:
    """SIGSTOP: a process that stands still can say nothing, so its consumers must learn it from the middleware."""
    outcome = Outcome(f"the process stopped for two seconds, {count} times (SIGSTOP)", count)
    for _ in range(count):
        bench.await_right_frames()
        bench.process.process.send_signal(signal.SIGSTOP)
        after_s = bench.await_silence()
        bench.peer.spin_for(1.0)
        bench.process.process.send_signal(signal.SIGCONT)
        if after_s is not None:
            outcome.notice("liveliness of ~/detections lost, told by the middleware", after_s)
    return bench.judge(outcome)


def killed(bench: Bench, count: int) -> Outcome:
    """SIGKILL, and whoever started the process starts it again, as launch files with respawn and systemd do."""
    outcome = Outcome(f"the process killed, {count} times, and respawned (SIGKILL)", count)
    for _ in range(count):
        bench.await_right_frames()
        bench.process.process.kill()
        after_s = bench.await_silence()
        bench.process.process.wait()
        if after_s is not None:
            outcome.notice("liveliness of ~/detections lost, told by the middleware", after_s)
        bench.start()
    return bench.judge(outcome)


def hung_inference(bench: Bench, count: int) -> Outcome:
    """Frames whose inference does not end; the process that cannot free itself is ended and respawned."""
    outcome = Outcome(f"inference that never ends, {count} times; process ended (SIGTERM) and respawned", count)
    survived = True
    for _ in range(count):
        bench.process.stop(signal.SIGTERM)
        bench.start(model__path=bench.trap)
        survived &= bench.await_right_frames()
        bench.pause()
        white = image_message(np.full((64, 64, 3), 255, np.uint8), bench.peer.now())
        for _ in range(3):
            bench.send(white, None)
            bench.peer.spin_for(0.05)
        bench.go_on()
        found = bench.await_report(lambda level, text, _: level == DiagnosticStatus.ERROR and "stalled" in text)
        if found is not None:
            outcome.notice(found[1], found[0])
        began = time.monotonic()
        survived &= bench.process.stop(signal.SIGTERM) == EXIT_CODE and time.monotonic() - began < PATIENCE_S
        bench.start()
    return bench.judge(outcome, survived=survived)


def silent_camera(bench: Bench, count: int) -> Outcome:
    """No images."""
    outcome = Outcome(f"a camera that falls silent, {count} times", count)
    for _ in range(count):
        bench.await_right_frames()
        bench.pause()
        found = bench.await_report(lambda level, _, __: level == DiagnosticStatus.STALE)
        if found is not None:
            outcome.notice(found[1], found[0])
    return bench.judge(outcome)
