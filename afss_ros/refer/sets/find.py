"""`afss refer find`: the frames of a recording, or of a labelled set, that a sentence is about; and where two differ.

In a recording it is the student that sees; in a labelled set it is the labels, so what is found there is true. Where a
network is given too, each frame is asked of both: what they do not agree on is hard for one of them, and worth a label.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.datasets import Dataset, DatasetError
from afss_ros.datasets.files import write_atomically
from afss_ros.images import encode_compressed
from afss_ros.overlay import contact_sheet
from afss_ros.refer.errors import ReferError
from afss_ros.refer.grammar import GrammarResolver, answer
from afss_ros.refer.network import NetworkResolver
from afss_ros.refer.parse import parse
from afss_ros.refer.picture import draw
from afss_ros.refer.resolver import Answer
from afss_ros.refer.sets.from_sets import scene_of
from afss_ros.share import default_student
from afss_ros.sources import Unreadable, open_source
from afss_ros.student import Student

FOUND_FILE, SHEET = "found.jsonl", "sheet.jpg"
_SHOWN = 12
Image = NDArray[np.uint8]
Asked = tuple[str, int | None, Image, Answer]
"""Key and stamp of a frame, its picture, and the answer."""


@dataclass
class Search:
    """What came of it.

    Attributes:
        frames: that were asked about.
        hits: lines of `found.jsonl`, the surest first, or those least agreed upon.
        problems: frames that could not be asked about, and why.
    """

    frames: int = 0
    hits: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find(
    path: Path,
    sentence: str,
    out: Path,
    *,
    topic: str | None = None,
    model: Path | None = None,
    network: Path | None = None,
    differ: float = 0.5,
    advance: Callable[[], None] = lambda: None,
) -> Search:
    """Search, and write `found.jsonl` and `sheet.jpg` into `out`.

    Args:
        path: a recording as `open_source` takes it, or a labelled set.
        topic: of a bag, where it is not clear.
        model: the student; None for the shipped one.
        network: a referring network: then frames are kept whose two answers differ by `differ` or more, as 1 - IoU.

    Raises:
        ReferError: the sentence makes no sense to one of them, or the file is no network.
        SourceError: the path is neither.
        StudentError: the student cannot be opened.
        DatasetError: a file cannot be written.
    """
    search = Search()
    shown: list[tuple[float, Image]] = []
    with ExitStack() as stack:
        second = None if network is None else stack.enter_context(NetworkResolver(network))
        tokens = None if second is None else second.encode(sentence)
        labelled = None if topic is not None else _labelled(path)
        if labelled is not None:
            asked = _in_labels(labelled, sentence, search)
        else:
            asked = _in_recording(path, sentence, topic, model, stack, search)
        for key, stamp, image, found in asked:
            search.frames += 1
            advance()
            line: dict[str, Any] = {
                "key": key, "stamp_ns": stamp, "state": found.state, "score": round(found.score, 4),
                "count": found.count, "why": found.why,
                "boxes": [[d.class_name, *(round(float(v), 1) for v in d.box_xyxy)] for d in found.detections],
            }  # fmt: skip
            worth = found.score
            if second is not None and tokens is not None:
                other = second.answer(image, tokens)
                worth = line["disagreement"] = round(1 - _overlap(found.mask, other.mask), 4)
                line["network"] = {"state": other.state, "score": round(other.score, 4), "count": other.count}
                wanted = worth >= differ
            else:
                wanted = found.found
            if wanted:
                search.hits.append(line)
                shown = sorted([*shown, (worth, draw(image, f"{key}: {sentence}", found))], key=lambda s: -s[0])
                del shown[_SHOWN:]
    search.hits.sort(key=lambda line: -line.get("disagreement", line["score"]))
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / FOUND_FILE, "".join(json.dumps(line) + "\n" for line in search.hits).encode())
    if shown:
        sheet = contact_sheet([image for _, image in shown], 4, 1600)
        write_atomically(out / SHEET, encode_compressed(sheet, "jpeg", 85))
    return search


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    either = int((a | b).sum())
    return float((a & b).sum() / either) if either else 1.0


def _labelled(path: Path) -> Dataset | None:
    """The data set at a path; None if it is none, or one that labels nothing."""
    if not (path.is_dir() or path.suffix == ".json"):
        return None
    try:
        found = datasets.load(path)
    except DatasetError:
        return None
    return found if any(sample.searched for sample in found) else None


def _in_labels(dataset: Dataset, sentence: str, search: Search) -> Iterator[Asked]:
    understood = parse(sentence, dataset.class_names.values())
    for sample in dataset:
        try:
            scene = scene_of(sample, dataset)
            image = sample.read_image()
        except (DatasetError, ReferError) as error:
            search.problems.append(str(error))
            continue
        yield sample.key, None, image, answer(understood, scene)


def _in_recording(
    path: Path, sentence: str, topic: str | None, model: Path | None, stack: ExitStack, search: Search
) -> Iterator[Asked]:
    parse(sentence)  # before the student is opened in vain
    source = stack.enter_context(open_source(path, topic=topic))
    resolver = GrammarResolver(stack.enter_context(Student(model or default_student())))
    for frame in source:
        if isinstance(frame, Unreadable):
            search.problems.append(f"{frame.name}: {frame.reason}")
            continue
        yield source.key(frame), frame.stamp_ns, frame.image, resolver.resolve(frame.image, sentence)
