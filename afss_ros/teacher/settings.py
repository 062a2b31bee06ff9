"""What a teacher is told: which detector and segmenter, how their answers are refined, how a video is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Which detector, and its thresholds (AFSS: 0.35 and 0.25).

    Attributes:
        name: a key of `labelling.assemble.DETECTORS`.
        checkpoint: Hub name or local path; empty: the detector's own default.
        revision: commit of a Hub checkpoint; empty: whatever commit is at hand, which is recorded.
    """

    name: str = "baseline"
    checkpoint: str = ""
    revision: str = ""
    box_threshold: float = 0.35
    text_threshold: float = 0.25


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """Which segmenter; as `DetectorSettings`."""

    name: str = "grabcut"
    checkpoint: str = ""
    revision: str = ""
    config: str = ""


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """See `refinement.refine.Refinement`; `views` is a preset's name or a list."""

    views: str = "none"
    iou: float = 0.55
    skip: float = 0.05
    top: int = 1
    share_features: bool = True
    box_from: str = "detector"
    undecided: float = 0.0


@dataclass(frozen=True, slots=True)
class VideoSettings:
    """See `refinement.video`.

    Attributes:
        propagator: `off`, `flow` or the segmenter's own (`sam2`).
        every_frame: detect in every frame and compare; else in keyframes alone.
        chunk: frames from a keyframe to the next but one: memory is bounded by it.
        gap_s, jump: where a video is cut; see `labelling.plan.Cuts`.
    """

    propagator: str = "off"
    every_frame: bool = True
    chunk: int = 12
    gap_s: float = 2.0
    jump: int = 32
