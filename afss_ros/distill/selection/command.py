"""`afss select` without its command line: read, decide, split, write, and say what was dropped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from afss_ros.datasets.choices import Choices, read_choices, read_choices_file
from afss_ros.datasets.files import write_atomically
from afss_ros.distill.errors import DistillError
from afss_ros.distill.selection.candidates import read_candidates
from afss_ros.distill.selection.decide import REASONS, decide
from afss_ros.distill.selection.divide import divide
from afss_ros.distill.selection.picture import write_picture
from afss_ros.distill.selection.settings import Selection
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
        DistillError: nothing is left, or the sets do not fit each other.
        DatasetError: a set cannot be read, or `out` holds another selection.
    """
    candidates = read_candidates(sets, against, advance)
    wishes = _choices(sets, choices)
    verdicts = decide(candidates, settings, wishes)
    if not any(v.kept for v in verdicts):
        raise DistillError(
            f"nothing of {len(candidates)} images is left: {_words(Counter(v.reason for v in verdicts))}"
        )
    division = divide(candidates, verdicts, settings)
    candidates, verdicts, splits = division.candidates, division.verdicts, division.splits
    write_set(out, candidates, verdicts, splits, provenance(sets, against, settings, candidates, verdicts))
    # `datasets.load` has left these out already.
    gone = sorted(wishes.drop - {c.key for c in candidates})
    dropped = [{"key": key, "reason": "person", "detail": ""} for key in gone]
    dropped += [
        {"key": c.key, "reason": v.reason, "detail": v.detail}
        for c, v in zip(candidates, verdicts, strict=True)
        if not v.kept
    ]
    counts = Counter(d["reason"] for d in dropped)
    by_reason = {"kept": len(candidates) + len(gone) - len(dropped), **{r: counts[r] for r in REASONS if counts[r]}}
    by_split = Counter(s for s, v in zip(splits, verdicts, strict=True) if v.kept)
    document = {"by_reason": by_reason, "by_split": dict(sorted(by_split.items())), "dropped": dropped}
    if division.note:
        document["cut"] = division.note
    write_atomically(out / DECISIONS, (json.dumps(document, indent=1) + "\n").encode())
    write_picture(out / PICTURE, candidates, verdicts)
    return Selected(by_reason, dict(sorted(by_split.items())), division.note)


def _choices(sets: Sequence[Path], file: Path | None) -> Choices:
    """A person's choices by the keys of the new set, which carry the set's name when there are several."""
    if file is not None:
        if len(sets) > 1:
            raise DistillError(f"{file}: choices belong to one set; put each beside its set as choices.json")
        return read_choices_file(file)
    keep: set[str] = set()
    drop: set[str] = set()
    for path in sets:
        found = read_choices(path) if path.is_dir() else Choices()
        prefix = f"{path.resolve().name}/" if len(sets) > 1 else ""
        keep |= {prefix + key for key in found.keep}
        drop |= {prefix + key for key in found.drop}
    return Choices(frozenset(keep), frozenset(drop))


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{REASONS[r]} ({counts[r]})" for r in REASONS if counts[r]) or "there are none"
