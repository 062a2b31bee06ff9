"""Average precision of draws against COCO's own code, on scenes that have everything that can go wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from afss_ros.datasets import Instance
from afss_ros.evaluation.metrics import detection, matching
from afss_ros.evaluation.metrics.detection import ImageObjects


def block(x: int, y: int, side: int, score: float = 1.0) -> Instance:
    mask = np.zeros((48, 64), np.bool_)
    mask[y : y + side, x : x + side] = True
    return Instance.from_mask("spacecraft", mask, score)


def scene(rng: np.random.Generator) -> ImageObjects:
    """Up to three craft; some found a little off, some twice, some missed, and things that are not there."""
    truth, found = [], []
    for _ in range(int(rng.integers(0, 4))):
        x, y, side = int(rng.integers(0, 40)), int(rng.integers(0, 24)), int(rng.integers(8, 20))
        truth.append(block(x, y, side))
        for _ in range(int(rng.integers(0, 3))):
            found.append(block(x + int(rng.integers(0, 5)), y, side, round(float(rng.random()), 2)))
    if rng.random() < 0.4:
        found.append(block(1, 1, 9, round(float(rng.random()), 2)))
    return ImageObjects(48, 64, tuple(truth), tuple(sorted(found, key=lambda f: -f.score)))


def untied(image: ImageObjects, rng: np.random.Generator) -> ImageObjects:
    """The same scene with scores that occur once: between equal ones the order decides, which is nobody's to say."""
    found = [replace(f, score=float(rng.random())) for f in image.found]
    return replace(image, found=tuple(sorted(found, key=lambda f: -f.score)))


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_cocos_average_precision(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    scenes = [scene(rng) for _ in range(30)]
    picks = [scenes[i] for i in rng.integers(0, 30, 30)]
    for images in (scenes, picks):
        found = matching.average_precision([matching.match(image, kind) for image in images])
        expected = detection.average_precision(images, kind)["ap"]
        assert expected is not None and 0 < expected < 1
        assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_many_draws_at_once_are_cocos_figures_of_each(kind: str) -> None:
    rng = np.random.default_rng(7)
    scenes = [untied(scene(rng), rng) for _ in range(20)]
    weights = rng.multinomial(20, np.full(20, 1 / 20), 5).astype(np.float64)
    found = matching.average_precisions([matching.match(image, kind) for image in scenes], weights)
    for row, figures in zip(weights, found, strict=True):
        images = [image for image, count in zip(scenes, row, strict=True) for _ in range(int(count))]
        expected = detection.average_precision(images, kind)
        assert [figures.mean(), figures[0], figures[5]] == pytest.approx(list(expected.values()), abs=1e-9)


def test_without_an_object_there_is_none_and_without_a_finding_it_is_zero() -> None:
    empty, missed = ImageObjects(48, 64, (), (block(1, 1, 9, 0.5),)), ImageObjects(48, 64, (block(1, 1, 9),), ())
    assert matching.average_precision([matching.match(empty, "segm")]) is None
    assert matching.average_precision([matching.match(missed, "segm")]) == 0.0
    drawn = matching.average_precisions([matching.match(i, "bbox") for i in (empty, missed)], np.eye(2))
    assert np.isnan(drawn[0]).all() and (drawn[1] == 0).all()
