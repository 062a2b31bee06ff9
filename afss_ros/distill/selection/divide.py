"""Which image goes to which split: by whole sequences, and by blocks of time where there is a single one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from afss_ros.distill.selection.candidates import Candidate
from afss_ros.distill.selection.cut import cut_sequence
from afss_ros.distill.selection.decide import Verdict
from afss_ros.distill.selection.settings import Selection
from afss_ros.distill.selection.splits import split_sequences

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Division:
    """The splits of a selection.

    Attributes:
        candidates: with the sequences that they have in the new set: each block of a cut recording is one.
        verdicts: with those dropped that lie between two blocks.
        splits: of each candidate; without meaning for what is dropped.
        note: what was cut, in words; "" when nothing was.
    """

    candidates: list[Candidate]
    verdicts: list[Verdict]
    splits: list[str]
    note: str = ""


def divide(candidates: Sequence[Candidate], verdicts: Sequence[Verdict], settings: Selection) -> Division:
    """Give every image that stays its split; shares are of what stays."""
    if not settings.val and not settings.test:
        return Division(list(candidates), list(verdicts), [c.sample.split or "train" for c in candidates])
    kept = [i for i, v in enumerate(verdicts) if v.kept]
    sequences = [candidates[i].sequence for i in kept]
    if len(set(sequences)) == 1 and sequences[0]:
        cut = cut_sequence(_times([candidates[i] for i in kept]), settings.val, settings.test)
        if cut is not None:
            return _divided(candidates, verdicts, kept, cut)
        _LOG.warning(
            "%s: its %d frames are too few to cut some off for validation; label another recording, or more of this"
            " one, or name another set with `afss train --validation`", sequences[0], len(kept),
        )  # fmt: skip
        return Division(list(candidates), list(verdicts), ["train" for _ in candidates])
    splits = ["" for _ in candidates]
    for i, split in zip(kept, split_sequences(sequences, settings.val, settings.test, settings.seed), strict=True):
        splits[i] = split
    return Division(list(candidates), list(verdicts), splits)


def _divided(
    candidates: Sequence[Candidate], verdicts: Sequence[Verdict], kept: Sequence[int], cut: Sequence[str]
) -> Division:
    blocks, judged, splits = list(candidates), list(verdicts), ["" for _ in candidates]
    for i, split in zip(kept, cut, strict=True):
        if split:
            splits[i] = split
            blocks[i] = replace(candidates[i], sequence=f"{candidates[i].sequence}/{split}")
        else:
            judged[i] = replace(verdicts[i], reason="guard", detail="beside the cut through its recording")
    counts = ", ".join(f"{cut.count(name)} {name}" for name in ("train", "val", "test") if name in cut)
    note = (
        f"{candidates[kept[0]].sequence} is the only sequence: cut in time into {counts}, with {cut.count('')} dropped"
        " between them. Scores on such a split flatter; label another recording to validate on when you can"
    )
    return Division(blocks, judged, splits, note)


def _times(candidates: Sequence[Candidate]) -> list[float]:
    """When each frame was taken; its place in the set where that is not known."""
    stamps = [c.sample.attributes.get("stamp_ns") for c in candidates]
    known = [float(s) for s in stamps if isinstance(s, (int, float))]
    return known if len(known) == len(stamps) else [float(i) for i in range(len(stamps))]
