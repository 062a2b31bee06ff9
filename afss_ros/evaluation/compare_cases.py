"""The images that each student is worst at, as all of them see them: asked again, for documents hold no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afss_ros import datasets
from afss_ros.datasets import Dataset, Sample
from afss_ros.evaluation import compare
from afss_ros.evaluation.cases import Case
from afss_ros.evaluation.compare import Document
from afss_ros.evaluation.evaluate import ImageResult, Perceive, judge
from afss_ros.evaluation.truth import further_classes, read_truth
from afss_ros.evaluation.tta import AUGMENTATIONS
from afss_ros.perception import Frame
from afss_ros.student import Student, StudentError, Tiling

WORST = 4
"""How many images of each student are shown."""


@dataclass(slots=True)
class ComparedCase:
    """One image.

    Attributes:
        key: of its sample.
        worst_of: the names of the students whose worst cases it belongs to.
        pictures: captions and data URLs: image, truth, and one a student.
    """

    key: str
    worst_of: list[str]
    pictures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Compared:
    """The cases, and why there are no others: what could not be read or asked again."""

    cases: list[ComparedCase]
    missing: list[str]


def worst_cases(documents: Sequence[Document]) -> Compared:
    """Draw the worst cases of each student; on the CPU, for they are few.

    Data sets and student files are looked for where they were evaluated. What is not there any more, or is another file
    by now, is named, and the rest is drawn.
    """
    cases = _chosen(documents)
    missing: list[str] = []
    if not cases:
        return Compared([], ["the documents name no worst cases; evaluate again with this version"])
    try:
        dataset = datasets.load(documents[0]["data"], documents[0]["split"])
    except datasets.DatasetError as err:
        return Compared([], [str(err)])
    samples = {s.key: s for s in dataset}
    missing += [f"{dataset.root}: {c.key} is not there any more" for c in cases if c.key not in samples]
    cases = [c for c in cases if c.key in samples]
    for name, document in zip(compare.names(documents), documents, strict=True):
        try:
            with _student(document) as student:
                _ask(name, AUGMENTATIONS[document.get("tta", "none")](student), dataset, samples, cases)
        except (StudentError, datasets.DatasetError, OSError) as err:
            missing.append(f"{name}: {err}")
    return Compared([c for c in cases if c.pictures], missing)


def _chosen(documents: Sequence[Document]) -> list[ComparedCase]:
    """The worst of each, then the second worst of each, and so on."""
    found: dict[str, ComparedCase] = {}
    for rank in range(WORST):
        for name, document in zip(compare.names(documents), documents, strict=True):
            for entry in document.get("worst", [])[rank : rank + 1]:
                found.setdefault(entry["key"], ComparedCase(entry["key"], [])).worst_of.append(name)
    return list(found.values())


def _student(document: dict[str, Any]) -> Student:
    student = Student(
        Path(document["model"]), provider="cpu", score_threshold=document["score_threshold"],
        tiling=Tiling(document.get("tiling", "none")),
    )  # fmt: skip
    if student.sha256 != document["model_sha256"]:
        student.close()
        raise StudentError(f"{document['model']} is another file by now; evaluate it again")
    return student


def _ask(
    name: str, model: Perceive, dataset: Dataset, samples: dict[str, Sample], cases: Sequence[ComparedCase]
) -> None:
    for compared in cases:
        sample = samples[compared.key]
        image = sample.read_image()
        seen = model(Frame(image, source=str(sample.image)))
        further = further_classes(dataset, seen.class_names)
        result = judge(sample, image, read_truth(sample, dataset.class_names, further), seen, further)
        case = Case.read(sample, dataset.class_names, further, result.size)
        if not compared.pictures:
            compared.pictures += [("image", case.show_image()), ("truth", case.show_truth())]
        compared.pictures.append((f"{name}, {_quality(result)}", case.show_seen(seen)))


def _quality(result: ImageResult) -> str:
    what = "IoU" if result.confusion is not None else "box IoU"
    return what + (" unknown" if result.quality is None else f" {result.quality:.3f}")
