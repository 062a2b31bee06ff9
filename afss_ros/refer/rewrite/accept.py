"""Whether other words mean the same: they are read, and must denote the very same things with certainty."""

from __future__ import annotations

from dataclasses import dataclass

from afss_ros.refer.denote import denote
from afss_ros.refer.errors import SentenceError
from afss_ros.refer.meaning import Meaning, brief
from afss_ros.refer.parse import parse
from afss_ros.refer.rewrite.wording import fault
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets.references import Reference


@dataclass(frozen=True, slots=True)
class Judged:
    """A wording and what became of it.

    Attributes:
        meaning: what it was read as; None where it could not be.
        why: it is not accepted; empty for what is.
        hopeless: whether a person need not look: it is wrong by itself, or surely means something else.
    """

    text: str
    meaning: Meaning | None
    why: str
    hopeless: bool = False


def judge(rewrite: str, reference: Reference, scene: Scene) -> Judged:
    """Accept a wording of a reference, or say why not."""
    if wrong := fault(rewrite, reference.text):
        return Judged(rewrite, None, wrong, hopeless=True)
    try:
        sentence = parse(rewrite, scene.nouns)
    except SentenceError as err:
        return Judged(rewrite, None, str(err))
    if len(sentence.parts) != 1 or sentence.ask != "which":
        return Judged(rewrite, None, f"is read as {brief(sentence)}, which points at no one thing", hopeless=True)
    (meaning,) = sentence.parts
    found = denote(meaning, scene)
    if not reference.targets and found.is_none:
        return Judged(rewrite, meaning, "")
    if reference.targets and found.is_certain and set(found.targets) == set(reference.targets):
        return Judged(rewrite, meaning, "")
    if found.is_unsure:
        return Judged(rewrite, meaning, f"is read as {brief(meaning)}, which is not clear in this picture")
    return Judged(rewrite, meaning, f"is read as {brief(meaning)}, which means something else here", hopeless=True)
