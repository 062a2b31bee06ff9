"""Average precision against pycocotools, and box IoU by hand."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from afss_ros.datasets import Instance
from afss_ros.evaluation.metrics.detection import ImageObjects, average_precision, box_iou, top_box_iou


def _rectangle(x0: int, y0: int, x1: int, y1: int, score: float = 1.0) -> Instance:
    mask = np.zeros((40, 40), bool)
    mask[y0:y1, x0:x1] = True
    return Instance.from_mask("spacecraft", mask, score)


def _boxes_only(instance: Instance) -> Instance:
    return Instance(instance.class_name, instance.box_xyxy, None, instance.score)


IMAGES = (
    ImageObjects(40, 40, (_rectangle(2, 2, 22, 12),), (_rectangle(2, 2, 20, 12, 0.9),)),
    ImageObjects(40, 40, (_rectangle(5, 5, 15, 15), _rectangle(25, 25, 35, 39)), (_rectangle(5, 5, 15, 13, 0.7),)),
    ImageObjects(40, 40, (_rectangle(0, 0, 30, 30),), (_rectangle(0, 10, 30, 40, 0.8), _rectangle(0, 0, 30, 29, 0.6))),
    ImageObjects(40, 40, (), (_rectangle(8, 8, 12, 12, 0.75),)),
)


def _pycocotools_ap(kind: str) -> list[float]:
    images: list[dict[str, Any]] = []
    truths: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for i, image in enumerate(IMAGES, 1):
        images.append({"id": i, "height": 40, "width": 40})
        for target, instances in ((truths, image.truth), (found, image.found)):
            for instance in instances:
                x0, y0, x1, y1 = (float(v) for v in instance.box_xyxy)
                box = [x0, y0, x1 - x0, y1 - y0]
                row = {"id": len(target) + 1, "image_id": i, "category_id": 1, "bbox": box, "area": box[2] * box[3]}
                target.append(row | {"segmentation": instance.rle, "score": instance.score, "iscrowd": 0})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": truths, "categories": [{"id": 1, "name": "spacecraft"}]}
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), kind)
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return [float(v) for v in judge.stats[:3]]


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_average_precision_agrees_with_pycocotools(kind: str) -> None:
    ours = average_precision(IMAGES, kind)
    assert 0.1 < (ours["ap"] or 0) < 0.9
    assert [ours["ap"], ours["ap50"], ours["ap75"]] == pytest.approx(_pycocotools_ap(kind))


def test_perfect_detections_score_one_and_none_zero() -> None:
    perfect = [ImageObjects(i.height, i.width, i.truth, i.truth) for i in IMAGES]
    blind = [ImageObjects(i.height, i.width, i.truth, ()) for i in IMAGES]
    assert average_precision(perfect, "segm") == {"ap": 1.0, "ap50": 1.0, "ap75": 1.0}
    assert average_precision(blind, "bbox") == {"ap": 0.0, "ap50": 0.0, "ap75": 0.0}


def test_masks_are_not_judged_where_the_truth_has_boxes_only() -> None:
    images = [ImageObjects(40, 40, tuple(map(_boxes_only, i.truth)), i.found) for i in IMAGES]
    assert average_precision(images, "segm")["ap"] is None
    assert average_precision(images, "bbox") == average_precision(IMAGES, "bbox")


def test_box_iou_by_hand() -> None:
    a = np.array([0, 0, 4, 4], np.float32)
    assert box_iou(a, a) == 1.0
    assert box_iou(a, np.array([2, 0, 6, 4], np.float32)) == pytest.approx(8 / 24)
    assert box_iou(a, np.array([4, 0, 6, 4], np.float32)) == 0.0
    assert box_iou(a * 0, a * 0) == 0.0


def test_the_top_scored_box_counts_and_nothing_found_is_zero() -> None:
    first, _, third, empty = IMAGES
    assert top_box_iou(first) == pytest.approx(180 / 200)
    assert top_box_iou(third) == pytest.approx(600 / 1200)
    assert top_box_iou(ImageObjects(40, 40, first.truth, ())) == 0.0
    assert top_box_iou(empty) is None
