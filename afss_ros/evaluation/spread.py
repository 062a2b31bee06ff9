"""An evaluation by many workers: a shard is some images, and the figures are those of one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from afss_ros import datasets
from afss_ros.cluster import Crew, SetAside, Shard, Tally
from afss_ros.cluster.estimate import Estimate, Trial, ceil, planned, size
from afss_ros.cluster.stores import local
from afss_ros.datasets import Dataset, Problem, Sample
from afss_ros.evaluation.evaluate import Examined, Report, examine, spread, together
from afss_ros.evaluation.tta import AUGMENTATIONS
from afss_ros.student import Student, Tiling

IMAGES = 32
"""Of a shard."""


@dataclass(frozen=True, slots=True)
class EvaluateStep:
    """Looking at images with a student, for workers: a task is the first image and the one after the last.

    `model` and `data` are paths or URLs. Each worker reads the set's index, and a task is a place in it. See
    `cluster.Step`.
    """

    model: str
    data: str
    split: str | None
    limit: int | None
    tta: str
    provider: str
    tiling: str
    score_threshold: float

    @contextmanager
    def open(self) -> Iterator[Callable[[tuple[int, int]], Examined]]:
        """Load the student and the set's index."""
        dataset = datasets.load(local(self.data), self.split)
        samples = spread(dataset.samples, self.limit)
        with Student(
            local(self.model),
            provider=self.provider,
            threads=1,
            score_threshold=self.score_threshold,
            tiling=Tiling(self.tiling),
        ) as student:
            perceive = AUGMENTATIONS[self.tta](student)
            yield lambda piece: examine(perceive, dataset, samples[slice(*piece)])


def evaluate_by(
    crew: Crew,
    step: EvaluateStep,
    dataset: Dataset,
    advance: Callable[[], None] = lambda: None,
    told: Callable[[Tally], None] = lambda tally: None,
) -> Report:
    """As `evaluate.evaluate`, by the workers of a crew; images that none could look at are problems.

    Raises:
        DatasetError: not one image could be used.
        ClusterError: the workers cannot go on.
    """
    samples = spread(dataset.samples, step.limit)
    parts: dict[int, Examined] = {}
    for outcome in crew.run(step, shards(len(samples), dataset.root.name), told):
        first, end = outcome.shard.task
        if isinstance(outcome, SetAside):
            lost = tuple(Problem(sample.key, f"set aside: {outcome.reason}") for sample in samples[first:end])
            parts[first] = Examined((), lost, frozenset(), None)
        else:
            parts[first] = _as_here(outcome.value, samples[first:end])
        for _ in range(first, end):
            advance()
    return together(dataset, [parts[first] for first in sorted(parts)])


def _as_here(examined: Examined, samples: Sequence[Sample]) -> Examined:
    """With the samples of this process, whose paths are as they were given."""
    ours = {sample.key: sample for sample in samples}
    here = f"{Path.cwd()}/"
    results = tuple(replace(result, sample=ours[result.sample.key]) for result in examined.results)
    given = any(sample.image.is_absolute() for sample in samples)
    problems = tuple(
        problem if given else replace(problem, reason=problem.reason.replace(here, "")) for problem in examined.problems
    )
    return replace(examined, results=results, problems=problems)


def shards(count: int, name: str) -> Iterator[Shard]:
    """All images, some at a time."""
    for first in range(0, count, IMAGES):
        end = min(first + IMAGES, count)
        each = tuple(Shard(f"{name}: image {i}", (i, i + 1)) for i in range(first, end))
        yield Shard(f"{name}: images {first} to {end - 1}", (first, end), each)


def estimate(step: EvaluateStep, crew: Crew, images: int = 8) -> Estimate:
    """Say what looking at the images will take: a few are looked at.

    Raises:
        DatasetError, StudentError: there is nothing to look at, or with nothing.
        ClusterError: the cluster does not answer.
    """
    dataset = datasets.load(local(step.data), step.split)
    count = len(spread(dataset.samples, step.limit))
    few = min(images, count)
    with step.open() as look:
        look((0, 1))
        begun = time.perf_counter()
        look((0, few))
        seconds = time.perf_counter() - begun
    read = sum(size(path) for s in dataset.samples[:few] for path in (s.image, s.labels) if path is not None)
    return planned("images", count, ceil(count, IMAGES), crew, Trial(few, seconds, read=float(read)))
