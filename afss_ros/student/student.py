"""A student: one `.onnx`, opened, checked and run; a `Frame` in, a `Perception` in source pixels out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter_ns
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection, Frame, Perception
from afss_ros.student import contract, detections, letterbox
from afss_ros.student.errors import StudentError
from afss_ros.student.letterbox import Letterbox
from afss_ros.student.runtime import BoundSession, open_session

_LFS_POINTER = b"version https://git-lfs"


class Student:
    """A student network, ready to run.

    It keeps nothing from one frame to the next: equal frames give equal answers, in any order. Calls from several
    threads are safe and run one after the other; for parallel inference open one Student a thread.

    Args:
        path: the `.onnx`.
        provider: "auto", "cuda", "tensorrt" or "cpu"; see `runtime.open_session`.
        threads: of CPU inference; 0 is one a physical core.
        score_threshold: detections below it are dropped.
        min_area: smallest piece of a craft, in pixels of the label map, that counts (boxes from labels).
        merge_gap: pieces of the label map closer than this fraction of its longer side are one craft.
        provider_options: ONNX Runtime's own, for the one provider named, e.g. {"device_id": "1"}; see
            docs/student_contract.md.

    Raises:
        StudentError: the file is missing, unreadable, truncated or foreign.
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
        merge_gap: float = 0.03,
        provider_options: Mapping[str, str] | None = None,
    ) -> None:
        self.path = Path(path)
        self.score_threshold = score_threshold
        self.min_area = min_area
        self.merge_gap = merge_gap
        model = _read_model(self.path)
        self.sha256 = hashlib.sha256(model).hexdigest()
        session, self.provider, self.passed_over = open_session(
            model, name=str(self.path), provider=provider, threads=threads, extra_options=provider_options
        )
        self.contract = contract.read(
            session.get_inputs(), session.get_outputs(), session.get_modelmeta().custom_metadata_map
        )
        self.class_names = detections.class_names(self.contract)
        self._session: BoundSession | None = BoundSession(session)
        self._canvas = np.full((*self.contract.input_size, 3), letterbox.PAD_VALUE, np.uint8)
        self._box: Letterbox | None = None
        self._indices: letterbox.Indices | None = None
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

    def _perceive(self, frame: Frame) -> Perception:
        session = self._open_session()
        started = perf_counter_ns()
        box = self._fit(frame.image)
        network_image = letterbox.apply(frame.image, box, self._canvas)
        prepared = perf_counter_ns()
        try:
            outputs = session.run(network_image)
        except Exception as err:  # ONNX Runtime's exceptions share no base class
            raise StudentError(f"inference failed on {self.provider}: {err}; reload the student") from err
        inferred = perf_counter_ns()
        label_map = letterbox.take(outputs["labels"][0], self._indices) if "labels" in outputs else None
        found = self._detections(outputs, box)
        done = perf_counter_ns()
        timings = {
            "preprocess": (prepared - started) / 1e6,
            "inference": (inferred - prepared) / 1e6,
            "postprocess": (done - inferred) / 1e6,
        }
        return Perception(found, label_map, self.class_names, frame.stamp_ns, timings)

    def _detections(self, outputs: Mapping[str, NDArray[Any]], box: Letterbox) -> tuple[Detection, ...]:
        if self.contract.box_source == "boxes":
            return detections.from_boxes(
                outputs["boxes"][0],
                outputs["scores"][0],
                outputs["classes"][0],
                box,
                class_names=self.class_names,
                score_threshold=self.score_threshold,
            )
        return detections.from_labels(
            outputs["labels"][0],
            outputs["confidence"][0] if self.contract.has_confidence else None,
            box,
            score_threshold=self.score_threshold,
            min_area=self.min_area,
            merge_gap=self.merge_gap,
        )

    def _fit(self, image: NDArray[np.uint8]) -> Letterbox:
        """The letterbox of this image's size; kept until the size changes, because a camera's rarely does."""
        size = image.shape[0], image.shape[1]
        if self._box is None or self._box.source != size:
            self._canvas[:] = letterbox.PAD_VALUE
            self._box = letterbox.fit(size, self.contract.input_size)
            if self.contract.labels_size is not None:
                self._indices = letterbox.nearest_indices(self._box, self.contract.labels_size)
        return self._box

    def warm_up(self, n: int = 3) -> list[float]:
        """Run `n` empty frames, so that the first real one finds memory and kernels in place.

        Returns:
            The wall time of each in milliseconds.
        """
        blank = Frame(np.zeros((*self.contract.input_size, 3), np.uint8), source="warm-up")
        return [sum(self(blank).timings_ms.values()) for _ in range(n)]

    def close(self) -> None:
        """Free the session. Safe to call twice; a closed student raises StudentError when called."""
        with self._lock:
            self._session = None

    def _open_session(self) -> BoundSession:
        if self._session is None:
            raise StudentError(f"the student {self.path} is closed; open a new Student")
        return self._session

    def __enter__(self) -> Student:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_model(path: Path) -> bytes:
    """The whole file, read once, so that what was hashed is what runs."""
    try:
        model = path.read_bytes()
    except OSError as err:
        raise StudentError(f"cannot read the student {path}: {err.strerror or err}; give the path of an .onnx") from err
    if not model:
        raise StudentError(f"the student {path} is empty; copy or export it again")
    if model.startswith(_LFS_POINTER):
        raise StudentError(f"the student {path} is a Git LFS pointer, not a model; run `git lfs pull`")
    return model
