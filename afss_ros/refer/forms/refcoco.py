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
            yield _pointed(root, images[number], split, said, annotations, classes)
        except (DatasetError, KeyError, TypeError, ValueError) as err:
            yield f"image {number}: {err}"


def _targets(ref: Any) -> list[int]:
    """Ids of the annotations that a ref means; -1 and None are none."""
    value = ref.get("ann_id")
    values = value if isinstance(value, list) else [value]
    return [int(v) for v in values if v is not None and int(v) >= 0]


def _text(sentence: Any, language: str) -> str:
    other = any("\u3400" <= letter <= "\u9fff" for letter in str(sentence.get("sent", "")))
    text = sentence.get("sent_zh" if language == "zh" and "sent_zh" in sentence else "sent", sentence.get("raw", ""))
    if "sent_zh" not in sentence and other != (language == "zh"):
        return ""
    return " ".join(str(text).split())


def _pointed(
    root: Path, image: Any, split: str, said: dict[str, list[int]], annotations: dict[int, Any], classes: dict[int, str]
) -> Pointed:
    name = str(image["file_name"])
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise DatasetError(f"its picture {name!r} lies outside the set")
    path = next((root / folder / name for folder in _FOLDERS if (root / folder / name).is_file()), None)
    if path is None:
        raise DatasetError(f"its picture {name!r} is missing")
    meant = sorted({number for numbers in said.values() for number in numbers})
    places = {number: place for place, number in enumerate(meant)}
    things: list[tuple[str, Mask]] = []
    for number in meant:
        if number not in annotations:
            raise DatasetError(f"a sentence means annotation {number}, which is not there")
        annotation = annotations[number]
        shape = annotation["segmentation"]
        # As they were drawn: RRSIS-D declares sizes that its masks have not.
        if isinstance(shape, dict):
            mask = decode(shape)
        elif shape and isinstance(shape[0], dict):
            mask = decode(shape[0])
        else:
            mask = decode(from_polygons(shape, int(image["height"]), int(image["width"])))
        things.append((classes[int(annotation["category_id"])], mask))
    told = tuple((text, tuple(places[n] for n in numbers)) for text, numbers in said.items())
    return Pointed(f"{Path(name).stem}-{split}", path, split, tuple(things), told)
