"""How well identities hold: HOTA (Luiten et al., IJCV 2021), IDF1 (Ristani et al., 2016), switches (CLEAR MOT, 2008).

As trackeval computes them, which a test holds them to. A sequence is a list of frames; figures of several sequences are
made of their added counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from afss_ros.tracking import geometry

Float = NDArray[np.float64]
ALPHAS = np.arange(0.05, 0.99, 0.05)
"""The IoU from which a box is found, for HOTA: 0.05 to 0.95."""
_EPS = float(np.finfo("float").eps)
_IDENTITY_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes of a frame with their identities, each at most once: `ids` any hashable, `boxes` float (N, 4) xyxy."""

    ids: tuple[str, ...]
    boxes: NDArray[np.floating]

    def __post_init__(self) -> None:
        if len(set(self.ids)) != len(self.ids) or np.shape(self.boxes) != (len(self.ids), 4):
            raise ValueError(f"a frame has each identity once, and a box (4,) for each; got {self.ids}")


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What sequences add up to; arrays are float64 (19,), one value for each of `ALPHAS`.

    Attributes:
        tp, fn, fp: boxes found, missed, invented.
        associated: sum over found boxes of how well their identity is kept.
        located: sum of IoU over found boxes.
        idtp, idfn, idfp: boxes under the best one-to-one naming of identities.
        switches: how often a true craft's identity changes.
        fragments: how often a true craft is lost and found again.
        truths: true boxes.
    """

    tp: Float = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    fn: Float = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    fp: Float = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    associated: Float = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    located: Float = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    idtp: float = 0.0
    idfn: float = 0.0
    idfp: float = 0.0
    switches: int = 0
    fragments: int = 0
    truths: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in Counts.__dataclass_fields__))

    def figures(self) -> dict[str, float]:
        """HOTA, DetA, AssA and LocA as means over `ALPHAS`, IDF1, IDP, IDR: 0..1; and the counts of switches."""
        det = self.tp / np.maximum(1, self.tp + self.fn + self.fp)
        ass = self.associated / np.maximum(1, self.tp)
        loc = np.maximum(1e-10, self.located) / np.maximum(1e-10, self.tp)
        return {
            "HOTA": float(np.sqrt(det * ass).mean()),
            "DetA": float(det.mean()),
            "AssA": float(ass.mean()),
            "LocA": float(loc.mean()),
            "IDF1": self.idtp / max(1.0, self.idtp + 0.5 * self.idfp + 0.5 * self.idfn),
            "IDP": self.idtp / max(1.0, self.idtp + self.idfp),
            "IDR": self.idtp / max(1.0, self.idtp + self.idfn),
            "switches": float(self.switches),
            "fragments": float(self.fragments),
            "truths": float(self.truths),
        }


def total(counts: Iterable[Counts]) -> Counts:
    """The counts of several sequences together."""
    whole = Counts()
    for one in counts:
        whole = whole + one
    return whole


def count(truth: Sequence[Boxes], told: Sequence[Boxes]) -> Counts:
    """Compare the tracks that were told of a sequence with the true ones, frame by frame."""
    if len(truth) != len(told):
        raise ValueError(f"both must have the same frames; got {len(truth)} and {len(told)}")
    frames = _Numbered(truth, told)
    return Counts(*_hota(frames), *_identity(frames), *_clear(frames), truths=frames.true_boxes)


class _Numbered:
    """Frames with identities as numbers from 0, and the IoU of every pair."""

    def __init__(self, truth: Sequence[Boxes], told: Sequence[Boxes]) -> None:
        true_names = {name: i for i, name in enumerate(dict.fromkeys(n for f in truth for n in f.ids))}
        told_names = {name: i for i, name in enumerate(dict.fromkeys(n for f in told for n in f.ids))}
        self.true_ids = [np.array([true_names[n] for n in f.ids], np.intp) for f in truth]
        self.told_ids = [np.array([told_names[n] for n in f.ids], np.intp) for f in told]
        self.iou = [
            geometry.iou(np.asarray(a.boxes, np.float64), np.asarray(b.boxes, np.float64))
            if a.ids and b.ids
            else np.zeros((len(a.ids), len(b.ids)))
            for a, b in zip(truth, told, strict=True)
        ]
        self.true_count = np.bincount(np.concatenate([*self.true_ids, []]).astype(np.intp), minlength=len(true_names))
        self.told_count = np.bincount(np.concatenate([*self.told_ids, []]).astype(np.intp), minlength=len(told_names))
        self.true_boxes = int(self.true_count.sum())
        self.told_boxes = int(self.told_count.sum())

    def frames(self) -> Iterable[tuple[NDArray[np.intp], NDArray[np.intp], Float]]:
        return zip(self.true_ids, self.told_ids, self.iou, strict=True)


def _hota(frames: _Numbered) -> tuple[Float, Float, Float, Float, Float]:
    shape = len(frames.true_count), len(frames.told_count)
    potential = np.zeros(shape)
    for true, told, iou in frames.frames():
        below = iou.sum(0)[None] + iou.sum(1)[:, None] - iou
        potential[true[:, None], told[None]] += np.divide(iou, below, out=np.zeros_like(iou), where=below > _EPS)
    both = frames.true_count[:, None] + frames.told_count[None]
    alignment = potential / np.maximum(both - potential, _EPS)
    tp, located = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))
    matches = np.zeros((len(ALPHAS), *shape))
    for true, told, iou in frames.frames():
        rows, columns = linear_sum_assignment(-alignment[true[:, None], told[None]] * iou)
        overlap = iou[rows, columns]
        hits = overlap[None] >= ALPHAS[:, None] - _EPS
        tp += hits.sum(1)
        located += (hits * overlap[None]).sum(1)
        matches[:, true[rows], told[columns]] += hits
    associated = (matches * matches / np.maximum(1, both[None] - matches)).sum((1, 2))
    return tp, frames.true_boxes - tp, frames.told_boxes - tp, associated, located


def _identity(frames: _Numbered) -> tuple[float, float, float]:
    trues, tolds = len(frames.true_count), len(frames.told_count)
    potential = np.zeros((trues, tolds))
    for true, told, iou in frames.frames():
        np.add.at(potential, (true[:, None], told[None]), (iou >= _IDENTITY_IOU).astype(np.float64))
    # Each true identity may also be matched with nobody, and each told one.
    missed = np.full((trues + tolds, trues + tolds), 1e10)
    invented = missed.copy()
    missed[:trues, :tolds] = frames.true_count[:, None] - potential
    invented[:trues, :tolds] = frames.told_count[None] - potential
    for corner, counts, place in ((missed, frames.true_count, 0), (invented, frames.told_count, 1)):
        corner[trues:, tolds:] = 0
        if place == 0:
            corner[np.arange(trues), tolds + np.arange(trues)] = counts
            corner[trues:, :tolds] = 0
        else:
            corner[trues + np.arange(tolds), np.arange(tolds)] = counts
            corner[:trues, tolds:] = 0
    rows, columns = linear_sum_assignment(missed + invented)
    idfn = float(missed[rows, columns].sum())
    idfp = float(invented[rows, columns].sum())
    return frames.true_boxes - idfn, idfn, idfp


def _clear(frames: _Numbered) -> tuple[int, int]:
    """Switches and fragments, where a pair that was one stays one as long as it may."""
    trues = len(frames.true_count)
    last = np.full(trues, -1, np.intp)
    before = np.full(trues, -1, np.intp)
    found = np.zeros(trues, np.intp)
    was = np.zeros(trues, np.bool_)
    switches = 0
    for true, told, iou in frames.frames():
        if not len(true):
            before[:] = -1
            was[:] = False
            continue
        score = 1000 * (told[None] == before[true][:, None]) + iou
        score[iou < _IDENTITY_IOU - _EPS] = 0
        rows, columns = linear_sum_assignment(-score)
        kept = score[rows, columns] > _EPS
        rows, columns = rows[kept], columns[kept]
        mine, theirs = true[rows], told[columns]
        switches += int(((last[mine] != theirs) & (last[mine] >= 0)).sum())
        last[mine] = theirs
        before[:] = -1
        before[mine] = theirs
        found += (before >= 0) & ~was
        was = before >= 0
    return switches, int(np.maximum(found - 1, 0).sum())
