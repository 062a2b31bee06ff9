"""What of a prompt a detector can honour, and what labels must leave open where it cannot.

A detector that does not read finds the same whatever it is asked for; one that was never taught a part cannot find it.
Where such a part was asked for, nobody knows which pixels of a craft are it, so none of them may be called body: a
student would learn that panels are body. They are `labels.UNLABELLED`, but for those of parts that were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from afss_ros.teacher.prompts import CRAFT, Prompts
from afss_ros.teacher.protocols import Detector
from afss_ros.teacher.values import Labelled

_USUAL = {"panel": "solar panel"}  # class -> what the shipped configurations call it, besides its own name


def parts_without_a_finder(detector: Detector, prompts: Prompts) -> tuple[str, ...]:
    """The parts that were asked for and that the detector cannot find."""
    return tuple(part for part in prompts.parts if part not in detector.classes)


def unheeded(name: str, detector: Detector, prompts: Prompts) -> list[str]:
    """What of the prompts the detector `name` cannot honour: sentences, for the one who asked.

    The phrases of the shipped configurations say no more than their classes; that nobody reads them is no news.
    """
    said = []
    if not detector.reads:
        for class_name in prompts.classes:
            strange = [p for p in prompts.phrases[class_name] if p not in (class_name, _USUAL.get(class_name))]
            if strange and class_name in detector.classes:
                said.append(
                    f"'{', '.join(strange)}' was not read: the detector {name} reads no text, and calls what it finds"
                    f" {class_name} whatever the prompt says"
                )
    missing = parts_without_a_finder(detector, prompts)
    if missing:
        said.append(
            f"the detector {name} cannot find {' or '.join(missing)}: which pixels of a craft are parts stays"
            " undecided (255), and a student that learns from this set alone learns no craft from its label maps; use"
            f" a detector that finds parts, or ask for {CRAFT} alone"
        )
    return said


def leave_open(instances: Sequence[Labelled]) -> list[Labelled]:
    """Instances of one image whose crafts are undecided wherever no part was found."""
    parts = [instance.mask for instance in instances if instance.class_name != CRAFT]
    opened = []
    for instance in instances:
        if instance.class_name == CRAFT:
            unknown = instance.mask.copy()
            for part in parts:
                unknown &= ~part
            split = unknown if instance.undecided is None else instance.undecided | unknown
            instance = replace(instance, undecided=split)
        opened.append(instance)
    return opened
