"""Teachers against the truth: what each view set, and the video, is worth. On rendered bags and on data sets.

    python -m afss_ros.labelling.compare flyaround.mcap path/to/spark2022_dev --limit 40

A bag is one sequence, and its truth is what `afss render --trajectory` recorded; the images of a data set are
independent, so no video row is run on them. The filter is not applied: average precision reads the scores itself.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import labels
from afss_ros.bags import BagReader
from afss_ros.datasets import Instance, load
from afss_ros.datasets import rle as run_length
from afss_ros.evaluation.metrics.detection import ImageObjects, average_precision, box_iou
from afss_ros.labelling.assemble import Teacher, assemble
from afss_ros.labelling.settings import LabelSettings, load_settings, parse_overrides
from afss_ros.sources.bag import choose_topic, decode_message, header_stamp_ns
from afss_ros.synthetic.truth import MASK_TOPIC
from afss_ros.teacher.prompts import CRAFT
from afss_ros.teacher.refinement.remembering import RememberingDetector, RememberingSegmenter
from afss_ros.teacher.values import Labelled

Rgb = NDArray[np.uint8]
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("zero-shot", {}),
    ("v1", {"refine.views": "v1"}),
    ("v2", {"refine.views": "v2"}),
    ("v3", {"refine.views": "v3"}),
    ("v4", {"refine.views": "v4"}),
    ("zero-shot + video", {"video.propagator": "VIDEO"}),
    ("v1 + video", {"refine.views": "v1", "video.propagator": "VIDEO"}),
)

KEPT = 0.60
"""The detector score from which the default filter keeps a frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An image uint8 (H, W, 3) and its true crafts."""

    image: Rgb
    truth: tuple[Instance, ...]


def read_bag(path: Path, limit: int) -> list[Scene]:
    """A rendered bag: `limit` images from its middle, one after the other, with the crafts of its true label maps."""
    with BagReader(path) as bag:
        camera = choose_topic(bag.topics, None)
        truth: dict[int, tuple[Instance, ...]] = {}
        for message in bag.messages([MASK_TOPIC]):
            content = bag.deserialize(message)
            ids = np.frombuffer(content.data, np.uint8).reshape(content.height, content.width)
            mask = np.isin(ids, labels.PART_IDS)
            truth[header_stamp_ns(content.header)] = (Instance.from_mask(CRAFT, mask),) if mask.any() else ()
        scenes = []
        first = max(0, (bag.topics[camera].count - limit) // 2)
        for message in islice(bag.messages([camera]), first, first + limit):
            content = bag.deserialize(message)
            image = np.ascontiguousarray(decode_message(content, message.msgtype))
            scenes.append(Scene(image, truth[header_stamp_ns(content.header)]))
    return scenes


def read_set(path: Path, limit: int) -> list[Scene]:
    """A data set with whole crafts as instances; `limit` images, spread over it. Masks come along where it has any."""
    samples = [sample for sample in load(path) if sample.instances is not None]
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, min(limit, len(samples))).astype(int)]
    return [
        Scene(s.read_image(), tuple(i for i in s.read_instances() or () if i.class_name == CRAFT))
        for s in chosen
    ]  # fmt: skip


def judge(scenes: Sequence[Scene], teacher: Teacher, unit: int) -> dict[str, float | None]:
    """Figures of a teacher on scenes, `unit` of them at a time."""
    found: list[list[Labelled]] = []
    for first in range(0, len(scenes), unit):
        labelled = teacher.label([scene.image for scene in scenes[first : first + unit]])
        found += [[i for i in instances if i.class_name == CRAFT] for instances in labelled]
    objects = [
        ImageObjects(scene.image.shape[0], scene.image.shape[1], scene.truth, tuple(map(_instance, crafts)))
        for scene, crafts in zip(scenes, found, strict=True)
    ]
    boxes, masks = average_precision(objects, "bbox"), average_precision(objects, "segm")
    overlaps = [
        (max((box_iou(crafts[0].box_xyxy, t.box_xyxy) for t in scene.truth), default=0.0), crafts[0])
        for scene, crafts in zip(scenes, found, strict=True)
        if crafts
    ]
    kept = [overlap for overlap, first in overlaps if first.scores["detector_score"] >= KEPT]
    return {
        "box_ap": boxes["ap"],
        "box_ap50": boxes["ap50"],
        "mask_ap": masks["ap"],
        "mask_ap50": masks["ap50"],
        "box_iou": sum(overlap for overlap, _ in overlaps) / len(objects),
        "kept": len(kept) / len(objects),
        "kept_box_iou": float(np.mean(kept)) if kept else None,
        "looks": float(len(teacher.refinement.views)),
    }


def _instance(labelled: Labelled) -> Instance:
    # Ranked by what the run knows: the detector's word, and where there is video what other frames say.
    score = labelled.scores["detector_score"] * labelled.scores.get("temporal", 1.0)
    return Instance(CRAFT, labelled.box_xyxy, run_length.encode(labelled.mask), float(np.clip(score, 0.0, 1.0)))


def compare(path: Path, base: LabelSettings, limit: int, video: str) -> list[dict[str, Any]]:
    """One row for each way to label `path`."""
    is_set = path.is_dir() and not (path / "metadata.yaml").exists()
    scenes = read_set(path, limit) if is_set else read_bag(path, limit)
    rows = []
    detector, segmenter = _remembering(assemble(base))
    for name, changes in ROWS:
        if is_set and "video.propagator" in changes:
            continue
        settings = _changed(base, {k: video if v == "VIDEO" else v for k, v in changes.items()})
        unit = settings.video.chunk if settings.video.propagator != "off" else settings.batch
        teacher = dataclasses.replace(assemble(settings), detector=detector, segmenter=segmenter)
        rows.append({"data": path.name, "frames": len(scenes), "teacher": name, **judge(scenes, teacher, unit)})
    return rows


def _remembering(teacher: Teacher) -> tuple[RememberingDetector, RememberingSegmenter]:
    return RememberingDetector(teacher.detector), RememberingSegmenter(teacher.segmenter)


def _changed(base: LabelSettings, changes: dict[str, Any]) -> LabelSettings:
    for dotted, value in changes.items():
        group, name = dotted.split(".")
        base = dataclasses.replace(base, **{group: dataclasses.replace(getattr(base, group), **{name: value})})
    return base


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    figures = ("box_ap", "box_ap50", "mask_ap", "mask_ap50", "box_iou", "kept", "kept_box_iou", "looks")
    heads = ("box AP", "box AP50", "mask AP", "mask AP50", "mean box IoU", "kept", "IoU of kept", "views")
    lines = [f"| data | frames | teacher | {' | '.join(heads)} |", f"| --- | ---: | --- |{' ---: |' * len(heads)}"]
    for row in rows:
        values = " | ".join("–" if row[f] is None else f"{row[f]:.3f}" for f in figures)
        lines.append(f"| {row['data']} | {row['frames']} | {row['teacher']} | {values} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m afss_ros.labelling.compare", description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="rendered bags with truth, and data sets")
    parser.add_argument("--config", type=Path, help="settings of the teacher; default: the offline baseline")
    parser.add_argument("--set", action="append", default=[], help="any setting, as of `afss label`")
    parser.add_argument("--video", default="flow", help="what propagates in the video rows: flow or sam2")
    parser.add_argument("--limit", type=int, default=40, help="frames of each")
    parser.add_argument("--json", type=Path, help="write every figure here")
    given = parser.parse_args(arguments)
    base = load_settings(given.config, {"keep": "", **parse_overrides(given.set)})
    rows = [row for path in given.data for row in compare(path, base, given.limit, given.video)]
    sys.stdout.write(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
