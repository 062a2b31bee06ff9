"""`afss select` without its command line: read, decide, split, write, and say what was dropped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.keep import Keep
from afss_ros.distill.errors import DistillError
from afss_ros.distill.selection.candidates import read_candidates
from afss_ros.distill.selection.decide import REASONS, decide
from afss_ros.distill.selection.divide import divide
from afss_ros.distill.selection.picture import write_picture
from afss_ros.distill.selection.scores import ranges, require_scores
from afss_ros.distill.selection.settings import Selection
from afss_ros.distill.selection.wishes import read_wishes
from afss_ros.distill.selection.write import provenance, write_set

DECISIONS = "selection.json"
PICTURE = "selection.png"


@dataclass(frozen=True, slots=True)
class Selected:
    """What a selection came to.

    Attributes:
        by_reason: images by what stopped them; "kept" for those that stay.
        by_split: the kept ones.
        note: what else to know of the splits, "" for nothing.
    """

    by_reason: dict[str, int]
    by_split: dict[str, int]
    note: str = ""


def select(
    sets: Sequence[Path],
    out: Path,
    settings: Selection,
    *,
    against: Sequence[Path] = (),
    choices: Path | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Selected:
    """Select from labelled sets into `out`, with `selection.json` and `selection.png` beside the samples.

    Running it again on the same input goes on where it was killed; on another input it refuses.

    Args:
        against: for each set another labelling of the same images; where the two differ, pixels become unlabelled.
        choices: what a person saved from the page of `afss label`; None takes each set's own `choices.json`.
        advance: called once for each image that was looked at.

    Raises:
        DistillError: nothing is left, the sets do not fit each other, or no instance has a score that is asked for.
        DatasetError: a set cannot be read, or `out` holds another selection.
    """
    candidates = read_candidates(sets, against, advance)
    named = Keep(settings.keep).names
    require_scores(named, candidates, f"--keep {settings.keep!r}")
    require_scores({settings.rank} - {""}, candidates, f"--rank {settings.rank}")
    wishes = read_wishes(sets, choices, candidates)
    verdicts = decide(candidates, settings, wishes.choices)
    if not any(v.kept for v in verdicts):
        here = ranges(named, candidates)
        raise DistillError(
            f"nothing of {len(candidates)} images is left: {_words(Counter(v.reason for v in verdicts))}"
            + (f"; {here}" if here else "")
        )
    division = divide(candidates, verdicts, settings)
    candidates, verdicts, splits = division.candidates, division.verdicts, division.splits
    write_set(out, candidates, verdicts, splits, provenance(sets, against, settings, candidates, verdicts))
    dropped = [{"key": key, "reason": "person", "detail": ""} for key in wishes.gone]
    dropped += [
        {"key": c.key, "reason": v.reason, "detail": v.detail}
        for c, v in zip(candidates, verdicts, strict=True)
        if not v.kept
    ]
    counts = Counter(d["reason"] for d in dropped)
    by_reason = {
        "kept": len(candidates) + len(wishes.gone) - len(dropped),
        **{r: counts[r] for r in REASONS if counts[r]},
    }
    by_split = Counter(s for s, v in zip(splits, verdicts, strict=True) if v.kept)
    document = {"by_reason": by_reason, "by_split": dict(sorted(by_split.items())), "dropped": dropped}
    if division.note:
        document["cut"] = division.note
    write_atomically(out / DECISIONS, (json.dumps(document, indent=1) + "\n").encode())
    write_picture(out / PICTURE, candidates, verdicts)
    return Selected(by_reason, dict(sorted(by_split.items())), division.note)


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{REASONS[r]} ({counts[r]})" for r in REASONS if counts[r]) or "there are none"
