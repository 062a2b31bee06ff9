"""From settings to a teacher that is loaded and ready. Backends are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from afss_ros.labelling.settings import LabelSettings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.heeding import leave_open, parts_without_a_finder, unheeded
from afss_ros.teacher.models.checkpoints import Access, find_folder
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.protocols import Detector, Propagator, Rgb, Segmenter
from afss_ros.teacher.refinement.refine import Refinement, label_batch
from afss_ros.teacher.refinement.video import label_chunk
from afss_ros.teacher.settings import DetectorSettings, SegmenterSettings
from afss_ros.teacher.values import Labelled


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """A detector and a segmenter, with the prompts, views and (for video) the propagator that they work with."""

    detector: Detector
    segmenter: Segmenter
    propagator: Propagator | None
    prompts: Prompts
    refinement: Refinement
    every_frame: bool = True
    batch: int = 4
    precision: str | None = None
    """`fp32` or `bf16`, of models that run in torch; None where none does."""

    def label(self, images: list[Rgb]) -> list[list[Labelled]]:
        """Label a unit of frames: a batch, or with a propagator a chunk of video."""
        with self.computing():
            found = self._label(images)
        return [leave_open(instances) for instances in found] if self._leaves_parts_open else found

    @property
    def _leaves_parts_open(self) -> bool:
        return bool(parts_without_a_finder(self.detector, self.prompts))

    def computing(self) -> AbstractContextManager[object]:
        """The context in which the models run at the teacher's precision."""
        if self.precision is None:
            return nullcontext()
        from afss_ros.teacher.models.loading import computing

        context: AbstractContextManager[object] = computing(self.precision)
        return context

    def _label(self, images: list[Rgb]) -> list[list[Labelled]]:
        if self.propagator is None:
            return label_batch(images, self.detector, self.segmenter, self.prompts, self.refinement)
        return label_chunk(
            images,
            self.detector,
            self.segmenter,
            self.propagator,
            self.prompts,
            self.refinement,
            every_frame=self.every_frame,
            batch=self.batch,
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """Checkpoints, hashes and thresholds, as plain JSON values."""
        parts: list[Mapping[str, object]] = [self.detector.provenance, self.segmenter.provenance]
        if self.propagator is not None:
            parts.append(self.propagator.provenance)
        precision = {} if self.precision is None else {"precision": self.precision}
        return {"detector": dict(parts[0]), "segmenter": dict(parts[1]), "propagator": dict(*parts[2:]), **precision}


@dataclass(frozen=True, slots=True, eq=False)
class Introduction:
    """What must be known of a teacher where others run it; plain values, which travel between processes.

    Attributes:
        prompts: that it looks for.
        views: that it looks at, by name.
        provenance: see `Teacher.provenance`.
        unheeded: what of the prompts it cannot honour, in sentences.
    """

    prompts: Prompts
    views: tuple[str, ...]
    provenance: dict[str, Any]
    unheeded: tuple[str, ...]


def introduce(teacher: Teacher, settings: LabelSettings) -> Introduction:
    """Say who a teacher is."""
    said = unheeded(settings.detector.name, teacher.detector, teacher.prompts)
    views = tuple(str(view) for view in teacher.refinement.views)
    return Introduction(teacher.prompts, views, teacher.provenance, tuple(said))


def _baseline(settings: DetectorSettings, access: Access) -> Detector:
    from afss_ros.teacher.offline.baseline import SaliencyDetector

    return SaliencyDetector()


def _grounding_dino(settings: DetectorSettings, access: Access) -> Detector:
    from afss_ros.teacher.models.grounding_dino import CHECKPOINTS, GroundingDino

    checkpoint = find_folder(settings.checkpoint or CHECKPOINTS[settings.name], settings.revision, access)
    thresholds = {"box_threshold": settings.box_threshold, "text_threshold": settings.text_threshold}
    return GroundingDino(settings.name, checkpoint, **thresholds)


def _owlv2(settings: DetectorSettings, access: Access) -> Detector:
    from afss_ros.teacher.models.owlv2 import CHECKPOINT, Owlv2

    checkpoint = find_folder(settings.checkpoint or CHECKPOINT, settings.revision, access)
    return Owlv2(checkpoint, box_threshold=settings.box_threshold)


def _sam3(settings: DetectorSettings, access: Access) -> Detector:
    from afss_ros.teacher.models.sam3 import CHECKPOINT, Sam3Detector, require_acceptance

    require_acceptance(access)
    checkpoint = find_folder(settings.checkpoint or CHECKPOINT, settings.revision, access)
    return Sam3Detector(checkpoint, box_threshold=settings.box_threshold)


def _student_detector(settings: DetectorSettings, access: Access) -> Detector:
    from afss_ros.teacher.offline.student import StudentDetector, open_student

    return StudentDetector(open_student(_file(settings)))


def _grabcut(settings: SegmenterSettings, access: Access) -> Segmenter:
    from afss_ros.teacher.offline.baseline import GrabCutSegmenter

    return GrabCutSegmenter()


def _sam2(settings: SegmenterSettings, access: Access) -> Segmenter:
    from afss_ros.teacher.models.sam2_transformers import CHECKPOINT, Sam2Segmenter

    return Sam2Segmenter(find_folder(settings.checkpoint or CHECKPOINT, settings.revision, access))


def _sam2_native(settings: SegmenterSettings, access: Access) -> Segmenter:
    from afss_ros.teacher.models.sam2_native import CHECKPOINT, Sam2NativeSegmenter, find_checkpoint

    return Sam2NativeSegmenter(find_checkpoint(_file(settings) or CHECKPOINT), settings.config)


def _sam2_native_video(settings: SegmenterSettings, access: Access) -> Propagator:
    from afss_ros.teacher.models.sam2_native import CHECKPOINT, Sam2NativePropagator, find_checkpoint

    return Sam2NativePropagator(find_checkpoint(_file(settings) or CHECKPOINT), settings.config)


def _sam3_tracker(settings: SegmenterSettings, access: Access) -> Segmenter:
    from afss_ros.teacher.models.sam2_transformers import Sam2Segmenter
    from afss_ros.teacher.models.sam3 import CHECKPOINT, require_acceptance

    require_acceptance(access)
    return Sam2Segmenter(find_folder(settings.checkpoint or CHECKPOINT, settings.revision, access), "sam3")


def _student_segmenter(settings: SegmenterSettings, access: Access) -> Segmenter:
    from afss_ros.teacher.offline.student import StudentSegmenter, open_student

    return StudentSegmenter(open_student(_file(settings)))


def _flow(settings: SegmenterSettings, access: Access) -> Propagator:
    from afss_ros.teacher.offline.flow import FlowPropagator

    return FlowPropagator()


def _sam2_video(settings: SegmenterSettings, access: Access) -> Propagator:
    from afss_ros.teacher.models.sam2_transformers import CHECKPOINT, Sam2Propagator

    return Sam2Propagator(find_folder(settings.checkpoint or CHECKPOINT, settings.revision, access))


def _sam3_video(settings: SegmenterSettings, access: Access) -> Propagator:
    from afss_ros.teacher.models.sam2_transformers import Sam2Propagator
    from afss_ros.teacher.models.sam3 import CHECKPOINT, require_acceptance

    require_acceptance(access)
    return Sam2Propagator(find_folder(settings.checkpoint or CHECKPOINT, settings.revision, access), "sam3")


DETECTORS: dict[str, Callable[[DetectorSettings, Access], Detector]] = {
    "baseline": _baseline,
    "student": _student_detector,
    "grounding_dino": _grounding_dino,
    "mm_grounding_dino": _grounding_dino,
    "llmdet": _grounding_dino,
    "owlv2": _owlv2,
    "sam3": _sam3,
}
SEGMENTERS: dict[str, Callable[[SegmenterSettings, Access], Segmenter]] = {
    "grabcut": _grabcut,
    "student": _student_segmenter,
    "sam2": _sam2,
    "sam2_native": _sam2_native,
    "sam3": _sam3_tracker,
}
PROPAGATORS: dict[str, Callable[[SegmenterSettings, Access], Propagator]] = {
    "flow": _flow,
    "sam2": _sam2_video,
    "sam2_native": _sam2_native_video,
    "sam3": _sam3_video,
}
"""Settings' names -> what they load. A propagator is loaded from the segmenter's checkpoint."""
_WITHOUT_TORCH = {"baseline", "student", "grabcut", "flow", "off"}


def assemble(settings: LabelSettings, access: Access | None = None) -> Teacher:
    """Load what the settings ask for.

    Raises:
        TeacherError: a name is unknown, a package is not installed, or a checkpoint is missing; says the cure.
    """
    access = access or Access()
    detector = _named(DETECTORS, settings.detector.name, "detector")(settings.detector, access)
    segmenter = _segmenter(settings, access, detector)
    propagator = None
    if settings.video.propagator != "off":
        propagator = _named(PROPAGATORS, settings.video.propagator, "video.propagator")(settings.segmenter, access)
    return Teacher(
        detector,
        segmenter,
        propagator,
        settings.parsed_prompts(),
        settings.refinement(),
        settings.video.every_frame,
        settings.batch,
        _precision(settings),
    )


def _segmenter(settings: LabelSettings, access: Access, detector: Detector) -> Segmenter:
    one, other = settings.detector, settings.segmenter
    if one.name == other.name == "student" and one.checkpoint == other.checkpoint and not other.revision:
        from afss_ros.teacher.offline.student import StudentDetector, StudentSegmenter

        assert isinstance(detector, StudentDetector)
        return StudentSegmenter(detector.student)
    segmenter: Segmenter = _named(SEGMENTERS, other.name, "segmenter")(other, access)
    return segmenter


def _file(settings: DetectorSettings | SegmenterSettings) -> str:
    """The checkpoint of a model that takes a file.

    Raises:
        TeacherError: a revision is asked for, which a file has not.
    """
    if settings.revision:
        raise TeacherError(
            f"revision '{settings.revision}' is asked for, and '{settings.name}' takes a file, which has none: its"
            " sha256 is recorded; leave the revision out"
        )
    return settings.checkpoint


def _precision(settings: LabelSettings) -> str | None:
    if {settings.detector.name, settings.segmenter.name, settings.video.propagator} <= _WITHOUT_TORCH:
        return None
    from afss_ros.teacher.models.loading import precision_of

    return precision_of(settings.precision)


def _named(known: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in known:
        raise TeacherError(f"unknown {what} '{name}'; known: {', '.join(known)}")
    return known[name]
