"""Tiles put together say what one look at the whole frame would have said."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from afss_ros.distill.models.flexible_unet import FlexibleUNet, reach
from afss_ros.distill.recipe import UNetRecipe
from afss_ros.distill.tiled import probabilities
from afss_ros.student import stitch, tiling

TILE = 64
OPTIONS = UNetRecipe(base_filters=4, depth=1, layers=1, first_kernel=5)  # type: ignore[call-arg]
STRIDE = 2
"""A network that halves the picture once says the same of a shifted picture if the shift is even."""


@pytest.fixture(scope="module")
def network() -> FlexibleUNet:
    torch.manual_seed(3)
    network = FlexibleUNet(OPTIONS, 4).eval()
    with torch.no_grad():
        network.segmentation_head.weight.mul_(30)  # labels that differ from pixel to pixel, some of them sure
    return network


@torch.inference_mode()
def chances(network: FlexibleUNet, image: NDArray[np.uint8]) -> Tensor:
    logits: Tensor = network(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 64)
    return logits.softmax(1)[0]


def inner(along: tiling.Axis, length: int) -> NDArray[np.bool_]:
    """Pixels that every tile over them sees with all that their answer depends on."""
    clear = np.ones(length, bool)
    for start in along.starts:
        low, high = start, start + along.tile
        position = np.arange(length)
        near = (abs(position - low) < reach(OPTIONS)) | (abs(position - high + 1) < reach(OPTIONS))
        clear &= ~(near & (position >= low) & (position < high))
    return clear


sides = st.integers(TILE // 2 + 1, 96).map(lambda half: half * STRIDE)


@settings(max_examples=15, deadline=None)
@given(height=sides, width=sides, seed=st.integers(0, 99))
def test_blended_tiles_equal_one_look_away_from_every_border(
    network: FlexibleUNet, height: int, width: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    labels_size = (TILE // STRIDE, TILE // STRIDE)
    plan = tiling.plan((height, width), (TILE, TILE), labels_size, overlap=0.4, max_tiles=99)
    assert plan is not None
    looks = [on_board(chances(network, image[window])) for window in plan.windows]
    on_board_labels = stitch.stitch_labels({}, looks, plan, plan.box, ())["labels"][0]
    (first, second), (whole, _) = (t.numpy()[:, ::STRIDE, ::STRIDE] for t in chances(network, image).topk(2, 0))
    clear = np.outer(inner(plan.rows, height)[::STRIDE], inner(plan.cols, width)[::STRIDE])
    assert clear.mean() > 0.1
    # Sums over a tile and over the frame differ in their last bits, which decide between classes that are as likely.
    decided = clear & (first - second > 1e-3)
    assert decided.sum() > 0.98 * clear.sum()
    np.testing.assert_array_equal(on_board_labels[decided], whole[decided])


def on_board(chance: Tensor) -> dict[str, NDArray[np.uint8]]:
    """What an exported student would say of a tile, every second pixel of it."""
    sure, labels = chance[:, ::STRIDE, ::STRIDE].max(0)
    return {"labels": labels.numpy().astype(np.uint8)[None], "confidence": (sure * 255).numpy().astype(np.uint8)[None]}


@settings(max_examples=15, deadline=None)
@given(length=st.integers(3, 6).map(lambda n: n * 48 + 16), seed=st.integers(0, 99))
def test_blended_probabilities_equal_those_of_one_look(network: FlexibleUNet, length: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (TILE, length, 3)).astype(np.uint8)
    along = tiling.axis(length, TILE, 0.25)
    assert all(start % STRIDE == 0 for start in along.starts)
    found = probabilities(lambda part: chances(network, part), image, TILE)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-4)
    clear = inner(along, length)
    assert clear.mean() > 0.2
    np.testing.assert_allclose(found[..., clear], chances(network, image).numpy()[..., clear], atol=1e-4)


def test_tiles_of_one_mind_leave_no_seam() -> None:
    image = np.zeros((100, 130, 3), np.uint8)
    found = probabilities(lambda part: torch.tensor([0.2, 0.8]).reshape(2, 1, 1).expand(2, 64, 64), image, 64)
    assert found.shape == (2, 100, 130)
    np.testing.assert_allclose(found[1], 0.8, atol=1e-5)


def test_a_frame_smaller_than_a_tile_is_one_look() -> None:
    image = np.full((20, 30, 3), 7, np.uint8)
    looks: list[NDArray[np.uint8]] = []

    def look(part: NDArray[np.uint8]) -> Tensor:
        looks.append(part)
        return torch.from_numpy(part[..., 0] / 7)[None]

    found = probabilities(look, image, 64)
    assert len(looks) == 1 and looks[0].shape == (64, 64, 3)
    np.testing.assert_allclose(found, np.ones((1, 20, 30)))
