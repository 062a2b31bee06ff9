"""The chosen images as a data set of our form, each with its scores and its origin. Resumable: what is there, stays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros import datasets
from afss_ros.datasets.pictures import is_upright
from afss_ros.distill.selection.candidates import Candidate
from afss_ros.distill.selection.decide import Verdict
from afss_ros.distill.selection.restrict import disagreement, without
from afss_ros.distill.selection.settings import Selection

_KEPT_AS_THEY_ARE = {".jpg": "jpg", ".jpeg": "jpg", ".png": "png"}


def write_set(
    out: Path,
    candidates: Sequence[Candidate],
    verdicts: Sequence[Verdict],
    splits: Sequence[str],
    provenance: dict[str, Any],
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Write what stays; returns how many images the set has.

    Args:
        splits: of each candidate.
        provenance: see `provenance`; a set of another one is not written into.
        advance: called after each candidate.

    Raises:
        DatasetError: `out` holds another selection, or cannot be written.
    """
    with datasets.DatasetWriter(out, provenance=provenance) as writer:
        for candidate, verdict, split in zip(candidates, verdicts, splits, strict=True):
            if verdict.kept and candidate.key not in writer:
                _add(writer, candidate, verdict, split)
            advance()
        return len(writer)


def provenance(
    sets: Sequence[Path],
    against: Sequence[Path],
    settings: Selection,
    candidates: Sequence[Candidate],
    verdicts: Sequence[Verdict],
) -> dict[str, Any]:
    """How the set comes to be: the settings, the sets with their own provenance, and a hash of every decision."""
    decisions = [(c.key, v.reason, v.instances) for c, v in zip(candidates, verdicts, strict=True)]
    return {
        "made_by": "afss select",
        "selection": settings.model_dump(mode="json"),
        "sets": [{"name": p.resolve().name, "provenance": datasets.load(p).provenance} for p in sets],
        "against": [{"name": p.resolve().name, "provenance": datasets.load(p).provenance} for p in against],
        "decisions_sha256": hashlib.sha256(repr(decisions).encode()).hexdigest(),
    }


def _add(writer: datasets.DatasetWriter, candidate: Candidate, verdict: Verdict, split: str) -> None:
    sample = candidate.sample
    instances = sample.instances or ()
    kept = [i for i, stays in zip(instances, verdict.instances, strict=True) if stays]
    scores = [dict(s) for s, stays in zip(candidate.scores, verdict.instances, strict=True) if stays]
    labels = None
    if sample.labels is not None:
        labels = without(sample.read_labels(), instances, verdict.instances)
        if candidate.other is not None and candidate.other.labels is not None:
            labels = disagreement(labels, candidate.other.read_labels())
    kept_as_it_is = sample.image.suffix.lower() in _KEPT_AS_THEY_ARE and is_upright(sample.image)
    image_format = _KEPT_AS_THEY_ARE[sample.image.suffix.lower()] if kept_as_it_is else None
    writer.add(
        candidate.key,
        np.ascontiguousarray(sample.read_image()),
        labels,
        None if sample.instances is None else kept,
        split=split,
        sequence=candidate.sequence,
        attributes={**sample.attributes, "scores": scores, "from": candidate.source},
        image_format=image_format or "png",
        encoded=sample.image.read_bytes() if image_format else None,
        parts=sample.parts,
        only=sample.only,
        complete=sample.complete,
    )
