"""Who stays: one gate after the other, each image falling at the first that stops it.

The order is that of trust: a person's word, then files that cannot be read, scores, image quality, near-duplicates,
quotas. What a person wants kept passes every gate but that of readability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from afss_ros.datasets.choices import Choices
from afss_ros.datasets.form import WHOLE
from afss_ros.datasets.keep import Keep
from afss_ros.datasets.phash import distance
from afss_ros.distill.selection.candidates import Candidate
from afss_ros.distill.selection.look import Look
from afss_ros.distill.selection.settings import Selection

REASONS: dict[str, str] = {
    "person": "a person dropped it",
    "unreadable": "its files cannot be read",
    "score": "the filter keeps none of its instances",
    "dark": "the craft is too dark",
    "bright": "the craft is overexposed",
    "blurred": "the craft is blurred",
    "duplicate": "it looks like another image",
    "quota": "its class has enough images",
    "guard": "it lies between two blocks of the only recording",
}
"""What stops an image, in the order in which it is asked; the last of `divide`, when everything else is decided."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one candidate.

    Attributes:
        reason: one of `REASONS`; empty for an image that stays.
        detail: the figures behind it.
        instances: which of its instances the filter keeps.
    """

    reason: str = ""
    detail: str = ""
    instances: tuple[bool, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the image stays."""
        return not self.reason


def decide(candidates: Sequence[Candidate], settings: Selection, choices: Choices | None = None) -> list[Verdict]:
    """A verdict for each candidate, in order. A function of its arguments alone.

    Args:
        choices: of a person, by the candidates' keys.
    """
    choices = choices or Choices()
    keep = Keep(settings.keep)
    verdicts = [_alone(c, keep, settings, choices) for c in candidates]
    wanted = [c.key in choices.keep for c in candidates]
    # What a person wants comes first, so that a near-duplicate falls to it and it fills the quota before others do.
    order = sorted(
        (i for i, v in enumerate(verdicts) if v.kept),
        key=lambda i: (not wanted[i], -candidates[i].value(settings.rank), candidates[i].key),
    )
    for i, twin, bits in _duplicates(candidates, order, settings.duplicates):
        if not wanted[i]:
            verdicts[i] = replace(verdicts[i], reason="duplicate", detail=f"{bits} bits from {candidates[twin].key}")
    filled: Counter[str] = Counter()
    for i in order:
        if not verdicts[i].kept:
            continue
        full = sorted(n for n in candidates[i].classes & settings.quotas.keys() if filled[n] >= settings.quotas[n])
        if full and not wanted[i]:
            detail = ", ".join(f"{n} has its {settings.quotas[n]}" for n in full)
            verdicts[i] = replace(verdicts[i], reason="quota", detail=detail)
        else:
            filled.update(candidates[i].classes)
    return verdicts


def _alone(candidate: Candidate, keep: Keep, settings: Selection, choices: Choices) -> Verdict:
    if candidate.key in choices.drop:
        return Verdict("person")
    if candidate.look is None:
        return Verdict("unreadable", candidate.problem)
    if candidate.key in choices.keep:
        return Verdict(instances=tuple(True for _ in candidate.scores))
    passed = kept_instances(candidate, keep)
    if keep.text and not any(passed):
        return Verdict("score", _why(candidate, keep), passed)
    reason, detail = _quality(candidate.look, settings) if candidate.scores else ("", "")
    return Verdict(reason, detail, passed)


def kept_instances(candidate: Candidate, keep: Keep) -> tuple[bool, ...]:
    """Which instances the filter keeps; where there are crafts, a part stays only with one of them."""
    passed = [keep(scores) for scores in candidate.scores]
    whole = [i.class_name == WHOLE for i in candidate.sample.instances or ()]
    if any(whole) and not any(p and w for p, w in zip(passed, whole, strict=True)):
        return tuple(False for _ in passed)
    return tuple(passed)


def _why(candidate: Candidate, keep: Keep) -> str:
    names = sorted(keep.names)
    if not candidate.scores:
        return "nothing was found in it"
    best = max(candidate.scores, key=lambda scores: [scores.get(n, -1.0) for n in names])
    return ", ".join(f"{n} {best[n]:.2f}" if n in best else f"{n} unknown" for n in names)


def _quality(look: Look, settings: Selection) -> tuple[str, str]:
    if look.light < settings.darkest:
        return "dark", f"light {look.light:.1f}, less than {settings.darkest:g}"
    if look.clipped > settings.clipped:
        return "bright", f"{look.clipped:.0%} clipped, more than {settings.clipped:.0%}"
    if look.blur_px > settings.blur_px:
        return "blurred", f"edges {look.blur_px:.1f} px wide, more than {settings.blur_px:g}"
    return "", ""


def _duplicates(candidates: Sequence[Candidate], order: Sequence[int], limit: int) -> list[tuple[int, int, int]]:
    """Of the candidates in `order`, those within `limit` bits of one before: (candidate, its twin, bits)."""
    if limit < 0 or len(order) < 2:
        return []
    hashes = np.stack([look.hashed for i in order if (look := candidates[i].look) is not None])
    chosen: list[int] = []
    found = []
    for place, i in enumerate(order):
        if chosen:
            bits = distance(hashes[chosen], hashes[place])
            nearest = int(np.argmin(bits))
            if bits[nearest] <= limit:
                found.append((i, order[chosen[nearest]], int(bits[nearest])))
                continue
        chosen.append(place)
    return found
