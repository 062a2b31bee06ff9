"""SPEED+ (Park et al. 2022): one Tango craft an image, poses, three domains.

    camera.json                                  Nu, Nv: image size in pixels
    synthetic|lightbox|sunlamp/<split>.json      [{filename, q_vbs2tango_true (scalar first), r_Vo2To_vbs_true (m)}]
    synthetic|lightbox|sunlamp/images/<filename>
    synthetic|lightbox|sunlamp/masks/<filename>  not 0 on the craft (where the set was given masks)

There are no boxes: the masks give them. Without masks the samples have neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_json
from afss_ros.datasets.form import Dataset, Problem, Sample
from afss_ros.datasets.gather import gather, require
from afss_ros.datasets.paths import inside
from afss_ros.datasets.pictures import read_non_zero
from afss_ros.datasets.record import number
from afss_ros.datasets.rle import require_size
from afss_ros.labels import CLASS_NAMES

DOMAINS = ("synthetic", "lightbox", "sunlamp")
_SPLITS = {"train": "train", "validation": "val", "val": "val", "test": "test"}


def recognises(root: Path) -> bool:
    """Whether `root` is a folder of this form."""
    return any((root / domain / "images").is_dir() for domain in DOMAINS) and (root / "camera.json").is_file()


def load(root: Path) -> Dataset:
    """Read the set; the attributes of a sample are its domain and pose.

    Raises:
        DatasetError: camera.json cannot be read.
    """
    camera = read_json(root / "camera.json")
    try:
        size = int(camera["Nu"]), int(camera["Nv"])
        require_size(*size)
    except MALFORMED as err:
        raise DatasetError(f"{root / 'camera.json'}: no image size Nu, Nv ({told(err)})") from err
    records: list[tuple[str, tuple[Path, dict[str, Any]]]] = []
    problems: list[Problem] = []
    for path in [p for domain in DOMAINS for p in sorted((root / domain).glob("*.json")) if p.stem in _SPLITS]:
        try:
            entries = read_json(path)
            if not isinstance(entries, list):
                raise DatasetError(f"{path}: is no list of poses")
            records += [(f"{path}: entry {number}", (path, entry)) for number, entry in enumerate(entries)]
        except DatasetError as err:
            problems.append(Problem(str(path), str(err).removeprefix(f"{path}: ")))
    return gather(root, dict(CLASS_NAMES), records, lambda record: _sample(*record, size), {"camera": camera}, problems)


def _sample(path: Path, entry: dict[str, Any], size: tuple[int, int]) -> Sample:
    folder, name = path.parent, str(entry["filename"])
    image = require(inside(folder / "images", name))
    same_name = folder / "masks" / name
    masks = [m for m in (same_name, same_name.with_suffix(".png")) if m.is_file()]
    pose: dict[str, Any] = {
        k: [number(v) for v in entry[k]] for k in ("q_vbs2tango_true", "r_Vo2To_vbs_true") if k in entry
    }
    return Sample(
        key=f"{folder.name}/{Path(name).stem}",
        image=image,
        labels=None,
        width=size[0],
        height=size[1],
        split=_SPLITS[path.stem],
        attributes={"domain": folder.name, **pose},
        craft_mask=masks[0] if masks else None,
        decode_craft=read_non_zero,
        one_craft=True,
    )
