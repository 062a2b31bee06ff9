"""A student: one `.onnx`, opened, checked and run; a `Frame` in, a `Perception` in source pixels out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from afss_ros.perception import Deferred, Detection, Frame, Perception
from afss_ros.student import chances, contract, detections, known_answer, letterbox, manifest
from afss_ros.student.errors import ProviderError, StudentError
from afss_ros.student.letterbox import Letterbox
from afss_ros.student.memory.held import HeldWeights
from afss_ros.student.memory.hold import NotHeldError, hold
from afss_ros.student.providers import batches, compiled, placement
from afss_ros.student.providers.binding import DeviceBoundSession
from afss_ros.student.providers.settings import ProviderSettings
from afss_ros.student.runtime import BoundSession, Session, open_session, page_locked_device, session_options
from afss_ros.student.stitch import Outputs
from afss_ros.student.view import Tiling, View

MAX_FILE_BYTES = 2**31
"""Protocol buffers end there."""
_LFS_POINTER = b"version https://git-lfs"


class Student:
    """A student network, ready to run.

    It keeps nothing from one frame to the next: equal frames give equal answers, in any order. Calls from several
    threads are safe and run one after the other; for parallel inference open one Student a thread.

    Args:
        path: the `.onnx`.
        provider: "auto", "cuda", "tensorrt", "openvino" or "cpu"; see `runtime.open_session`.
        threads: of CPU inference; 0 is one a physical core.
        score_threshold: detections below it are dropped.
        min_area: smallest piece of a craft, in pixels of the label map, that counts (boxes from labels).
        merge_gap: pieces of the label map closer than this fraction of its longer side are one craft.
        extent_threshold: how likely craft must be, in 0..1, where a craft's box still reaches though the label there is
            background (boxes from labels); see `hysteresis`. 1 keeps boxes to the labels.
        tiling: whether frames larger than the network are seen in tiles too; as a rule, without.
        integrity: "verify": a file that contradicts the manifest beside it is refused; "require": so is one without a
            manifest; "warn": both run, and `warning` says so. See `manifest`.
        hold_weights: whether the weights lie in memory that `weights` can check and repair, where the CPU runs them.
        batch: looks that are to share a run at most, where they come from several cameras, the graph's batch axis is
            free and the provider gains by it; see `shared` and `batches`.
        provider_options: ONNX Runtime's own, for the one provider named, e.g. {"device_id": "1"}; see
            docs/student_contract.md.
        provider_settings: what is told to the provider in words that are the same for all.

    Raises:
        StudentError: the file is missing, unreadable, truncated or foreign.
        ManifestError: it is not the file that its manifest tells of.
        ContractError: the model does not keep the student contract.
        ProviderError: the provider asked for does not start here.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        provider: str = "auto",
        threads: int = 0,
        score_threshold: float = 0.5,
        min_area: int = 16,
        merge_gap: float = 0.05,
        extent_threshold: float = 0.2,
        tiling: Tiling | None = None,
        integrity: str = "verify",
        hold_weights: bool = False,
        batch: int = 1,
        provider_options: Mapping[str, str] | None = None,
        provider_settings: ProviderSettings | None = None,
    ) -> None:
        self.path = Path(path)
        self.score_threshold = score_threshold
        self.min_area = min_area
        self.merge_gap = merge_gap
        self.extent_threshold = extent_threshold
        self.tiling = tiling or Tiling()
        self.keep_confidence = False
        """Whether perceptions carry the map of confidence, which takes a copy of a frame's size."""
        model = _read_model(self.path)
        self.sha256 = hashlib.sha256(model).hexdigest()
        # Before anything in it is believed.
        self.manifest, self.warning = manifest.checked(self.path, self.sha256, len(model), integrity)
        self._first_answer: NDArray[np.uint8] | None = None
        provider = compiled.provider_of(model, self.path, provider)
        settings = provider_settings or ProviderSettings()
        session, self.provider, self.passed_over = open_session(
            model,
            name=str(self.path),
            provider=provider,
            threads=threads,
            extra_options=provider_options,
            settings=settings,
            batch=batch > 1,
        )
        self.placement = placement.read(session)
        """Which nodes run where; None where this ONNX Runtime cannot tell."""
        if self.placement is None and self.provider != "cpu" and settings.max_cpu_share < 1.0:
            untold = (
                f"how much of {self.path} falls from {self.provider} to the CPU is not known: {placement.CANNOT_TELL}"
            )
            self.warning = "; ".join(filter(None, (self.warning, untold)))
        self.contract = _contract(session, self.path)
        self.class_names = detections.class_names(self.contract)
        self.weights: HeldWeights | None = None
        self.not_held = "" if hold_weights else "not asked for"
        """Why there are no `weights`; empty where there are."""
        if hold_weights:
            session = self._hold(model, threads, session)
        self.binding = "host" if (provider, self.provider) == ("auto", "cpu") else settings.binding
        self.batch = batch if batches.is_free(session) else 1
        """Looks that share a run at most."""
        self._session: Session | None = self._bound(session, settings.device_id)
        self._view: View | None = None
        self._lock = threading.Lock()

    def __call__(self, frame: Frame) -> Perception:
        """Perceive one frame.

        Returns:
            Label map and boxes in source pixels; `timings_ms` has "preprocess", "inference", "postprocess".

        Raises:
            StudentError: the student is closed, or ONNX Runtime failed (out of memory, a lost device).
        """
        with self._lock:
            return self._perceive(frame)

    def look(self, image: NDArray[np.uint8]) -> Outputs:
        """What the network itself says of a picture of its own size: its outputs by name, each with a batch of 1.

        For programs that put many looks together themselves; the arrays are the caller's.

        Args:
            image: uint8 (H, W, 3) of `contract.input_size`, RGB, contiguous.

        Raises:
            StudentError: it is of another size, the student is closed, or ONNX Runtime failed.
        """
        if image.shape != (*self.contract.input_size, 3) or image.dtype != np.uint8:
            wanted = (*self.contract.input_size, 3)
            raise StudentError(f"the network looks at uint8 {wanted}, got {image.dtype} {image.shape}")
        with self._lock:
            looked = self._infer(self._open_session(), [np.ascontiguousarray(image)])[0]
            return {name: np.array(value) for name, value in looked.items()}

    def evidence(self, frame: Frame) -> list[tuple[Detection, NDArray[np.float64]]]:
        """Every craft of a frame, whatever its score, which is the bare one, and the evidence for it: see `evidence`.

        For who fits the weights of `contract.score_weights`; tiles are not looked at.

        Raises:
            StudentError: the student's craft come from no label map with a confidence, it is closed, or ONNX Runtime
                failed.
        """
        if self.contract.box_source == "boxes" or not self.contract.has_confidence:
            raise StudentError(f"{self.path}: gives no label map with a confidence, so there is no evidence to weigh")
        with self._lock:
            box = letterbox.fit(frame.image.shape[:2], self.contract.input_size)
            view = View(frame.image.shape[:2], self.contract, Tiling())
            outputs = self._infer(self._open_session(), view.network_images(frame.image))[0]
            shown = self._shown(outputs, box)
            assert shown is not None
            return detections.evidence_for(
                shown,
                min_area=self.min_area,
                merge_gap=self.merge_gap,
                extent_threshold=self.extent_threshold,
            )

    def _perceive(self, frame: Frame) -> Perception:
        session = self._open_session()
        started = perf_counter_ns()
        view = self._view_of(frame.image)
        images = view.network_images(frame.image)
        prepared = perf_counter_ns()
        looks = self._infer(session, images)
        inferred = perf_counter_ns()
        label_map, found, craft_confidence, confidence = self._understand(looks, view)
        done = perf_counter_ns()
        timings = {
            "preprocess": (prepared - started) / 1e6,
            "inference": (inferred - prepared) / 1e6,
            "postprocess": (done - inferred) / 1e6,
        }
        return Perception(
            tuple(d for d in found if d.score >= self.score_threshold),
            label_map,
            self.class_names,
            frame.stamp_ns,
            timings,
            craft_confidence=craft_confidence,
            best_rejected=max((d.score for d in found if d.score < self.score_threshold), default=0.0),
            rejected=tuple(d for d in found if d.score < self.score_threshold),
            confidence=confidence,
            presence=max(float(look[contract.PRESENCE][0]) for look in looks) if self.contract.has_presence else None,
        )

    def _infer(self, session: Session, images: list[NDArray[np.uint8]]) -> list[Outputs]:
        try:
            if len(images) == 1:
                looks: list[Outputs] = [session.run(images[0])]
            else:
                # The session writes every answer into the same memory.
                looks = [{name: np.array(v) for name, v in session.run(image).items()} for image in images]
        except Exception as err:  # ONNX Runtime's exceptions share no base class
            raise StudentError(f"inference failed on {self.provider}: {err}; reload the student") from err
        for look in looks:
            detections.refuse_impossible(look)
        return looks

    def _understand(
        self, looks: list[Outputs], view: View
    ) -> tuple[Deferred | None, tuple[Detection, ...], float | None, NDArray[np.uint8] | None]:
        """The label map, all detections above half the threshold, the mean confidence in the craft, and its map."""
        least = self.score_threshold / 2
        shown = self._shown(looks[0], view.whole)
        found = self._detections(looks[0], shown, view.whole, least)
        outputs = looks[0]
        if view.plan is not None:
            outputs = view.together(looks, found, least)
            shown = self._shown(outputs, view.box)
            found = self._detections(outputs, shown, view.box, least)
        if shown is None:
            return None, found, None, None
        confidence = None
        if self.keep_confidence and self.contract.has_confidence:
            confidence = letterbox.take(outputs["confidence"][0], view.indices)
        # The session writes every answer into the same memory.
        label_map = Deferred(partial(letterbox.take, np.array(outputs["labels"][0]), view.indices))
        return label_map, found, shown.craft_confidence, confidence

    def _shown(self, outputs: Outputs, box: Letterbox) -> detections.Shown | None:
        """The label map's part that is the frame; None of a network without one."""
        if "labels" not in outputs:
            return None
        confidence = outputs["confidence"][0] if self.contract.has_confidence else None
        presence = np.atleast_3d(outputs[contract.PRESENCE])[0] if self.contract.has_presence else None
        return detections.Shown(outputs["labels"][0], confidence, box, presence)

    def _detections(
        self, outputs: Outputs, shown: detections.Shown | None, box: Letterbox, least_score: float
    ) -> tuple[Detection, ...]:
        line = self.contract.score_calibration
        if line is None:
            return self._scored(outputs, shown, box, least_score)
        return chances.calibrated(self._scored(outputs, shown, box, chances.score(least_score, line)), line)

    def _scored(
        self, outputs: Outputs, shown: detections.Shown | None, box: Letterbox, least_score: float
    ) -> tuple[Detection, ...]:
        if shown is None or self.contract.box_source == "boxes":
            return detections.from_boxes(
                outputs["boxes"][0],
                outputs["scores"][0],
                outputs["classes"][0],
                box,
                class_names=self.class_names,
                score_threshold=least_score,
            )
        return detections.from_labels(
            shown,
            score_threshold=least_score,
            min_area=self.min_area,
            merge_gap=self.merge_gap,
            extent_threshold=self.extent_threshold,
            weights=self.contract.score_weights,
        )

    def _view_of(self, image: NDArray[np.uint8]) -> View:
        """The view of this image's size; kept until the size changes, because a camera's rarely does."""
        size = image.shape[0], image.shape[1]
        if self._view is None or self._view.source != size or self._view.how != self.tiling:
            self._view = View(size, self.contract, self.tiling)
        return self._view

    def warm_up(self, n: int = 3) -> list[float]:
        """Run `n` empty frames, so that the first real one finds memory and kernels in place.

        Returns:
            The wall time of each in milliseconds.
        """
        blank = Frame(np.zeros((*self.contract.input_size, 3), np.uint8), source="warm-up")
        return [sum(self(blank).timings_ms.values()) for _ in range(n)]

    def measure_batch(self, runs: int = 10) -> str:
        """What a run of as many looks as it may take is worth here, in words; empty where a run takes one."""
        with self._lock:
            session = self._open_session()
            return batches.measure(session, runs) if isinstance(session, batches.BatchSession) else ""

    def prove(self) -> bool:
        """Ask for the known answer of the manifest; on a processor, every answer must equal the first one to the bit.

        Returns:
            Whether there is one to ask for.

        Raises:
            StudentError: it is not given: this is not the student that it was on the ground.
        """
        if self.manifest is None or self.manifest.known_answer is None:
            return False
        answer = known_answer.ask(self, self.manifest.known_answer, self._first_answer)
        if self.provider == "cpu":
            self._first_answer = answer
        return True

    def _hold(self, model: bytes, threads: int, session: InferenceSession) -> InferenceSession:
        """The session over held weights; the given one where there can be none."""
        if self.provider != "cpu":
            self.not_held = f"they lie with {self.provider}"
            return session
        try:
            session, self.weights = hold(model, lambda: session_options(threads), session)
        except NotHeldError as err:
            self.not_held = str(err)
        return session

    def distrust(self) -> None:
        """Its memory is damaged: one that is opened from now on must not share it. Nothing to do where nobody does."""

    def close(self) -> None:
        """Free the session. Safe to call twice; a closed student raises StudentError when called.

        It does not wait for a call in another thread, which may never end: that call keeps the session until it does.
        """
        self._session = None

    def _bound(self, session: InferenceSession, device_id: int) -> Session:
        if self.batch > 1:
            together = batches.BatchSession(session, self.batch)
            together.warm_up()
            return together
        if self.binding == "host":
            return BoundSession(session)
        if self.binding == "graph" and (self.manifest is None or self.manifest.known_answer is None):
            raise ProviderError(
                f"{self.path} has no known answer, without which a captured graph that repeats its first image"
                " (onnxruntime #20050) goes unnoticed; afss manifest --image gives it one, or take binding device"
            )
        return DeviceBoundSession(session, self.provider, device_id, page_locked_device(self.provider, device_id))

    def _open_session(self) -> Session:
        if self._session is None:
            raise StudentError(f"the student {self.path} is closed; open a new Student")
        return self._session

    def __enter__(self) -> Student:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _contract(session: InferenceSession, path: Path) -> contract.StudentContract:
    try:
        entries = session.get_modelmeta().custom_metadata_map
        return contract.read(session.get_inputs(), session.get_outputs(), entries)
    except UnicodeDecodeError as err:
        raise StudentError(
            f"the student {path} has names or metadata that are no text ({err}); copy or export it again"
        ) from err


def _read_model(path: Path) -> bytes:
    """The whole file, read once, so that what was hashed is what runs."""
    try:
        if not path.is_dir() and path.exists() and not path.is_file():
            raise StudentError(f"the student {path} is no regular file; give the path of an .onnx")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise StudentError(f"the student {path} has {size} bytes; an .onnx holds {MAX_FILE_BYTES} at most")
        model = path.read_bytes()
    except OSError as err:
        raise StudentError(f"cannot read the student {path}: {err.strerror or err}; give the path of an .onnx") from err
    if not model:
        raise StudentError(f"the student {path} is empty; copy or export it again")
    if model.startswith(_LFS_POINTER):
        raise StudentError(f"the student {path} is a Git LFS pointer, not a model; run `git lfs pull`")
    return model
