"""From candidates to units of work, the same in every run.

A unit is a batch of frames, or a chunk of video. Where a unit ends depends on the frames alone, never on where an
earlier run was killed; a unit that was cut short is computed again as a whole, so that each frame meets the same
neighbours, and gets the same labels, as in an uninterrupted run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.phash import coarse_distance, perceptual_hash
from afss_ros.labelling.inputs import UNREADABLE, Candidate
from afss_ros.labelling.manifest import DAMAGED, LOOKED_AT
from afss_ros.labelling.select import Selection, Selector
from afss_ros.sources import Damage, Unreadable
from afss_ros.teacher.errors import TeacherError

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where a unit must end.

    Attributes:
        length: frames of a unit, at most.
        gap_s: seconds without a frame after which a new unit starts; None where units are no video.
        jump: bits of hash (of the coarse 80) by which neighbours may differ within a unit.
        events: of a unit, at most: of a scene that stands still nearly all frames are skipped, and what is known of
            them is to be written down, and shown as progress, before it ends.
    """

    length: int
    gap_s: float | None = None
    jump: int = 32
    events: int = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """What happened to one frame before the teacher saw it.

    Attributes:
        key: the frame's key.
        record: the line that the manifest has, or gets; None for a frame that the teacher is to label.
        candidate, size, hashed: of a frame to label; size is (H, W).
        image: of a frame to label, where the unit has work left.
        done: whether the manifest has this frame already.
        thinned: frames that were passed over by their place or time since the event before.
    """

    key: str
    record: dict[str, Any] | None
    candidate: Candidate | None = None
    size: tuple[int, int] = (0, 0)
    hashed: NDArray[np.uint8] | None = None
    image: Rgb | None = None
    done: bool = False
    thinned: int = 0


@dataclass(slots=True, eq=False)
class Unit:
    """Events in order; `trailing` counts the frames that were passed over after the last."""

    events: list[Event] = field(default_factory=list)
    trailing: int = 0

    @property
    def thinned(self) -> int:
        """Frames passed over by their place or time."""
        return sum(event.thinned for event in self.events) + self.trailing

    @property
    def frames(self) -> int:
        """Frames that the unit decides about, thinned ones included; a place of damage is none."""
        damaged = [e for e in self.events if e.record is not None and e.record["status"] == DAMAGED]
        return len(self.events) - len(damaged) + self.thinned

    @property
    def picks(self) -> list[Event]:
        """The frames to label."""
        return [event for event in self.events if event.candidate is not None]

    @property
    def finished(self) -> bool:
        """Whether an earlier run has written all of it."""
        return all(event.done for event in self.events)


def plan(
    candidates: Iterable[Candidate | Unreadable | None],
    selection: Selection,
    cuts: Cuts,
    known: Callable[[str], dict[str, Any] | None],
    *,
    decode: bool = True,
) -> Iterator[Unit]:
    """Group candidates into units; decodes what has to be looked at.

    Args:
        candidates: None where the next one is not known yet, for which an empty unit is given.
        known: what the manifest says of a key.
        decode: give the frames to label with their images.

    Raises:
        TeacherError: the input is not the one that the manifest was made from.
    """
    selectors: dict[str, Selector] = {}
    unit, thinned = Unit(), 0
    finished = _with_images if decode else _as_is
    for item in candidates:
        if item is None:
            yield Unit()
            continue
        if isinstance(item, Unreadable):
            status = DAMAGED if isinstance(item, Damage) else "unreadable"
            event = _unreadable(item.name, item.reason, known(item.name), status=status)
        else:
            selector = selectors.setdefault(item.sequence, Selector(selection))
            if not selector.in_time(item.stamp_ns):
                thinned += 1
                continue
            event = _look(item, selector, known(item.key))
        event, thinned = replace(event, thinned=thinned), 0
        picks = unit.picks
        if event.candidate is not None and picks and _is_cut(picks[-1], event, cuts):
            yield finished(unit)
            unit = Unit()
        unit.events.append(event)
        # At once: the next frame of a live camera may be long in coming.
        if len(unit.picks) >= cuts.length or len(unit.events) >= cuts.events:
            yield finished(unit)
            unit = Unit()
    unit.trailing = thinned
    if unit.events or unit.thinned:
        yield finished(unit)


def _look(item: Candidate, selector: Selector, record: dict[str, Any] | None) -> Event:
    """Decide about one frame, by what the manifest says or by its pixels."""
    if record is not None:
        if record["stamp_ns"] != item.stamp_ns:
            raise TeacherError(
                f"{item.key} was stamped {record['stamp_ns']} ns when labelling began and is stamped {item.stamp_ns} ns"
                " now: this is not the same recording; use another --out"
            )
        if record["status"] not in LOOKED_AT:
            return Event(item.key, record, done=True)
        hashed = np.frombuffer(bytes.fromhex(record["phash"]), np.uint8)
        selector.take(item.key, hashed)
        return Event(item.key, None, item, (record["height"], record["width"]), hashed, done=True)
    image = None
    try:
        if item.seen is not None:
            hashed, size = item.seen()
        else:
            image = item.read()
            hashed, size = look(image)
    except UNREADABLE as error:
        return _unreadable(item.key, str(error), None, item.stamp_ns)
    reason = selector.reason_to_skip(hashed)
    if reason:
        skipped = {"key": item.key, "source": item.source, "stamp_ns": item.stamp_ns, "status": "skipped"}
        return Event(item.key, {**skipped, "reason": reason, "phash": hashed.tobytes().hex()})
    selector.take(item.key, hashed)
    return Event(item.key, None, item, size, hashed, image)


def look(image: Rgb) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """What selection and cuts need of a picture: its perceptual hash, and its size (H, W)."""
    return perceptual_hash(image), (image.shape[0], image.shape[1])


def _unreadable(
    key: str, reason: str, record: dict[str, Any] | None, stamp_ns: int = 0, status: str = "unreadable"
) -> Event:
    if record is not None:
        return Event(key, record, done=True)
    return Event(key, {"key": key, "stamp_ns": stamp_ns, "status": status, "reason": reason})


def _is_cut(before: Event, after: Event, cuts: Cuts) -> bool:
    if cuts.gap_s is None or before.candidate is None or after.candidate is None:
        return False
    elapsed = after.candidate.stamp_ns - before.candidate.stamp_ns
    if before.candidate.sequence != after.candidate.sequence or not 0 <= elapsed <= cuts.gap_s * 1e9:
        return True
    assert before.hashed is not None
    assert after.hashed is not None
    return before.size != after.size or bool(coarse_distance(before.hashed, after.hashed) > cuts.jump)


def _as_is(unit: Unit) -> Unit:
    return unit


def _with_images(unit: Unit) -> Unit:
    """Decode again, where an earlier run was killed within the unit, the frames that it had done."""
    if unit.finished:
        return unit
    for i, event in enumerate(unit.events):
        if event.candidate is None or event.image is not None:
            continue
        try:
            image = event.candidate.read()
        except UNREADABLE as error:
            raise TeacherError(f"{event.key} was readable when labelling began and is not now: {error}") from error
        unit.events[i] = replace(event, image=image)
    return unit
