"""Which scores the instances of some labels have; a misspelt one would quietly keep nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from afss_ros.distill.errors import DistillError
from afss_ros.distill.selection.candidates import Candidate

_GIVEN_BY = {
    "agreement": "it comes from several views of each image: label with `afss label --views v2`",
    "temporal": "it comes from other frames: label with `afss label --video flow`",
    "consensus": "it comes from a second labelling of the same images: name that with --against",
}


def require_scores(names: Iterable[str], candidates: Sequence[Candidate], where: str) -> None:
    """Refuse names that no instance has a score of.

    Args:
        where: what names them, for the message.

    Raises:
        DistillError: says which scores there are, and how to come by the missing one.
    """
    judged = [c for c in candidates if c.scores and c.look is not None]
    known = sorted({name for c in judged for scores in c.scores for name in scores})
    for name in sorted(set(names) - set(known)) if judged else ():
        near = get_close_matches(name, known, 1)
        cure = _GIVEN_BY.get(name) or (f"did you mean {near[0]}?" if near else "nothing gives it")
        raise DistillError(f"{where}: no instance has a score {name!r}; {cure}\n  there are: {', '.join(known)}")


def ranges(names: Iterable[str], candidates: Sequence[Candidate]) -> str:
    """The values that images have of these scores, in words: "agreement is 0.10 to 0.48"; empty without any."""
    found = []
    for name in sorted(names):
        values = [scores[name] for c in candidates for scores in c.scores if name in scores]
        if values:
            found.append(f"{name} is {min(values):.2f} to {max(values):.2f}")
    return ", ".join(found)
