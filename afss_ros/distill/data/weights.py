"""How much an image counts in training: the score that its labeller gave it."""

from __future__ import annotations

from collections.abc import Sequence

from afss_ros.datasets import Sample
from afss_ros.datasets.form import WHOLE
from afss_ros.distill.errors import DistillError


def sample_weight(sample: Sample, name: str) -> float:
    """The best score `name` of the crafts in an image, 0..1; 1 without a name, and for an image without that score.

    `score` is that of the instances themselves; other names are looked up in what `afss select` keeps of each.
    """
    found = _score(sample, name) if name else None
    return 1.0 if found is None else min(1.0, max(0.0, found))


def require_score(samples: Sequence[Sample], name: str) -> None:
    """Refuse to weight by a score that no image has, which would do nothing and say nothing.

    Raises:
        DistillError: names the score, and those that there are.
    """
    if name and all(_score(sample, name) is None for sample in samples):
        known = sorted({key for sample in samples for scores in _kept_scores(sample) for key in scores} | {"score"})
        raise DistillError(f"distillation.weight_by: no image has the score {name!r}; there are {', '.join(known)}")


def _score(sample: Sample, name: str) -> float | None:
    instances = sample.instances or ()
    if name == "score":
        values = {i: instance.score for i, instance in enumerate(instances)}
    else:
        values = {i: scores[name] for i, scores in enumerate(_kept_scores(sample)) if name in scores}
    crafts = [value for i, value in values.items() if i < len(instances) and instances[i].class_name == WHOLE]
    return max(crafts or values.values(), default=None)


def _kept_scores(sample: Sample) -> list[dict[str, float]]:
    kept = sample.attributes.get("scores")
    return [s for s in kept if isinstance(s, dict)] if isinstance(kept, list) else []
