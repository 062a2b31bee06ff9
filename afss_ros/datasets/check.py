"""`afss data check`: everything that is wrong with a data set, before a training run finds out at midnight."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_bytes
from afss_ros.datasets.form import Dataset, Instance, Problem, Sample
from afss_ros.datasets.pictures import SUFFIXES
from afss_ros.datasets.rle import box_of
from afss_ros.labels import BACKGROUND, BODY, CLASS_NAMES, PANEL, UNLABELLED

ANY_PART = "body or a part"
"""What the pixels of body are in a label map for which nobody looked for panels."""

BOX_SLACK = 1.5
"""Pixels by which a box may differ from its mask or leave its image: sets differ in where a pixel ends."""

SAME_OBJECT = 0.5
"""IoU of the box that a detector saw with the box of the mask that a segmenter made of it, below which they cannot be
of one object; the least IoU that COCO counts as found."""

_SHOWN = 5


@dataclass(slots=True)
class Findings:
    """What a check found.

    Attributes:
        samples: how many the set has, by split.
        sizes: how many images have a size (width, height).
        pixels: labelled pixels by class name.
        instances: objects by class name.
        unknown: images of which nobody knows, or not wholly, which objects they show.
        problems: what is wrong; a sample may have several.
        notes: what else to know.
    """

    samples: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(dataset: Dataset, *, whole: bool = True, advance: Callable[[], None] = lambda: None) -> Findings:
    """Read every picture, label map and mask of a set.

    Args:
        whole: whether `dataset` is all of the set; then pictures beside its own that it does not name are noted.
        advance: called after each sample, for a progress bar.
    """
    findings = Findings(problems=list(dataset.problems), notes=list(dataset.notes))
    contents: dict[bytes, list[Sample]] = defaultdict(list)
    sources = _box_sources(dataset.provenance)
    for sample in dataset.samples:
        findings.samples[sample.split] += 1
        findings.sizes[sample.width, sample.height] += 1
        for reason in _check_sample(sample, dataset.class_names, findings, sources):
            findings.problems.append(Problem(sample.key, reason))
        findings.unknown += not sample.searched and not (sample.one_craft and sample.craft_mask is not None)
        with contextlib.suppress(DatasetError):  # named above
            contents[hashlib.sha256(read_bytes(sample.image)).digest()].append(sample)
        advance()
    findings.problems += [Problem(s[0].key, reason) for s in contents.values() for reason in _check_copies(s)]
    findings.problems += _check_sequences(dataset)
    findings.problems += _check_whole(dataset, findings)
    if empty := sum(s.instances == () and s.complete for s in dataset.samples):
        findings.notes.append(f"{empty} of {len(dataset)} pictures show no object, says the set")
    if whole and (note := _unnamed(dataset)):
        findings.notes.append(note)
    return findings


def _box_sources(provenance: Any) -> set[str]:
    """What `afss label` says that it took boxes from, here or in the sets that this one was made of."""
    if isinstance(provenance, list):
        return {source for value in provenance for source in _box_sources(value)}
    if not isinstance(provenance, dict):
        return set()
    own = {str(provenance["box_from"])} if "box_from" in provenance else set()
    return own | _box_sources(list(provenance.values()))


def _check_sample(sample: Sample, class_names: dict[int, str], findings: Findings, sources: set[str]) -> Iterator[str]:
    steps: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _check_image(sample),
        lambda: _check_labels(sample, class_names, findings),
        lambda: _check_instances(sample, findings, sources),
    )
    for step in steps:
        try:
            yield from step()
        except MALFORMED as err:
            yield told(err)


def _check_image(sample: Sample) -> Iterator[str]:
    image = sample.read_image()
    if image.min() == image.max():
        yield f"{sample.image}: is one flat colour"


def _check_labels(sample: Sample, class_names: dict[int, str], findings: Findings) -> Iterator[str]:
    if sample.labels is None:
        if sample.craft_mask is not None:
            sample.read_craft_mask()
        return
    counts = np.bincount(sample.read_labels().ravel(), minlength=256)
    for identifier in np.flatnonzero(counts).tolist():
        name = "unlabelled" if identifier == UNLABELLED else class_names.get(identifier)
        if identifier == BODY and sample.parts is not None and CLASS_NAMES[PANEL] not in sample.parts:
            name = ANY_PART
        if identifier == BACKGROUND and sample.only is not None:
            name = "background or craft"
        if name is None:
            yield f"{sample.labels}: id {identifier} ({counts[identifier]} pixels) is no class; they are {class_names}"
        else:
            findings.pixels[name] += int(counts[identifier])


def _check_instances(sample: Sample, findings: Findings, sources: set[str]) -> Iterator[str]:
    for number, instance in enumerate(sample.read_instances() or ()):
        where = f"instance {number} ({instance.class_name})"
        findings.instances[instance.class_name] += 1
        x0, y0, x1, y1 = (float(v) for v in instance.box_xyxy)
        if x1 <= x0 or y1 <= y0:
            yield f"{where}: its box {instance.box_xyxy.tolist()} has no area"
        if min(x0, y0) < -BOX_SLACK or x1 > sample.width + BOX_SLACK or y1 > sample.height + BOX_SLACK:
            yield f"{where}: its box {instance.box_xyxy.tolist()} leaves the image {sample.width}x{sample.height}"
        mask = instance.mask()
        if mask is None:
            continue
        if mask.shape != (sample.height, sample.width):
            yield f"{where}: its mask is {mask.shape[1]}x{mask.shape[0]}, the image {sample.width}x{sample.height}"
        elif not mask.any():
            yield f"{where}: its mask is empty"
        elif not _agree(instance, box_of(mask), sources):
            yield f"{where}: its box is {instance.box_xyxy.tolist()}, its mask spans {box_of(mask).tolist()}"


def _agree(instance: Instance, tight: NDArray[np.float32], sources: set[str]) -> bool:
    """Whether a box fits its mask: a detector's is an opinion of its own, any other is drawn around the mask.

    Where the provenance does not say, pseudo-labels are known by their score (see `Instance`).
    """
    if "detector" in sources or (not sources and instance.score < 1.0):
        return _iou(tight, instance.box_xyxy) >= SAME_OBJECT
    return bool(np.abs(tight - instance.box_xyxy).max() <= BOX_SLACK)


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    shared = float(np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)))
    either = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared
    return shared / either if either > 0 else 0.0


def _check_copies(samples: list[Sample]) -> Iterator[str]:
    splits = {s.split for s in samples}
    if len(splits) > 1:
        keys = ", ".join(s.key for s in samples[1:4])
        yield f"the same picture is in the splits {', '.join(sorted(splits))} ({keys}): the figures will lie"
    elif len(samples) > 1:
        yield f"the same picture {len(samples)} times ({', '.join(s.key for s in samples[1:4])})"


def _check_sequences(dataset: Dataset) -> list[Problem]:
    splits: dict[str, set[str]] = defaultdict(set)
    for sample in dataset.samples:
        if sample.sequence:
            splits[sample.sequence].add(sample.split)
    return [
        Problem(f"sequence {name}", f"is divided between the splits {', '.join(sorted(found))}; split by sequence")
        for name, found in splits.items()
        if len(found) > 1
    ]


def _check_whole(dataset: Dataset, findings: Findings) -> Iterator[Problem]:
    """What is wrong with the set although each of its samples is right."""
    samples, root = dataset.samples, str(dataset.root)
    maps = sum(s.labels is not None for s in samples)
    if not samples:
        yield Problem(root, "holds no sample that can be read")
    elif not maps and all(s.instances is None and s.craft_mask is None for s in samples):
        yield Problem(root, f"nobody says what its {len(samples)} pictures show")
    names = {dataset.class_names.get(BACKGROUND, CLASS_NAMES[BACKGROUND]), "unlabelled"}
    if maps and "unlabelled" in findings.pixels and not set(findings.pixels) - names:
        yield Problem(root, f"in {maps} label maps no pixel is labelled as anything but background; the rest is 255")


def _unnamed(dataset: Dataset) -> str:
    """A sentence on the pictures that lie beside those of the set and that nothing names; "" for none."""
    if (dataset.root / "choices.json").is_file():
        return ""
    named = {path for s in dataset.samples for path in (s.image, s.labels, s.craft_mask) if path is not None}
    folders = {s.image.parent for s in dataset.samples}
    unnamed = sorted(
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path not in named
    )
    if not unnamed:
        return ""
    shown = ", ".join(path.name for path in unnamed[:_SHOWN]) + (" ..." if len(unnamed) > _SHOWN else "")
    return f"{len(unnamed)} pictures beside those of the set are in no sample: {shown}"
