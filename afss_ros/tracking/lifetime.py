"""One craft as the tracker knows it between frames."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.regions import Seen
from afss_ros.tracking import likeness
from afss_ros.tracking.motion import Motion
from afss_ros.tracking.parts import Parts
from afss_ros.tracking.settings import Settings
from afss_ros.tracking.values import Part, State, Track

Box = NDArray[np.float64]


class Life:
    """A track from its first frame to its last.

    `update` is called when a frame shows the craft, `share` when one detection holds it and another, `miss` when it is
    not there; one of them once a frame, after `predict`.
    """

    __slots__ = (
        "_detection", "_parts", "_seen_parts", "age_s", "box", "class_name", "identity", "last_seen", "make_up",
        "motion", "patch", "recent", "score", "seen", "serial", "shared", "state", "unseen_s",
    )  # fmt: skip

    def __init__(self, serial: int, class_name: str, box: Box, score: float, settings: Settings) -> None:
        self.serial = serial
        self.identity = 0
        self.state = State.TENTATIVE
        self.class_name = class_name
        self.box = self.last_seen = box
        self.score = score
        self.motion = Motion(box)
        self.age_s = self.unseen_s = 0.0
        self.shared = False
        self.recent: deque[bool] = deque(maxlen=settings.confirm_within)
        self.make_up: tuple[float, ...] = ()
        self.patch: NDArray[np.bool_] | None = None
        self.seen: Seen | None = None
        self._detection: int | None = None
        self._parts = Parts()
        self._seen_parts: tuple[Part, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether it is, or was, confirmed."""
        return self.state is not State.TENTATIVE

    def predict(self, dt: float) -> None:
        """Go on by `dt` seconds; nothing of the frame is known yet."""
        self.motion.predict(dt)
        self.box = self.motion.box
        self.age_s += dt
        self.unseen_s += dt
        self.seen, self._detection, self._seen_parts, self.shared = None, None, (), False

    def update(
        self, box: Box, score: float, seen: Seen, detection: int, cut: tuple[bool, bool, bool, bool], dt: float
    ) -> None:
        """A frame shows it; `cut`: the sides, left, top, right, bottom, that the frame's border may cut off."""
        if any(cut):
            self.motion.update_cut(box, self.last_seen, cut, max(dt, self.unseen_s))
        else:
            self.motion.update(box)
        self.box, self.last_seen, self.score, self.unseen_s = box, box, score, 0.0
        self.seen, self._detection = seen, detection
        self.recent.append(True)
        if seen.whole is not None:
            self.patch = seen.patch
        if not any(cut):
            self.make_up = likeness.smoothed(self.make_up, seen)
        self._seen_parts = self._parts.follow(seen.parts, box, dt)
        if self.state in (State.COASTING, State.LOST):
            self.state = State.CONFIRMED

    def share(self, box: Box, score: float, evidence: bool) -> None:
        """One detection holds it and another craft: `box` is where it must be then, if there is `evidence` of it."""
        if evidence:
            self.motion.update(box, loosely=2.0, sides=False)
            self.unseen_s = 0.0
        self.box = self.motion.box
        self.score = score
        self.shared = True
        self.recent.append(True)
        if self.state in (State.COASTING, State.LOST):
            self.state = State.CONFIRMED

    def miss(self) -> None:
        """The frame does not show it."""
        self.recent.append(False)
        if self.state is State.CONFIRMED:
            self.state = State.COASTING

    def told(self, size: tuple[int, int], at_border: bool) -> Track:
        """The track in this frame of `size` (H, W)."""
        limits = np.array([size[1], size[0], size[1], size[0]], np.float64)
        shown = np.minimum(np.maximum(self.box, 0.0), limits).astype(np.float32)
        return Track(
            self.identity, self.serial, self.state, self.class_name, shown, self.score, self.motion.velocity,
            self.age_s, self.unseen_s, self._detection, self.shared, at_border, self.seen, self._seen_parts,
        )  # fmt: skip
