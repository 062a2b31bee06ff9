"""Told against true: identities, false tracks, crossings, bearings and ranges of one flight, and of many together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from afss_ros.evaluation.metrics.tracking import Boxes, Counts, count, total
from afss_ros.evaluation.tracking.told import ToldCraft, ToldFrame
from afss_ros.evaluation.tracking.truth import TrueFlight, TrueFrame
from afss_ros.tracking import bearing, geometry, ranging
from afss_ros.tracking.rays import Rays

Array = NDArray[np.float64]
_SAME = 0.3
"""IoU from which a told box is of a true craft."""
_ANYTHING = 0.1
_FALSE = 0.3
"""A track that is on a craft in fewer of its frames is false."""
_CHI2_95 = 5.991
"""95 % of chi-square values of two degrees of freedom lie below."""
_SIGMA_90 = 1.645
_SAME_LENGTH = 0.05
"""By how much the length that a range was told for may be off, as a share; else the range says nothing."""
SIZES = (0.0, 32.0, 64.0, 128.0, float("inf"))
RESAMPLES = 1000
PIECES = 10
"""Into which one flight alone is cut, for its intervals."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One bearing, and perhaps one range, with their truth.

    Attributes:
        error: normalised error squared of the bearing.
        miss: its angle off, in craft lengths.
        diagonal: of the craft's box, px.
        light, phase: brightness of its pixels 0..1, if known; angle Sun, craft, camera in degrees.
        range_error: logarithm of told over true range, and `range_sigma`, that of the told one; None without range.
        piece: in which of the flight's `PIECES` it is.
    """

    error: float
    miss: float
    diagonal: float
    light: float | None
    phase: float
    range_error: float | None
    range_sigma: float | None
    diameter: float | None
    piece: int = 0


@dataclass(frozen=True, slots=True)
class Flight:
    """What one recording adds to the figures.

    Attributes:
        other_length: ranges that were told for another length than the craft has, and are not judged.
        lengths: of the craft, metres, by number.
        without: the counts of the flight without each of its pieces in turn, where that was asked for.
    """

    name: str
    seconds: float
    counts: Counts
    false_detections: int
    false_tracks: int
    crossings: int
    switched: int
    sightings: tuple[Sighting, ...]
    at_border: int
    milliseconds: tuple[float, ...]
    other_length: int = 0
    lengths: tuple[tuple[str, float], ...] = ()
    without: tuple[Counts, ...] = ()


def judge(truth: TrueFlight, told: dict[int, ToldFrame], *, in_pieces: bool = False) -> Flight:
    """Compare what was told of a flight with the truth; frames that nobody told of count as missed.

    Args:
        in_pieces: count without each tenth of the flight too, from which its own intervals are made.
    """
    frames = [(stamp, frame, told.get(stamp, ToldFrame())) for stamp, frame in truth.frames.items()]
    true_boxes = [Boxes(tuple(f.boxes), _stack(f.boxes.values())) for _, f, _ in frames]
    told_boxes = [Boxes(tuple(t.craft), _stack(c.box for c in t.craft.values())) for _, _, t in frames]
    counts = count(true_boxes, told_boxes)
    pieces = np.array_split(np.arange(len(frames)), PIECES)
    piece_of = {int(i): number for number, piece in enumerate(pieces) for i in piece}
    without = tuple(
        count(_all_but(true_boxes, piece), _all_but(told_boxes, piece)) for piece in pieces if in_pieces and len(piece)
    )
    pairs = [_pairs(f, t) for _, f, t in frames]
    stamps = list(truth.frames)
    seconds = (stamps[-1] - stamps[0]) / 1e9 if len(stamps) > 1 else 0.0
    crossings, switched = _crossings([f for _, f, _ in frames], pairs)
    sightings: list[Sighting] = []
    at_border = other_length = 0
    for i, ((_, frame, here), pair) in enumerate(zip(frames, pairs, strict=True)):
        for number, identity in pair.items():
            craft = here.craft[identity]
            if craft.bearing is None or not craft.seen:
                continue
            if craft.bearing.at_border:
                at_border += 1
            elif not _covered(frame, number):
                length = truth.lengths.get(number)
                other_length += int(_is_other(craft, length))
                sightings.append(replace(_sighting(frame, number, craft, length), piece=piece_of[i]))
    return Flight(
        truth.path.stem, seconds, counts, *_false(frames), crossings, switched, tuple(sightings), at_border,
        tuple(t.milliseconds for _, _, t in frames if t.milliseconds is not None), other_length,
        tuple(truth.lengths.items()), without,
    )  # fmt: skip


def _all_but(frames: Sequence[Boxes], piece: NDArray[np.intp]) -> list[Boxes]:
    return [frame for i, frame in enumerate(frames) if not piece[0] <= i <= piece[-1]]


def _is_other(craft: ToldCraft, length: float | None) -> bool:
    """Whether a range was told for another length than the craft has."""
    return bool(craft.length and length and abs(craft.length / length - 1) > _SAME_LENGTH)


def _stack(boxes: Any) -> Array:
    return np.array(list(boxes), np.float64).reshape(-1, 4)


def _pairs(frame: TrueFrame, told: ToldFrame) -> dict[str, str]:
    """Which identity was told for each true craft of a frame."""
    if not frame.boxes or not told.craft:
        return {}
    overlap = geometry.iou(_stack(frame.boxes.values()), _stack(c.box for c in told.craft.values()))
    true, ids = list(frame.boxes), list(told.craft)
    rows, columns = linear_sum_assignment(-overlap)
    return {true[r]: ids[c] for r, c in zip(rows, columns, strict=True) if overlap[r, c] >= _SAME}


def _false(frames: Sequence[tuple[int, TrueFrame, ToldFrame]]) -> tuple[int, int]:
    """Detections on no craft at all, and tracks that are mostly on none."""
    detections = 0
    shown: dict[str, list[bool]] = {}
    for _, frame, told in frames:
        true = _stack(frame.boxes.values())
        for box in told.detections:
            detections += int(not len(true) or geometry.iou(_stack([box]), true).max() < _ANYTHING)
        for identity, craft in told.craft.items():
            hit = bool(len(true) and geometry.iou(_stack([craft.box]), true).max() >= _ANYTHING)
            shown.setdefault(identity, []).append(hit)
    return detections, sum(1 for hits in shown.values() if np.mean(hits) < _FALSE)


def _crossings(frames: Sequence[TrueFrame], pairs: Sequence[dict[str, str]]) -> tuple[int, int]:
    """How often two craft that both had an identity met and parted, and after how many either had another one."""
    numbers = sorted({n for f in frames for n in f.boxes})
    met = switched = 0
    for i, a in enumerate(numbers):
        for b in numbers[i + 1 :]:
            before: tuple[str, str] | None = None
            together = False
            for frame, pair in zip(frames, pairs, strict=True):
                both = a in frame.boxes and b in frame.boxes
                touching = both and geometry.iou(_stack([frame.boxes[a]]), _stack([frame.boxes[b]]))[0, 0] > 0
                hidden = (a in frame.boxes) != (b in frame.boxes) and together
                if touching or hidden:
                    together = True
                elif both and a in pair and b in pair:
                    if together and before is not None:
                        met += 1
                        switched += int((pair[a], pair[b]) != before)
                    together, before = False, (pair[a], pair[b])
    return met, switched


def _covered(frame: TrueFrame, number: str) -> bool:
    """Whether another craft may stand before this one."""
    own = _stack([frame.boxes[number]])
    return any(geometry.iou(own, _stack([box]))[0, 0] > 0 for other, box in frame.boxes.items() if other != number)


def _sighting(frame: TrueFrame, number: str, craft: ToldCraft, length: float | None) -> Sighting:
    assert craft.bearing is not None and frame.camera is not None
    place = frame.places[number]
    metres = float(np.linalg.norm(place))
    true = place / metres
    angle = float(np.arccos(np.clip(true @ craft.bearing.direction, -1, 1)))
    error = sigma = None
    if craft.place is not None and craft.covariance is not None and not _is_other(craft, length):
        told = float(np.linalg.norm(craft.place))
        along = craft.place / told
        error, sigma = float(np.log(told / metres)), float(np.sqrt(along @ craft.covariance @ along)) / told
    elif craft.diameter is not None and length:
        found = ranging.from_length(craft.diameter, Rays(frame.camera).focal, length)
        if found is not None:
            error, sigma = float(np.log(found.metres / metres)), found.sigma / found.metres
    return Sighting(
        bearing.normalised_error_squared(craft.bearing, place),
        angle * metres / length if length else float("nan"),
        float(np.hypot(*(craft.box[2:] - craft.box[:2]))),
        craft.light,
        float(np.degrees(np.arccos(np.clip(-true @ frame.sun, -1, 1)))),
        error,
        sigma,
        craft.diameter,
    )


def figures(flights: Sequence[Flight], seed: int = 0) -> dict[str, Any]:
    """All figures of flights together, with 95 % intervals, as plain JSON values.

    The intervals are of the bootstrap over flights. Of one flight alone they are of its tenths: the jackknife for what
    identities are worth, which needs the whole, and the bootstrap for bearings and ranges. What is the same all
    through that flight, its craft and its light, is not in them.
    """
    flights = [f for f in flights if f.counts.truths]
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(flights), size=(RESAMPLES, len(flights))) if flights else np.zeros((0, 0), int)
    whole = total(f.counts for f in flights)
    named = whole.figures()
    document: dict[str, Any] = {"flights": len(flights), "hours": sum(f.seconds for f in flights) / 3600}
    document["intervals_over"] = "flights" if len(flights) > 1 else "tenths of the flight"
    spread = [total(flights[i].counts for i in draw).figures() for draw in draws[:200]]
    rest = [c.figures() for c in flights[0].without] if len(flights) == 1 else []
    for name, value in named.items():
        document[name] = value
        if name in ("HOTA", "DetA", "AssA", "IDF1"):
            if len(flights) > 1:
                document[f"{name}_95"] = _interval([s[name] for s in spread])
            elif len(rest) > 1:
                document[f"{name}_95"] = _jackknife(value, [r[name] for r in rest])
    hours = max(document["hours"], 1e-9)
    document |= {
        "false_detections": sum(f.false_detections for f in flights),
        "false_tracks": sum(f.false_tracks for f in flights),
        "crossings": sum(f.crossings for f in flights),
        "crossings_switched": sum(f.switched for f in flights),
        "sightings": sum(len(f.sightings) for f in flights),
        "sightings_at_border": sum(f.at_border for f in flights),
    }
    document["false_detections_per_hour"] = document["false_detections"] / hours
    document["false_tracks_per_hour"] = document["false_tracks"] / hours
    times = [m for f in flights for m in f.milliseconds]
    if times:
        document["milliseconds_p50"], document["milliseconds_p95"] = (float(v) for v in np.percentile(times, [50, 95]))
    groups = [f.sightings for f in flights]
    if len(flights) == 1:
        groups = [tuple(s for s in flights[0].sightings if s.piece == k) for k in range(PIECES)]
        draws = rng.integers(PIECES, size=(RESAMPLES, PIECES))
    document["bearing"] = [_bearing(groups, draws, low, high) for low, high in pairwise(SIZES)] + [
        _bearing(groups, draws, SIZES[0], SIZES[-1])
    ]
    document["range"] = _range(groups, draws) | {"for_another_length": sum(f.other_length for f in flights)}
    if document["range"]["for_another_length"]:
        document["range"]["lengths_m"] = {f"{f.name}:{n}": length for f in flights for n, length in f.lengths}
    return document


def _jackknife(value: float, without: Sequence[float]) -> list[float]:
    """The 95 % interval of a share that is `value`, from what it is without each part (Tukey, 1958)."""
    n = len(without)
    deviation = float(np.sqrt((n - 1) / n * np.square(np.array(without) - np.mean(without)).sum()))
    return [max(value - 1.96 * deviation, 0.0), min(value + 1.96 * deviation, 1.0)]


def _bearing(groups: Sequence[Sequence[Sighting]], draws: NDArray[np.int64], low: float, high: float) -> dict[str, Any]:
    """Of the craft between two sizes: how often the error is within its 95 % bound, its mean, and the miss."""
    each = [[s for s in group if low <= s.diagonal < high] for group in groups]
    found = [s for group in each for s in group]
    row: dict[str, Any] = {"from_px": low, "to_px": None if np.isinf(high) else high, "sightings": len(found)}
    if not found:
        return row
    sums = np.array([[len(g), sum(s.error < _CHI2_95 for s in g), sum(s.error for s in g) / 2] for g in each], float)
    drawn = sums[draws].sum(1)
    drawn = drawn[drawn[:, 0] > 0]
    n, inside, mean = sums.sum(0)
    row |= {"within_95": float(inside / n), "mean_error_over_2": float(mean / n)}
    if sum(bool(group) for group in each) > 1:
        row["within_95_95"] = _interval(drawn[:, 1] / drawn[:, 0])
        row["mean_error_over_2_95"] = _interval(drawn[:, 2] / drawn[:, 0])
    misses = [s.miss for s in found if np.isfinite(s.miss)]
    if misses:
        row["miss_lengths_p50"], row["miss_lengths_p95"] = (float(v) for v in np.percentile(misses, [50, 95]))
    return row


def _range(groups: Sequence[Sequence[Sighting]], draws: NDArray[np.int64]) -> dict[str, Any]:
    each = [[s for s in group if s.range_error is not None and s.range_sigma] for group in groups]
    found = [s for group in each for s in group]
    if not found:
        return {"sightings": 0}
    # One sigma is a share of the told range, so the bound is on told and true, not on their logarithm.
    sums = np.array([[len(g), sum(_in_range(s) for s in g)] for g in each], float)
    drawn = sums[draws].sum(1)
    drawn = drawn[drawn[:, 0] > 0]
    off = np.abs(np.expm1([s.range_error or 0.0 for s in found]))
    row: dict[str, Any] = {"sightings": len(found), "within_90": float(sums[:, 1].sum() / len(found))}
    if sum(bool(group) for group in each) > 1:
        row["within_90_95"] = _interval(drawn[:, 1] / drawn[:, 0])
    row["off_p50"], row["off_p95"] = (float(v) for v in np.percentile(off, [50, 95]))
    return row


def _in_range(sighting: Sighting) -> bool:
    assert sighting.range_error is not None and sighting.range_sigma is not None
    return abs(1 - exp(-sighting.range_error)) <= _SIGMA_90 * sighting.range_sigma


def _interval(values: Any) -> list[float]:
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]
