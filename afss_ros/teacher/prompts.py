"""Prompts are configuration (class -> phrases), and the rules that turn found instances into one label map.

The rules, in order:

1. A part is kept only inside its craft: at least half of its mask lies in the mask of one craft, and the rest of it
   is cut off. A part without a craft is dropped.
2. A pixel that several parts claim belongs to the part with the highest product of detector and mask score; of equal
   ones, to the smaller part, since a small thing on a large one is what a camera sees in front.
3. Body is craft minus parts. Where no part was asked for, all of the craft is body; where one was asked for
   that the detector cannot find, none of it is, and what is no part is `labels.UNLABELLED` (see `heeding`).
4. A pixel that only a refused instance claims is `labels.UNLABELLED`, and so is that of a refused part on a kept
   craft: nobody decided on it. So is one on which the views or frames behind a kept instance are divided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.datasets.rle import box_of
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.values import Labelled

CRAFT = labels.CLASS_NAMES[labels.SPACECRAFT]
PARTS: tuple[str, ...] = (labels.CLASS_NAMES[labels.PANEL], labels.CLASS_NAMES[labels.ANTENNA])
"""The parts that can be prompted for; body is never prompted for, it is what remains of the craft."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """Class -> phrases, e.g. `{"spacecraft": ("spacecraft",), "panel": ("solar panel", "solar array")}`.

    Phrases are lower case and carry no full stop; a detector that needs one (Grounding DINO) adds it.
    """

    phrases: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, classes: Mapping[str, Sequence[str] | str]) -> Prompts:
        """Read the `prompts` of a configuration.

        Raises:
            TeacherError: a class is unknown, has no phrase or none that is text, or the craft itself is missing.
        """
        phrases: dict[str, tuple[str, ...]] = {}
        for name, given in classes.items():
            if name not in (CRAFT, *PARTS):
                raise TeacherError(f"prompts: unknown class '{name}'; known: {', '.join((CRAFT, *PARTS))}")
            if not isinstance(given, str) and not _are_texts(given):
                raise TeacherError(f"prompts: phrases of '{name}' are a text or a list of texts, got {given!r}")
            texts = given.split(".") if isinstance(given, str) else [part for text in given for part in text.split(".")]
            phrases[name] = tuple(text.strip().lower() for text in texts if text.strip())
            if not phrases[name]:
                raise TeacherError(f"prompts: class '{name}' has no phrase")
        if CRAFT not in phrases:
            raise TeacherError(f"prompts: '{CRAFT}' has no phrase; parts are only kept inside a craft")
        return cls(phrases)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes asked for, the craft first."""
        return (CRAFT, *(name for name in self.phrases if name != CRAFT))

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts asked for."""
        return self.classes[1:]

    def class_of(self, text: str) -> str | None:
        """The class whose phrase shares most words with what a detector says it found; None when none does.

        Detectors return fragments ("solar" for "solar panel"), so words are compared, not strings.
        """
        words = set(text.lower().replace(".", " ").split())
        scored = [
            (len(words & set(phrase.split())) / len(set(phrase.split()) | words), name)
            for name in self.classes
            for phrase in self.phrases[name]
        ]
        share, name = max(scored, key=lambda pair: pair[0])
        return name if share > 0 else None

    def as_dict(self) -> dict[str, list[str]]:
        """For manifests."""
        return {name: list(self.phrases[name]) for name in self.classes}


def _are_texts(given: object) -> bool:
    return isinstance(given, Sequence) and all(isinstance(text, str) for text in given)


def parts_in_craft(instances: Sequence[Labelled], *, inside: float = 0.5) -> list[Labelled]:
    """Rule 1: keep crafts, and the parts of which a share of at least `inside` lies in one craft, cut to it."""
    crafts = [instance for instance in instances if instance.class_name == CRAFT]
    kept = list(crafts)
    for part in instances:
        if part.class_name == CRAFT or not crafts:
            continue
        area = np.count_nonzero(part.mask)
        covers = [part.mask & craft.mask for craft in crafts]
        best = max(covers, key=np.count_nonzero)
        if area and np.count_nonzero(best) >= inside * area:
            kept.append(replace(part, mask=best, box_xyxy=box_of(best)))
    return kept


def label_map(
    kept: Sequence[Labelled], size: tuple[int, int], *, refused: Sequence[Labelled] = ()
) -> NDArray[np.uint8]:
    """Rules 2 to 4: one label map uint8 (H, W) from the instances that a filter kept and those that it refused."""
    result = np.full(size, labels.BACKGROUND, np.uint8)
    for layer, value, crafts in (
        (refused, labels.UNLABELLED, True),
        (kept, labels.BODY, True),
        (refused, labels.UNLABELLED, False),
    ):
        for instance in layer:
            if (instance.class_name == CRAFT) == crafts:
                result[instance.mask] = value
    parts = [instance for instance in kept if instance.class_name != CRAFT]
    for part in sorted(parts, key=_strength):  # the strongest paints last
        result[part.mask] = labels.CLASS_IDS[part.class_name]
    for instance in kept:
        if instance.undecided is not None:
            result[instance.undecided] = labels.UNLABELLED
    return result


def _strength(part: Labelled) -> tuple[float, float]:
    product = part.scores.get("detector_score", 0.0) * part.scores.get("mask_score", 1.0)
    return round(product, 6), -float(np.count_nonzero(part.mask))
