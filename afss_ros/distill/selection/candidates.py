"""Labelled images with everything that selecting them needs: instances with named scores, and a look at the pixels."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afss_ros import datasets
from afss_ros.datasets.form import WHOLE
from afss_ros.distill.errors import DistillError
from afss_ros.distill.selection.look import Look, look_at
from afss_ros.distill.selection.restrict import consensus

_LOG = logging.getLogger(__name__)
Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One labelled image.

    Attributes:
        key, sequence: in the new set; with several sources, the source's name is in front.
        source: name of the set it comes from.
        sample: the image there.
        scores: of each instance, by name; an instance's scores hide the image's of the same name.
        look: None when the files cannot be read.
        problem: why not.
        other: the same image in the set that this one is held against, if any.
    """

    key: str
    sequence: str
    source: str
    sample: datasets.Sample
    scores: tuple[Scores, ...]
    look: Look | None
    problem: str = ""
    other: datasets.Sample | None = None

    @property
    def classes(self) -> frozenset[str]:
        """What quotas count: the classes of the instances, and the craft's name."""
        named = self.sample.attributes.get("craft")
        own = {i.class_name for i in self.sample.instances or ()}
        return frozenset(own | ({str(named)} if named else set()))

    def value(self, name: str) -> float:
        """A score of the image: the best of its crafts', or of its instances' when there is no craft; 0 without."""
        instances = self.sample.instances or ()
        crafts = [s for i, s in zip(instances, self.scores, strict=True) if i.class_name == WHOLE]
        return max((s.get(name or "score", 0.0) for s in crafts or self.scores), default=0.0)


def read_candidates(
    sets: Sequence[Path], against: Sequence[Path] = (), advance: Callable[[], None] = lambda: None
) -> list[Candidate]:
    """Every image of the sets, measured. Files that cannot be read make a candidate with a problem.

    Args:
        against: for each set another labelling of the same images, which gives the score `consensus`; or none.
        advance: called after each image.

    Raises:
        DistillError: two sets share a name, or a manifest does not belong to its set.
        DatasetError: a set cannot be read.
    """
    if against and len(against) != len(sets):
        raise DistillError(f"{len(sets)} sets cannot be held against {len(against)}; give one for each, in order")
    names = [path.resolve().name for path in sets]
    if len(set(names)) < len(names):
        raise DistillError(f"{', '.join(map(str, sets))}: sets must differ in name, for keys begin with it")
    candidates = []
    for number, (path, name) in enumerate(zip(sets, names, strict=True)):
        dataset = datasets.load(path)
        for problem in dataset.told_problems():
            _LOG.warning("%s", problem)
        manifest = read_manifest_scores(path)
        others = {s.key: s for s in datasets.load(against[number])} if against else {}
        prefix = f"{name}/" if len(sets) > 1 else ""
        for sample in dataset:
            candidates.append(_candidate(sample, name, prefix, manifest, others.get(sample.key)))
            advance()
    return candidates


def read_manifest_scores(root: Path) -> dict[str, tuple[Scores, ...]]:
    """By key, the scores of the kept instances that `afss label` wrote into its manifest; empty without one."""
    path = root / "manifest.jsonl"
    if not path.is_file():
        return {}
    scores: dict[str, tuple[Scores, ...]] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break  # torn by a kill
            try:
                record = json.loads(line)
                kept = [i for i in record.get("instances", ()) if i["kept"]]
                scores[record["key"]] = tuple({k: float(v) for k, v in i["scores"].items()} for i in kept)
            except (ValueError, KeyError, TypeError) as err:
                raise DistillError(f"{path}: line {number} is no record of afss label ({err})") from err
    return scores


def _candidate(
    sample: datasets.Sample,
    source: str,
    prefix: str,
    manifest: Mapping[str, tuple[Scores, ...]],
    other: datasets.Sample | None,
) -> Candidate:
    frame = _numbers(sample.attributes)
    try:
        look, problem = look_at(sample), ""
        frame |= look.as_scores()
        if other is not None and sample.labels is not None and other.labels is not None:
            frame["consensus"] = round(consensus(sample.read_labels(), other.read_labels()), 4)
    except datasets.DatasetError as err:
        look, problem = None, str(err)
    named = manifest.get(sample.key) or _own_scores(sample)
    instances = sample.instances or ()
    if len(named) != len(instances):
        raise DistillError(
            f"{source}: {sample.key} has {len(instances)} instances, its manifest scores {len(named)}; label it again"
        )
    scores = tuple({**frame, "score": i.score, **own} for i, own in zip(instances, named, strict=True))
    sequence = f"{prefix}{sample.sequence}" if sample.sequence else ""
    return Candidate(prefix + sample.key, sequence, source, sample, scores, look, problem, other)


def _own_scores(sample: datasets.Sample) -> tuple[Scores, ...]:
    written: Any = sample.attributes.get("scores")  # of a set that `afss select` has made
    if isinstance(written, list) and len(written) == len(sample.instances or ()):
        return tuple(_numbers(scores) for scores in written)
    return tuple({} for _ in sample.instances or ())


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {k: float(v) for k, v in values.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
