"""The offline teacher on a picture that a person can check: a craft on noise, stars, and a limb."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from recorded import picture, truth

from afss_ros.datasets.rle import box_of
from afss_ros.teacher.offline.baseline import GrabCutSegmenter, SaliencyDetector
from afss_ros.teacher.offline.saliency import saliency
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.refinement.fusion import box_iou
from afss_ros.teacher.values import mask_iou

PROMPTS = Prompts.parse({"spacecraft": "spacecraft"})


def with_stars_and_limb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scene: NDArray[np.uint8] = image.copy()
    generator = np.random.default_rng(5)
    scene[generator.integers(0, 60, 40), generator.integers(0, 128, 40)] = 250
    rows = np.arange(96)[:, None]
    limb = rows > 74 + (np.arange(128)[None] - 64) ** 2 / 700
    scene[limb] = (120, 150, 200)
    return scene


def test_a_craft_is_found_among_stars_and_above_a_limb() -> None:
    for index in range(3):
        (boxes,) = SaliencyDetector().detect([with_stars_and_limb(picture(index))], PROMPTS)
        assert box_iou(boxes[0].xyxy, box_of(truth(index))) > 0.8
        assert boxes[0].score > 0.6


def test_an_empty_sky_and_a_bare_limb_hold_no_craft() -> None:
    sky = np.full((96, 128, 3), 8, np.uint8)
    assert SaliencyDetector().detect([sky, with_stars_and_limb(sky)], PROMPTS) == [[], []]


def test_what_reaches_the_border_without_a_step_is_not_salient() -> None:
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    assert saliency(np.broadcast_to(ramp[None, :, None], (96, 128, 3)).copy()).pixels.max() <= 6


def test_the_mask_follows_the_craft_and_is_the_same_every_time() -> None:
    image = with_stars_and_limb(picture(0))
    segmenter = GrabCutSegmenter()
    (boxes,) = SaliencyDetector().detect([image], PROMPTS)
    (mask,) = segmenter.segment(segmenter.encode(image), boxes[:1])
    (again,) = segmenter.segment(segmenter.encode(image), boxes[:1])
    assert mask_iou(mask.mask, truth(0)) > 0.8
    assert mask.score > 0.8
    np.testing.assert_array_equal(mask.mask, again.mask)


def test_a_bright_limb_is_no_craft_and_takes_nothing_from_one() -> None:
    """The limb crosses the frame, is as bright as the craft, and touches the craft's lower edge."""
    image = np.full((240, 320, 3), 6, np.uint8)
    rows, columns = np.arange(240)[:, None], np.arange(320)[None]
    height = 150 + (columns - 200) ** 2 / 900  # the limb: one long smooth edge
    image[rows > height] = (150, 180, 230)
    (bare,) = SaliencyDetector().detect([image], PROMPTS)
    assert [box.score for box in bare if box.score >= 0.6] == []
    for row in range(90, 150, 10):  # a panel of cells, and a body beside it
        image[row : row + 8, 60:100] = (60, 60, 120)
    image[100:140, 104:140] = (200, 180, 120)
    (boxes,) = SaliencyDetector().detect([image], PROMPTS)
    assert boxes[0].score >= 0.6
    assert box_iou(boxes[0].xyxy, np.array([60, 90, 140, 148], np.float32)) > 0.8
