"""A campaign: one bit after the other, on the same frames; what each does, and which guard of the node sees it."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from afss_ros.datasets.files import append_line
from afss_ros.evaluation.metrics.detection import box_iou
from afss_ros.evaluation.upset.sites import Site, draw, flipped
from afss_ros.perception import Frame, Perception
from afss_ros.student import Student, StudentError
from afss_ros.student.known_answer import LEAST_AGREEMENT, agreement

_SAME = 0.5
RUINED = 0.9
"""A mask of which less agrees with the sound one is ruined."""


@dataclass(frozen=True, slots=True)
class Upset:
    """What one flipped bit did.

    Attributes:
        site: the bit.
        agreement: with the sound label maps, of the worst frame (`student.known_answer.agreement`); 0 where the student
            no longer loads or runs.
        pixels: label pixels that changed, in all frames.
        detections: frames in which a detection was lost, gained, or moved by an IoU below a half.
        refused: why it no longer loads or runs; empty when it does.
        answer_changed: whether the known answer is no longer the same to the bit.
        answer_wrong: whether it agrees too little even for another processor.
    """

    site: Site
    agreement: float
    pixels: int
    detections: int
    refused: str
    answer_changed: bool
    answer_wrong: bool

    @property
    def ruins(self) -> bool:
        return self.agreement < RUINED

    @property
    def harmless(self) -> bool:
        return not (self.pixels or self.detections or self.refused)


def run(
    model: Path,
    frames: Sequence[Frame],
    folder: Path,
    *,
    flips: int,
    seed: int = 0,
    threads: int = 1,
    advanced: Callable[[int, int], None] = lambda done, of: None,
) -> list[Upset]:
    """Flip `flips` bits of every kind and write what each does to `folder`/upsets.jsonl; goes on where it was stopped.

    Args:
        model: the student; the known answer is that of its manifest, or else the first frame's.
        frames: what it is shown.
        advanced: told after every bit how many of how many are done.

    Raises:
        StudentError: the sound student does not run, or `folder` holds another campaign.
    """
    with Student(model, provider="cpu", threads=threads) as student:
        proto = onnx.load(str(model))
        sites = draw(proto, flips, seed)
        known = student.manifest.known_answer if student.manifest is not None else None
        shown = [*frames, Frame(known.image) if known is not None else frames[0]]
        sound = [student(frame) for frame in shown]
        identity = {"sha256": student.sha256, "flips": flips, "seed": seed, "frames": len(frames)}
    upsets = _done_before(folder, identity, sites)
    log = os.open(folder / "upsets.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for site in sites[len(upsets) :]:
                advanced(len(upsets), len(sites))
                path = Path(scratch, model.name)
                path.write_bytes(flipped(proto, site))
                upsets.append(_judge(path, site, shown, sound, threads))
                append_line(log, json.dumps(dataclasses.asdict(upsets[-1])).encode() + b"\n")
    finally:
        os.close(log)
    advanced(len(upsets), len(sites))
    return upsets


def _done_before(folder: Path, identity: dict[str, object], sites: Sequence[Site]) -> list[Upset]:
    folder.mkdir(parents=True, exist_ok=True)
    declared, log = folder / "campaign.json", folder / "upsets.jsonl"
    if not declared.exists():
        declared.write_text(json.dumps(identity, indent=1) + "\n")
    if json.loads(declared.read_text()) != identity:
        raise StudentError(f"{folder} holds a campaign on another student or with other settings; give another --out")
    upsets = []
    for line in log.read_text().splitlines() if log.exists() else ():
        values = json.loads(line)
        upsets.append(Upset(**{**values, "site": Site(**values["site"])}))
    if [upset.site for upset in upsets] != list(sites[: len(upsets)]):
        raise StudentError(f"{log} holds other bits than this campaign draws; give another --out")
    return upsets


def _judge(path: Path, site: Site, frames: Sequence[Frame], sound: Sequence[Perception], threads: int) -> Upset:
    try:
        with Student(path, provider="cpu", threads=threads, integrity="warn") as student:
            seen = [student(frame) for frame in frames]
    except (StudentError, ValueError) as error:
        reason = str(error).replace(str(path), path.name)[:200]
        return Upset(site, 0.0, 0, 0, reason or type(error).__name__, True, True)
    agreements, pixels, moved = [], 0, 0
    for ours, theirs in zip(seen[:-1], sound[:-1], strict=True):
        agreements.append(agreement(_labels(ours), _labels(theirs)))
        pixels += int((_labels(ours) != _labels(theirs)).sum())
        moved += not _same_boxes(ours, theirs)
    answer, right = _labels(seen[-1]), _labels(sound[-1])
    return Upset(
        site,
        min(agreements),
        pixels,
        moved,
        "",
        bool((answer != right).any()),
        agreement(answer, right) < LEAST_AGREEMENT,
    )


def _labels(perception: Perception) -> NDArray[np.uint8]:
    if perception.labels is None:
        raise StudentError("the student makes no label map; upsets are judged by it")
    return perception.labels


def _same_boxes(ours: Perception, theirs: Perception) -> bool:
    """Whether both find the same craft: as many, and each box overlaps by half with one of the other's."""
    if len(ours.detections) != len(theirs.detections):
        return False
    overlap = [[box_iou(a.box_xyxy, b.box_xyxy) for b in theirs.detections] for a in ours.detections]
    return all(max(row) >= _SAME for row in (*overlap, *zip(*overlap, strict=True)))
