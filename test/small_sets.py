"""Good little sets of every form, whose truth is known: four pictures, a craft of 12 x 8 pixels in each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from afss_ros.datasets import DatasetWriter, Instance

HEIGHT, WIDTH = 32, 48
BOX = (10, 6, 22, 14)
COUNT = 4


def picture(number: int) -> np.ndarray:
    """A picture like no other of the set."""
    return np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def mask() -> np.ndarray:
    """Where the craft is."""
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    return inside


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    """Write pixels as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def coco_document(names: list[str]) -> dict[str, Any]:
    """COCO with one craft a picture."""
    x0, y0, x1, y1 = BOX
    polygon = [x0, y0, x1, y0, x1, y1, x0, y1]
    return {
        "images": [{"id": i, "file_name": n, "width": WIDTH, "height": HEIGHT} for i, n in enumerate(names, 1)],
        "categories": [{"id": 1, "name": "spacecraft"}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "segmentation": [polygon]}
            for i in range(1, len(names) + 1)
        ],
    }


def coco(root: Path) -> Path:
    """`instances_train.json`, pictures in `images/`."""
    names = [f"{n}.png" for n in range(COUNT)]
    for number, name in enumerate(names):
        write_picture(root / "images" / name, picture(number))
    (root / "annotations").mkdir()
    (root / "annotations/instances_train.json").write_text(json.dumps(coco_document(names)))
    return root


YOLO_LINE = f"0 {(BOX[0] + BOX[2]) / 2 / WIDTH} {(BOX[1] + BOX[3]) / 2 / HEIGHT} {12 / WIDTH} {8 / HEIGHT}\n"


def yolo(root: Path) -> Path:
    """`images/train`, `labels/train`."""
    (root / "labels/train").mkdir(parents=True)
    for number in range(COUNT):
        write_picture(root / f"images/train/{number}.png", picture(number))
        (root / f"labels/train/{number}.txt").write_text(YOLO_LINE)
    (root / "data.yaml").write_text(yaml.safe_dump({"train": "images/train", "names": ["spacecraft"]}))
    return root


def native(root: Path) -> Path:
    """Our own form, with label maps."""
    with DatasetWriter(root) as writer:
        for number in range(COUNT):
            labels = mask().astype(np.uint8)
            writer.add(f"{number}", picture(number), labels, [Instance.from_mask("spacecraft", mask())])
    return root


def box_csv(root: Path) -> Path:
    """A table of boxes."""
    rows = ["image,xmin,ymin,xmax,ymax"]
    for number in range(COUNT):
        write_picture(root / f"images/{number}.png", picture(number))
        rows.append(f"{number}.png," + ",".join(map(str, BOX)))
    (root / "boxes.csv").write_text("\n".join(rows) + "\n")
    return root


def pose_bowl(root: Path) -> Path:
    """DrivenData's table of one box an image."""
    rows = ["image_id,xmin,ymin,xmax,ymax"]
    for number in range(COUNT):
        write_picture(root / f"images/{number}.png", picture(number))
        rows.append(f"{number}," + ",".join(map(str, BOX)))
    (root / "train_labels.csv").write_text("\n".join(rows) + "\n")
    return root


def pairs(root: Path) -> Path:
    """Pictures and label maps in a manifest."""
    listed = []
    for number in range(COUNT):
        write_picture(root / f"images/{number}.png", picture(number))
        write_picture(root / f"masks/{number}.png", mask().astype(np.uint8))
        listed.append({"image": f"images/{number}.png", "mask": f"masks/{number}.png", "box_xyxy": list(BOX)})
    names = {"0": "background", "1": "body", "2": "panel", "3": "antenna"}
    (root / "manifest.json").write_text(json.dumps({"classes": names, "pairs": listed}))
    return root


def speed_plus(root: Path) -> Path:
    """Poses and masks."""
    root.mkdir(exist_ok=True)
    (root / "camera.json").write_text(json.dumps({"Nu": WIDTH, "Nv": HEIGHT}))
    entries = []
    for number in range(COUNT):
        write_picture(root / f"synthetic/images/{number}.png", picture(number))
        write_picture(root / f"synthetic/masks/{number}.png", mask().astype(np.uint8))
        entries.append({"filename": f"{number}.png", "q_vbs2tango_true": [1, 0, 0, 0], "r_Vo2To_vbs_true": [0, 0, 9]})
    (root / "synthetic/train.json").write_text(json.dumps(entries))
    return root


def tango(root: Path) -> Path:
    """Masks in red beside the pictures."""
    for number in range(COUNT):
        write_picture(root / f"train_SS_img/{number}.png", picture(number))
        colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        colours[mask()] = (0, 0, 255)
        write_picture(root / f"train_SS_img/{number}_mask.png", colours)
    return root


def spacecraft_parts(root: Path) -> Path:
    """Masks in colours, and boxes in a Python dict."""
    for number in range(COUNT):
        write_picture(root / f"images/train/img_resize_{number}.png", picture(number))
        colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        colours[mask()] = (0, 255, 0)
        write_picture(root / f"mask/train/img_resize_{number}_mask.png", colours)
    x0, y0, x1, y1 = BOX
    (root / "all_bbox.txt").write_text(str({n: [[x1 - 1, y1 - 1, x0, y0]] for n in range(COUNT)}))
    return root


SETS: dict[str, Callable[[Path], Path]] = {
    f.__name__: f
    for f in (native, coco, yolo, box_csv, pose_bowl, pairs, speed_plus, tango, spacecraft_parts)
}  # fmt: skip
"""Form -> what writes a good set of it."""
