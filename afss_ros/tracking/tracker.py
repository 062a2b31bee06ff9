"""Detections to tracks, frame by frame (after ByteTrack: Zhang et al., ECCV 2022), for few craft that meet.

Sure detections are matched first, by where a craft must be, how its pixels lie over each other and what it is made of;
doubtful ones only go on with a craft that is known. Where two craft become one detection, as they cross, each goes on
with the edges of the box that are its own. What was seen in one frame is no craft yet; what is unseen for a while keeps
its identity. The answer to a frame is complete when the call returns, and needs no later frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection, Perception
from afss_ros.student.regions import MOST_CRAFT, Seen, look
from afss_ros.tracking import geometry, likeness
from afss_ros.tracking.assignment import IMPOSSIBLE, assign
from afss_ros.tracking.lifetime import Box, Life
from afss_ros.tracking.settings import Settings
from afss_ros.tracking.values import State, Track

_MOST_LIVES = 48
"""Tracks alive at a time, and remembered: what bounds time and memory."""
_MOST_LOST = 24
_NOMINAL_DT_S = 0.1
"""Between frames that have no time."""
_LONGEST_DT_S = 5.0
_WORST = 1.15
"""A pair that costs more is none: a craft in motion, turned, in other light, still costs less."""
_WORST_DOUBTFUL = 0.95
_WORST_NEW = 0.8
_INSIDE = 0.7
"""Share of a craft within a detection from which the detection may hold it and others."""
_EDGE = 0.25
"""Of a craft's size: how far its edge may be from where it must be."""
_FRAGMENT = 0.7
_SWALLOWED_S = 0.5
_SHARED_S = 8.0
"""How long a craft may be hidden behind another one."""


class Tracker:
    """Gives craft identities.

    Args:
        settings: see `Settings`; may be replaced at any time.

    Calls are not safe from several threads at once. Memory does not grow with time.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._lives: list[Life] = []
        self._lost: list[Life] = []
        self._serials = self._identities = 0
        self._stamp_ns: int | None = None

    def __call__(self, perception: Perception, size: tuple[int, int]) -> tuple[Track, ...]:
        """Follow the craft into a frame of `size` (H, W).

        Returns:
            Every track that is tentative, confirmed or coasting, and those that are lost with this frame; the known
            ones first, by identity.
        """
        dt = self._step(perception.stamp_ns)
        for life in self._lives:
            life.predict(dt)
        for life in self._lost:
            life.unseen_s += dt  # where it went to nobody knows: it is looked for where it was seen last
            life.age_s += dt
        found = (*perception.detections, *perception.rejected)[:MOST_CRAFT]
        boxes = np.array([d.box_xyxy for d in found], np.float64).reshape(-1, 4)
        sure = [i for i, detection in enumerate(found) if detection.score >= self.settings.least_score]
        frame = _Frame(found, boxes, look(perception.labels, found), sure, size, dt)
        self._associate(frame)
        return self._close(frame)

    def forget(self) -> None:
        """Drop all tracks; identities go on counting."""
        self._lives, self._lost, self._stamp_ns = [], [], None

    def _step(self, stamp_ns: int) -> float:
        """Seconds since the frame before; time that runs backwards begins anew."""
        before, self._stamp_ns = self._stamp_ns, stamp_ns
        if before is None or stamp_ns == before:
            return _NOMINAL_DT_S
        if stamp_ns < before:
            self.forget()
            self._stamp_ns = stamp_ns
            return _NOMINAL_DT_S
        dt = (stamp_ns - before) / 1e9
        if dt > self.settings.remember_s + self.settings.coast_s:
            self.forget()
            self._stamp_ns = stamp_ns
            return _NOMINAL_DT_S
        return min(dt, _LONGEST_DT_S)

    def _associate(self, frame: _Frame) -> None:
        self._share(frame)
        sure = [i for i in frame.sure if i in frame.free]
        known = [life for life in self._lives if life.is_known and life not in frame.done]
        self._match(frame, known, sure, _WORST)
        rest = [life for life in self._lives if life.is_known and life not in frame.done]
        self._match(frame, rest, sorted(frame.free), _WORST_DOUBTFUL)
        self._drop_fragments(frame)
        new = [life for life in self._lives if not life.is_known]
        self._match(frame, new, [i for i in sure if i in frame.free], _WORST_NEW)
        for i in sure:
            if i in frame.free and len(self._lives) < _MOST_LIVES:
                self._serials += 1
                found = frame.found[i]
                life = Life(self._serials, found.class_name, frame.boxes[i], found.score, self.settings)
                self._take(frame, life, i)
                self._lives.append(life)

    def _match(self, frame: _Frame, lives: Sequence[Life], numbers: Sequence[int], worst: float) -> None:
        if not lives or not numbers:
            return
        cost = np.array([[_cost(life, frame, i, worst) for i in numbers] for life in lives])
        for row, column in assign(cost):
            self._take(frame, lives[row], numbers[column])

    def _take(self, frame: _Frame, life: Life, number: int) -> None:
        box, found = frame.boxes[number], frame.found[number]
        frame.free.discard(number)
        frame.done.add(life)
        cut = geometry.cut_sides(box, frame.size)
        life.update(box, found.score, frame.seen[number], number, cut, frame.dt)

    def _share(self, frame: _Frame) -> None:
        """Craft that one detection holds together: each goes on by the edges that are its own."""
        known = [life for life in self._lives if life.is_known and life.unseen_s < _SHARED_S]
        if len(known) < 2 or not frame.sure:
            return
        predicted = np.array([life.box for life in known])
        inside = geometry.within(predicted, frame.boxes[frame.sure])
        alike = geometry.iou(predicted, frame.boxes[frame.sure])
        for column, number in enumerate(frame.sure):
            held = [
                i for i, life in enumerate(known)
                if inside[i, column] >= _INSIDE and int(alike[i].argmax()) == column and life not in frame.done
            ]  # fmt: skip
            if len(held) < 2:
                continue
            group = predicted[held]
            whole = geometry.around(group)
            if geometry.iou(whole[None], frame.boxes[number][None])[0, 0] < 0.35:
                continue
            frame.free.discard(number)
            for place, i in enumerate(held):
                box, evidence = _own_edges(group, place, frame.boxes[number])
                known[i].share(box, frame.found[number].score, evidence)
                frame.done.add(known[i])

    def _drop_fragments(self, frame: _Frame) -> None:
        """What lies within a craft that is seen, or swallows one that was just there, is no other craft."""
        numbers = sorted(frame.free)
        around = [life.box for life in frame.done if life.is_known]
        if around and numbers:
            inside = geometry.within(frame.boxes[numbers], np.array(around)).max(1)
            frame.free -= {n for n, share in zip(numbers, inside, strict=True) if share >= _FRAGMENT}
        numbers = sorted(frame.free)
        there = [life.box for life in self._lives if life.is_known and life.unseen_s < _SWALLOWED_S]
        if there and numbers:
            swallowed = geometry.within(np.array(there), frame.boxes[numbers]).max(0)
            frame.free -= {n for n, share in zip(numbers, swallowed, strict=True) if share >= _FRAGMENT}

    def _close(self, frame: _Frame) -> tuple[Track, ...]:
        """Let lives go on or end, and tell of them."""
        told, alive = [], []
        for life in self._lives:
            if life not in frame.done:
                life.miss()
            if life.state is State.TENTATIVE and sum(life.recent) >= self.settings.confirm_hits:
                life = self._confirmed(life)
            limit = _SHARED_S if life.shared else self.settings.coast_s
            if life.state is State.TENTATIVE and not _may_confirm(life, self.settings):
                continue
            outside = life.state is State.COASTING and _outside(life.box, frame.size)
            if life.is_known and (life.unseen_s > limit or outside):
                life.state = State.LOST
                self._lost.append(life)
            else:
                alive.append(life)
            told.append(life.told(frame.size, geometry.at_border(life.box, frame.size)))
        self._lives = alive
        limit = self.settings.coast_s + self.settings.remember_s
        self._lost = [life for life in self._lost if life.unseen_s <= limit][-_MOST_LOST:]
        return tuple(sorted(told, key=lambda t: (t.identity == 0, t.identity, t.serial)))

    def _confirmed(self, life: Life) -> Life:
        """A tentative track that proved itself: a craft that was lost and is back, or a new one."""
        life.state = State.CONFIRMED
        back = min(self._lost, key=lambda lost: _return_cost(lost, life), default=None)
        if back is not None and _return_cost(back, life) < 1.0:
            self._lost.remove(back)
            life.identity, life.age_s = back.identity, back.age_s
        else:
            self._identities += 1
            life.identity = self._identities
        return life


class _Frame:
    """What a frame shows, and what of it is still free."""

    __slots__ = ("boxes", "done", "dt", "found", "free", "seen", "size", "sure")

    def __init__(
        self,
        found: tuple[Detection, ...],
        boxes: NDArray[np.float64],
        seen: list[Seen],
        sure: list[int],
        size: tuple[int, int],
        dt: float,
    ) -> None:
        self.found, self.boxes, self.seen, self.size, self.dt = found, boxes, seen, size, dt
        self.sure = sure
        self.free = set(range(len(found)))
        self.done: set[Life] = set()


def _cost(life: Life, frame: _Frame, number: int, worst: float) -> float:
    """How little a detection looks like the craft where it must be by now: 0..1, or `IMPOSSIBLE`."""
    box = frame.boxes[number]
    if frame.found[number].class_name != life.class_name:
        return IMPOSSIBLE
    predicted = life.box
    away = np.hypot(*((box[:2] + box[2:] - predicted[:2] - predicted[2:]) / 2))
    reach = 0.6 * life.motion.diagonal + 3 * life.motion.spread
    if away > reach:
        return IMPOSSIBLE
    cut = geometry.at_border(box, frame.size) or geometry.at_border(predicted, frame.size)
    apart = likeness.size_ratio(box, predicted)
    if apart > (2.5 if cut else 1.4):
        return IMPOSSIBLE
    # Where nothing is known of the way, as after a gap, only likeness and size are left.
    near = exp(-0.5 * (away / max(life.motion.spread, 0.12 * life.motion.diagonal)) ** 2)
    common = float(geometry.iou(box[None], predicted[None])[0, 0])
    mask = common
    if life.patch is not None and frame.seen[number].whole is not None:
        mask = likeness.overlap(life.patch, predicted, frame.seen[number].patch, box)
    strange = likeness.unlike(life.make_up, likeness.make_up(frame.seen[number].parts))
    alike = 0.4 * near + 0.3 * common + 0.3 * mask
    cost = 1 - alike + 0.25 * strange + 0.1 * min(apart, 1.0) * (0.3 if cut else 1.0)
    return cost if cost <= worst else IMPOSSIBLE


def _own_edges(group: NDArray[np.float64], place: int, held: Box) -> tuple[Box, bool]:
    """Where one of the boxes (N, 4) that fill a box must be, and whether any edge of it says so.

    An edge of the outer box belongs to the craft that was to reach furthest; its own size does the rest. One that lies
    far from where the craft must be is another's that nobody knows yet.
    """
    box = group[place].copy()
    evidence = False
    for axis in (0, 1):
        low, high = axis, axis + 2
        size = box[high] - box[low]
        reach = _EDGE * size
        centres = []
        if int(group[:, low].argmin()) == place and abs(held[low] - box[low]) <= reach:
            centres.append(held[low] + size / 2)
        if int(group[:, high].argmax()) == place and abs(held[high] - box[high]) <= reach:
            centres.append(held[high] - size / 2)
        if centres:
            centre = sum(centres) / len(centres)
            box[low], box[high] = centre - size / 2, centre + size / 2
            evidence = True
    return box, evidence


def _may_confirm(life: Life, settings: Settings) -> bool:
    """Whether the frames to come can still confirm a tentative track."""
    recent = list(life.recent)
    to_come = settings.confirm_within - min(len(recent), settings.confirm_within)
    if to_come:
        return sum(recent) + to_come >= settings.confirm_hits
    return any(sum(recent[k:]) + k >= settings.confirm_hits for k in range(1, settings.confirm_within)) and recent[-1]


def _outside(box: Box, size: tuple[int, int]) -> bool:
    """Whether most of a box lies beyond a frame of `size` (H, W)."""
    frame = np.array([[0.0, 0.0, size[1], size[0]]])
    return float(geometry.within(box[None], frame)[0, 0]) < 0.3


def _return_cost(lost: Life, life: Life) -> float:
    """How little a new craft looks like a lost one; 1 and more is another one."""
    if lost.class_name != life.class_name:
        return 2.0
    away = float(np.hypot(*((life.box[:2] + life.box[2:] - lost.last_seen[:2] - lost.last_seen[2:]) / 2)))
    diagonal = max(lost.motion.diagonal, life.motion.diagonal)
    reach = diagonal * (1.5 + 1.0 * lost.unseen_s)
    apart = likeness.size_ratio(lost.last_seen, life.box)
    strange = likeness.unlike(lost.make_up, life.make_up)
    return 0.6 * away / reach + 0.3 * apart + 0.7 * strange
