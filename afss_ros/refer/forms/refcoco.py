"""RefCOCO and its kin: `instances.json`, and a pickle of refs beside it. RRSIS-D and NWPU-Refer are of this form.

Known traps: refs are pickles; masks are polygons or run lengths; NWPU-Refer has one ref a target, so that refs of one
picture, sentence and split are one sentence about all their targets, has sentences in two languages, and such without
any target; in RRSIS-D some pictures are 801x800 or 800x787 where their masks are 800x800.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import read_json
from afss_ros.datasets.rle import decode, from_polygons
from afss_ros.refer.errors import ReferError
from afss_ros.refer.forms.plain_pickle import load
from afss_ros.refer.forms.pointed import Mask, Pointed

NAMES = ("instances.json", "new_instances.json")
_FOLDERS = ("", "JPEGImages", "images", "train2014", "JPEGImages_all")


def recognises(root: Path) -> bool:
    """Whether a folder has the two files."""
    return any((root / name).is_file() for name in NAMES) and bool(_refs(root))


def _refs(root: Path) -> list[Path]:
    return sorted(root.glob("*refs*.p"))


def read(root: Path, language: str = "en") -> Iterator[Pointed | str]:
    """Pictures with their sentences; a text for each that cannot be used.

    Args:
        language: "en", or "zh" for the other one of NWPU-Refer.

    Raises:
        ReferError: the files are not of this form.
        DatasetError: one cannot be read.
    """
    instances = next((root / name for name in NAMES if (root / name).is_file()), None)
    pickles = _refs(root)
    if instances is None or len(pickles) != 1:
        found = ", ".join(path.name for path in pickles) or "none"
        raise ReferError(f"{root}: wants instances.json and one pickle of refs, found {found}")
    document, refs = read_json(instances), load(pickles[0])
    try:
        images = {int(image["id"]): image for image in document["images"]}
        classes = {int(c["id"]): str(c["name"]) for c in document["categories"]}
        annotations = {int(a["id"]): a for a in document["annotations"]}
        of_image: dict[tuple[int, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for ref in refs:
            meant = _targets(ref)
            for sentence in ref["sentences"]:
                text = _text(sentence, language)
                if text:
                    targets = of_image[int(ref["image_id"]), str(ref["split"])][text]
                    targets += [number for number in meant if number not in targets]
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise ReferError(f"{root}: its refs or instances are of another form ({type(err).__name__}: {err})") from err
    for (number, split), said in sorted(of_image.items()):
        if number not in images:
            yield f"image {number}: refs speak of it, and {instances.name} does not know it"
            continue
        try:
            kept, problems = _meant(images[number], said, annotations, classes)
            yield from (f"image {number}: {problem}" for problem in problems)
            if kept:
                yield _pointed(root, images[number], split, kept)
        except KeyError as err:
            yield f"image {number}: {instances.name} does not give its {err}"
        except (DatasetError, TypeError, ValueError) as err:
            yield f"image {number}: {err}"


def _targets(ref: Any) -> list[int]:
    """Ids of the annotations that a ref means; -1 and None are none."""
    value = ref["ann_id"]
    values = value if isinstance(value, list) else [value]
    return [int(v) for v in values if v is not None and int(v) >= 0]


def _text(sentence: Any, language: str) -> str:
    if not isinstance(sentence.get("sent", ""), str):
        sentence = {name: value for name, value in sentence.items() if name != "sent"}
    other = any("\u3400" <= letter <= "\u9fff" for letter in str(sentence.get("sent", "")))
    text = sentence.get("sent_zh" if language == "zh" and "sent_zh" in sentence else "sent", sentence.get("raw", ""))
    text = text or " ".join(sentence.get("tokens", ()))
    if "sent_zh" not in sentence and other != (language == "zh"):
        return ""
    return " ".join(str(text).split())


Said = list[tuple[str, list[tuple[str, int, Mask]]]]


def _meant(
    image: Any, said: dict[str, list[int]], annotations: dict[int, Any], classes: dict[int, str]
) -> tuple[Said, list[str]]:
    """Sentences with class, number and mask of what they mean, and what is wrong with those that are left out."""
    masks: dict[int, tuple[str, int, Mask]] = {}
    problems: dict[int, str] = {}
    for number in sorted({number for numbers in said.values() for number in numbers}):
        try:
            masks[number] = _annotated(number, image, annotations, classes)
        except DatasetError as err:
            problems[number] = str(err)
    kept = [
        (text, [masks[n] for n in numbers]) for text, numbers in said.items() if not any(n in problems for n in numbers)
    ]
    return kept, list(problems.values())


def _annotated(number: int, image: Any, annotations: dict[int, Any], classes: dict[int, str]) -> tuple[str, int, Mask]:
    if number not in annotations:
        raise DatasetError(f"a sentence means annotation {number}, which is not there")
    annotation = annotations[number]
    if int(annotation.get("image_id", image["id"])) != int(image["id"]):
        raise DatasetError(f"annotation {number} is of image {annotation['image_id']}")
    category, shape = int(annotation["category_id"]), annotation.get("segmentation")
    if category not in classes:
        raise DatasetError(f"annotation {number} is of category {category}, which is not there")
    if not shape:
        raise DatasetError(f"annotation {number} has no mask; a box alone does not tell what is meant")
    # As they were drawn: RRSIS-D declares sizes that its masks have not.
    if isinstance(shape, dict):
        mask = decode(shape)
    elif isinstance(shape[0], dict):
        pieces = [decode(piece) for piece in shape]
        if len({piece.shape for piece in pieces}) > 1:
            raise DatasetError(f"annotation {number} has pieces of several sizes")
        mask = np.logical_or.reduce(pieces)
    else:
        mask = decode(from_polygons(shape, int(image["height"]), int(image["width"])))
    if not mask.any():
        raise DatasetError(f"the mask of annotation {number} is empty")
    return classes[category], number, mask


def _pointed(root: Path, image: Any, split: str, said: Said) -> Pointed:
    name = str(image["file_name"])
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DatasetError(f"its picture {name!r} lies outside the set")
    path = next((root / folder / name for folder in _FOLDERS if (root / folder / name).is_file()), None)
    if path is None:
        raise DatasetError(f"its picture {name!r} is missing")
    meant = {number: (noun, mask) for _, targets in said for noun, number, mask in targets}
    places = {number: place for place, number in enumerate(sorted(meant))}
    told = tuple((text, tuple(places[number] for _, number, _ in targets)) for text, targets in said)
    key = "-".join((*Path(name).with_suffix("").parts, split))
    return Pointed(key, path, split, tuple(meant[n] for n in places), told)
