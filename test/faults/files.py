"""Faults in files: flipped bits, wrong manifests, stale engines, a full disk."""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.student import manifest, runtime
from faults.bench import Bench, Outcome

_MANIFESTS: tuple[tuple[str, bytes | None], ...] = (
    ("a pipe", None),
    ("empty", b""),
    ("no JSON", b"student"),
    ("cut", b'{"format": "afss'),
    ("a list", b"[]"),
    ("deep", b"[" * 100_000),
    ("bytes", bytes(range(256))),
)


def flipped_files(bench: Bench, count: int, seed: int = 0) -> Outcome:
    """Single bits of the student's file, anywhere in it; the manifest beside it is the sound one's."""
    outcome = Outcome(f"{count} single bits flipped in the student's file, each configured", count)
    rng, sound = np.random.default_rng(seed), bench.model.read_bytes()
    spoilt = bench.folder / "spoilt.onnx"
    shutil.copy(manifest.path_of(bench.model), manifest.path_of(spoilt))
    bench.peer.transition("deactivate")
    for _ in range(count):
        content = bytearray(sound)
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        spoilt.write_bytes(content)
        _configure(bench, outcome, spoilt)
    return bench.judge(outcome, survived=bench.peer.reload(model__path=str(bench.model)))


def wrong_manifests(bench: Bench, count: int) -> Outcome:
    """A sound file whose manifest is of another file, or none."""
    spoilt = bench.folder / "misjudged.onnx"
    spoilt.write_bytes(bench.model.read_bytes())
    sound = json.loads(manifest.path_of(bench.model).read_text())
    variants = list(_MANIFESTS)
    for key in sorted(sound):
        other: Any
        for other in (None, "0", -1, [], {}):
            if sound[key] != other:
                variants.append((f"{key}: {other}", json.dumps({**sound, key: other}).encode()))
    for least in (0, -1, 1e30, "x"):
        known = {**sound["known_answer"], "least_agreement": least}
        variants.append((f"agreement: {least}", json.dumps({**sound, "known_answer": known}).encode()))
    # Without a known answer there is nothing to hold it against; that is a manifest like another.
    variants = [variant for variant in variants if variant[0] != "known_answer: None"][:count]
    outcome = Outcome(f"{len(variants)} manifests that are wrong, cut, or none", len(variants))
    bench.peer.transition("deactivate")
    path = manifest.path_of(spoilt)
    for _, content in variants:
        path.unlink(missing_ok=True)
        path.write_bytes(content) if content is not None else os.mkfifo(path)
        _configure(bench, outcome, spoilt)
    return bench.judge(outcome, survived=bench.peer.reload(model__path=str(bench.model)))


def _configure(bench: Bench, outcome: Outcome, model: Path) -> None:
    bench.peer.transition("cleanup")
    assert bench.peer.set_parameter("model.path", str(model)).successful
    began = time.monotonic()
    if bench.peer.transition("configure"):
        return
    found = bench.await_trouble("cannot configure")
    if found is not None:
        outcome.notice(found[1].removeprefix("cannot configure: ").replace(f"{bench.folder}/", ""))
        outcome.slowest_s = max(outcome.slowest_s or 0.0, time.monotonic() - began)


def stale_engines(bench: Bench, count: int) -> Outcome:
    """Engines of other students under the same name: the folder of a student is that of its sha256 (no GPU needed)."""
    outcome = Outcome(f"{count} compiled engines of other students left in the cache", count)
    own = runtime.provider_options("tensorrt", bench.model.read_bytes())["trt_engine_cache_path"]
    for number in range(count):
        other = runtime.provider_options("tensorrt", bench.model.read_bytes() + bytes([number]))
        Path(other["trt_engine_cache_path"], "student.engine").write_bytes(b"stale")
        if other["trt_engine_cache_path"] != own and not any(Path(own).iterdir()):
            outcome.notice("another folder, by the student's sha256")
    return bench.judge(outcome)


def full_disk(bench: Bench) -> Outcome:
    """No file of the node can grow: hard frames are being recorded, and its log is written."""
    outcome = Outcome("a full disk while hard frames are recorded (no file may grow)", 1)
    bench.peer.transition("deactivate")
    bench.peer.transition("cleanup")
    folder = bench.folder / "hard"
    wanted = {"hard_frames__record": True, "hard_frames__directory": str(folder), "hard_frames__min_doubt": 0.0}
    survived = bench.peer.reload(**wanted, hard_frames__min_gap=0.0, hard_frames__max_rate=30.0)
    bench.await_right_frames()
    pid = bench.process.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    if (found := bench.await_trouble("hard frames are not recorded")) is not None:
        outcome.notice(found[1].replace(f"{bench.folder}/", ""), found[0])
    survived &= bench.await_right_frames()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    survived &= bench.peer.reload(hard_frames__record=False)
    return bench.judge(outcome, survived=survived)
