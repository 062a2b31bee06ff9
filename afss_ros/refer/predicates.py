"""Tests of things: yes, no, or unsure where a thing is within a margin of the border, or a fact is not known.

Every rule is symmetric, so that mirrored pictures give mirrored answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from afss_ros.refer.meaning import CENTRE, DIRECTIONS, Colour, Cut, Light, Place
from afss_ros.refer.scene import Scene, Thing


class Verdict(IntEnum):
    """Of a test on a thing; the smaller of two is their "and", the larger their "or"."""

    NO = -1
    UNSURE = 0
    YES = 1


@dataclass(frozen=True, slots=True)
class Margins:
    """How far from a border a thing must be for a clear answer.

    Attributes:
        place: of halves and of the centre, as a fraction of the picture's side.
        lead: of an extreme over its rivals and of sides, as a fraction of the longer side; never less than `pixels`.
        pixels: the least lead, in pixels.
        ratio: between areas, or distances.
        degrees: of a direction's sector.
        brightness: between rivals, in grey levels.
        share: of a colour's share of the pixels.
        light: of a part's mean luminance about the border of shadow, in grey levels.
        sunlit: of the share of a part that the Sun reaches about a half, where that is known.
    """

    place: float = 0.07
    lead: float = 0.03
    pixels: float = 3.0
    ratio: float = 1.25
    degrees: float = 8.0
    brightness: float = 18.0
    share: float = 0.15
    light: float = 15.0
    sunlit: float = 0.3

    def lead_in(self, scene: Scene) -> float:
        return max(self.pixels, self.lead * max(scene.size))


CLEAR = Margins()
"""What an expression that is written down must keep."""
CRISP = Margins(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""No margins: for the best answer to a sentence that is not quite clear."""

_CENTRE_REACH = 1 / 6
_MOST = 0.45
"""A thing has the colour that more than this share of its pixels has."""
_SHADOW = 55.0
"""Mean luminance of what is in shadow is lower; used where nobody knows what the Sun reaches."""


def signed(distance: float, margin: float) -> Verdict:
    """Yes beyond the margin, no beyond it on the other side."""
    if distance > margin:
        return Verdict.YES
    return Verdict.NO if distance < -margin or (distance <= 0 and margin == 0) else Verdict.UNSURE


def negated(verdict: Verdict) -> Verdict:
    return Verdict(-verdict)


def place(test: Place, thing: Thing, scene: Scene, margins: Margins) -> Verdict:
    """Whether the centroid lies in a half, a quarter, or the centre of the picture."""
    height, width = scene.size
    across, down = thing.centroid[0] / width - 0.5, thing.centroid[1] / height - 0.5
    if test.where == CENTRE:
        return signed(_CENTRE_REACH - max(abs(across), abs(down)), margins.place)
    x, y = DIRECTIONS[test.where]
    return min(signed(value * sign, margins.place) for value, sign in ((across, x), (down, y)) if sign)


def colour(test: Colour, thing: Thing, scene: Scene, margins: Margins) -> Verdict:
    """Whether most pixels have a colour; unsure without a picture."""
    if test.name not in thing.shares:
        return Verdict.UNSURE
    surely, perhaps = thing.shares[test.name]
    if surely > _MOST + margins.share:
        return Verdict.YES
    if margins.share == 0:
        return Verdict.YES if (surely + perhaps) / 2 > _MOST else Verdict.NO
    return Verdict.NO if perhaps < _MOST - margins.share else Verdict.UNSURE


def light(test: Light, thing: Thing, scene: Scene, margins: Margins) -> Verdict:
    """Whether the Sun reaches a thing: as its maker knows, else by how bright it is."""
    if thing.lit is not None:
        sunny = signed(thing.lit - 0.5, margins.sunlit)
    elif thing.brightness is None:
        return Verdict.UNSURE
    else:
        sunny = signed(thing.brightness - _SHADOW, margins.light)
    return sunny if test.lit else negated(sunny)


def cut(test: Cut, thing: Thing, scene: Scene, margins: Margins) -> Verdict:
    """Whether the frame cuts a thing; one that ends within the margin of it may be cut or not."""
    far = scene.free(thing) > min(margins.pixels, 2.0)
    verdict = Verdict.YES if thing.cut else (Verdict.NO if far else Verdict.UNSURE)
    return verdict if test.cut else negated(verdict)


SIMPLE: dict[type, Callable[..., Verdict]] = {Place: place, Colour: colour, Light: light, Cut: cut}
"""Tests that look at one thing alone."""


def direction(offset: tuple[float, float], where: tuple[int, int], scene: Scene, margins: Margins) -> Verdict:
    """Whether an offset points in one of the eight directions.

    Left, right, above and below have sectors of 90 degrees, those between them 60: neighbours overlap, as words do.
    """
    far = math.hypot(*offset)
    if far <= margins.lead_in(scene):
        return Verdict.UNSURE if margins.pixels else Verdict.NO
    cosine = (offset[0] * where[0] + offset[1] * where[1]) / (far * math.hypot(*where))
    off = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
    reach = 45.0 if 0 in where else 30.0
    return signed(reach - off, margins.degrees)


def along(offset: tuple[float, float], axis: tuple[float, float], scene: Scene, margins: Margins) -> Verdict:
    """Whether an offset goes along an axis of the craft as the picture shows it; unsure where it points at us."""
    length = math.hypot(*axis)
    if length < 0.2:
        return Verdict.UNSURE
    return signed((offset[0] * axis[0] + offset[1] * axis[1]) / length, margins.lead_in(scene))


def before(by: str, a: Thing, b: Thing, scene: Scene, margins: Margins) -> Verdict:
    """Whether `a` comes before `b` in a direction or by a measure, such as "left" or "largest"."""
    if min(a.seen, b.seen) < 1:
        return Verdict.UNSURE  # who knows where its middle is, or how large it is
    if by in DIRECTIONS:
        x, y = DIRECTIONS[by]
        norm = math.hypot(x, y)
        lead = ((a.centroid[0] - b.centroid[0]) * x + (a.centroid[1] - b.centroid[1]) * y) / norm
        return signed(lead, margins.lead_in(scene))
    if by in ("largest", "smallest"):
        larger = _greater(a.area, b.area, margins.ratio)
        lesser = b if larger is Verdict.YES else a
        if lesser.cut and margins.ratio > 1:
            larger = Verdict.UNSURE  # who knows how much of it lies outside
        return larger if by == "largest" else negated(larger)
    if by in ("nearest", "farthest"):
        if a.distance is None or b.distance is None:
            return Verdict.UNSURE
        farther = _greater(a.distance, b.distance, 1 + (margins.ratio - 1) / 5)
        return farther if by == "farthest" else negated(farther)
    if a.brightness is None or b.brightness is None:
        return Verdict.UNSURE
    brighter = signed(a.brightness - b.brightness, margins.brightness)
    return brighter if by == "brightest" else negated(brighter)


def _greater(a: float, b: float, ratio: float) -> Verdict:
    if a > b * ratio:
        return Verdict.YES
    return Verdict.NO if b > a * ratio or ratio == 1 else Verdict.UNSURE


def closer(a: float, b: float, scene: Scene, margins: Margins) -> Verdict:
    """Whether a gap in pixels is clearly smaller than another: by the lead, and by the ratio."""
    if margins.pixels == 0:
        return Verdict.YES if a < b else Verdict.NO
    lead = margins.lead_in(scene)
    if b > a * margins.ratio and b - a > lead:
        return Verdict.YES
    return Verdict.NO if a > b * margins.ratio and a - b > lead else Verdict.UNSURE
