"""Crops: image, labels and boxes move together, and the same generator makes the same crop."""

from pathlib import Path

import numpy as np
import pytest

from afss_ros.distill import recipe
from afss_ros.distill.data import augment
from afss_ros.distill.data import batches as data
from afss_ros.distill.recipe import AugmentRecipe, Recipe


def _recipe(root: Path, **augmentation: object) -> Recipe:
    return recipe.parse({"data": {"train": [str(root)], "size": 64}, "augment": augmentation})


def _placement(matrix: list[list[float]]) -> augment.Placement:
    return augment.Placement(np.array(matrix, np.float64), 1.0)


def test_a_quarter_turn_moves_pixels_exactly() -> None:
    labels = np.array([[1, 2], [3, 0]], np.uint8)
    turned = augment.warp_labels(labels, _placement([[0, -1, 2], [1, 0, 0]]), 2)  # (x, y) to (2 - y, x)
    assert turned.tolist() == [[3, 1], [0, 2]]


def test_zoom_by_two_doubles_every_pixel_and_keeps_corners_at_corners() -> None:
    labels = np.array([[1, 2], [3, 0]], np.uint8)
    zoomed = augment.warp_labels(labels, augment.Placement(np.array([[2.0, 0, 0], [0, 2.0, 0]]), 2.0), 4)
    assert zoomed.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 0, 0], [3, 3, 0, 0]]


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    small = augment.warp_image(stripes, augment.Placement(np.array([[0.25, 0, 0], [0, 0.25, 0]]), 0.25), 16)
    assert abs(small.astype(int)[2:-2, 2:-2] - 100).max() <= 1


@pytest.mark.parametrize("seed", range(20))
def test_a_large_source_leaves_no_empty_margin(seed: int) -> None:
    options = AugmentRecipe(scale=(1.5, 2.5), tilt_degrees=0)  # type: ignore[call-arg]
    boxes = np.array([[0, 0, 5, 5]], np.float32)
    placement = augment.place(np.random.default_rng(seed), options, (80, 80), 64, boxes)
    crop = augment.warp_labels(np.ones((80, 80), np.uint8), placement, 64)
    assert crop.all()


def test_the_same_item_is_the_same_crop_and_another_epoch_another(drawn_set: Path) -> None:
    options = _recipe(drawn_set)
    samples = data.read_sets([drawn_set], "train")
    crops, again = data.TrainingCrops(samples, options), data.TrainingCrops(samples, options)
    assert crops[(3, 7)]["image"].equal(again[(3, 7)]["image"])
    assert not crops[(3, 7)]["image"].equal(crops[(4, 7)]["image"])


@pytest.mark.parametrize("index", range(8))
def test_labels_and_box_follow_the_image(drawn_set: Path, index: int) -> None:
    options = _recipe(drawn_set, gamma=[1, 1], gain=[1, 1], offset=0, colour=0, grey=0, noise=0, blur=0, jpeg=0)
    crop = data.TrainingCrops(data.read_sets([drawn_set], "train"), options)[(0, index)]
    bright = crop["image"].numpy().max(2) > 60
    craft = crop["labels"].numpy() > 0
    assert (bright & craft).sum() >= 0.9 * (bright | craft).sum()
    if craft.any():
        ys, xs = np.nonzero(craft)
        box = (crop["boxes"][0].numpy() * 64).tolist()
        assert box == pytest.approx([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
    else:
        assert np.isnan(crop["boxes"].numpy()).all()


def test_statistics_are_those_of_the_pixels(drawn_set: Path) -> None:
    samples = data.read_sets([drawn_set], "train")
    mean, std = data.statistics(samples, 1000)
    pixels = np.stack([s.read_image() for s in samples]).astype(float)
    assert mean == pytest.approx(pixels.mean((0, 1, 2)))
    assert std == pytest.approx(pixels.std((0, 1, 2)))


def test_ranks_divide_every_epoch_among_them_and_reshuffle_the_next() -> None:
    streams = [iter(data.BatchStream(12, 3, seed=1, rank=r, world=2)) for r in (0, 1)]
    epochs = [[item for s in streams for _ in range(2) for item in next(s)] for _ in range(2)]
    assert [sorted(i for _, i in e) for e in epochs] == [list(range(12))] * 2
    assert [i for _, i in epochs[0]] != [i for _, i in epochs[1]]


def test_a_stream_that_starts_later_continues_the_same_batches() -> None:
    whole = iter(data.BatchStream(10, 4, seed=2))
    batches = [next(whole) for _ in range(7)]
    late = iter(data.BatchStream(10, 4, seed=2, start=5))
    assert [next(late), next(late)] == batches[5:]


def test_a_tile_is_cut_at_the_sources_own_scale() -> None:
    options = AugmentRecipe(scale=(1, 1), native=1.0, tilt_degrees=0)  # type: ignore[call-arg]
    boxes = np.array([[500, 500, 520, 520]], np.float32)
    scales = {augment.place(np.random.default_rng(i), options, (1000, 800), 64, boxes).scale for i in range(9)}
    assert scales == {1.0}


def test_some_crops_are_tiles_and_the_others_show_the_whole_source() -> None:
    options = AugmentRecipe(scale=(1, 1), native=0.5, tilt_degrees=0)  # type: ignore[call-arg]
    none = np.zeros((0, 4), np.float32)
    scales = [augment.place(np.random.default_rng(i), options, (640, 640), 64, none).scale for i in range(60)]
    assert set(scales) == {1.0, 0.1}
    assert 20 < scales.count(1.0) < 40


def test_without_tiles_a_recipe_draws_what_it_always_drew() -> None:
    boxes = np.array([[10, 10, 30, 30]], np.float32)
    before = AugmentRecipe(native=0.0)  # type: ignore[call-arg]
    rng = np.random.default_rng(4)
    first = 64 / 100 * float(np.exp(rng.uniform(*np.log(before.scale))))
    assert augment.place(np.random.default_rng(4), before, (100, 100), 64, boxes).scale == pytest.approx(first)


def test_low_light_leaves_less_contrast_over_a_black_level_that_is_not_black() -> None:
    options = AugmentRecipe(low_light=1.0, blur=0, noise=0, jpeg=0)  # type: ignore[call-arg]
    image = np.zeros((64, 64, 3), np.uint8)
    image[16:48, 16:48] = 200
    dark = [augment.degrade(np.random.default_rng(i), options, image) for i in range(40)]
    sky = np.array([np.median(d[:16]) for d in dark])
    contrast = np.array([np.median(d[20:44, 20:44]) for d in dark]) - sky
    assert sky.min() >= 3 and sky.max() <= 51 and np.ptp(sky) > 20
    assert contrast.min() < 60 and contrast.max() > 150 and (contrast > 20).all()
    assert np.array_equal(augment.degrade(np.random.default_rng(7), options, image), dark[7])
