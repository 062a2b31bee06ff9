"""A data set small enough to draw: crosses of body and panels, made by OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill import recipe, training
from afss_ros.distill.recipe import Recipe
from afss_ros.labels import BODY, CLASS_NAMES, PANEL

SIDE = 64


def draw(root: Path, count: int) -> Path:
    """Write `count` pictures of one bright craft on dark sky; every fourth belongs to the split "val"."""
    rng = np.random.default_rng(0)
    with DatasetWriter(root, class_names=dict(CLASS_NAMES), provenance={"made_by": "a test"}) as writer:
        for i in range(count):
            image = rng.integers(0, 12, (SIDE, SIDE, 3)).astype(np.uint8)
            labels = np.zeros((SIDE, SIDE), np.uint8)
            x, y = (int(v) for v in rng.integers(20, SIDE - 20, 2))
            for half_width, half_height, colour, part in ((16, 4, (60, 70, 220), PANEL), (6, 6, (220, 180, 90), BODY)):
                low, high = (x - half_width, y - half_height), (x + half_width - 1, y + half_height - 1)
                cv2.rectangle(image, low, high, colour, -1)
                cv2.rectangle(labels, low, high, part, -1)
            craft = Instance.from_mask("spacecraft", labels > 0)
            split = "val" if i % 4 == 0 else "train"
            writer.add(f"{i:03d}", image, labels=labels, instances=(craft,), split=split, image_format="png")
    return root


@pytest.fixture(scope="session")
def drawn_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32 pictures of 64 x 64."""
    return draw(tmp_path_factory.mktemp("sets") / "drawn", 32)


@pytest.fixture(scope="session")
def small_recipe(drawn_set: Path) -> Callable[..., Recipe]:
    """The recipe of a tiny student for `drawn_set`; keyword arguments replace its sections."""

    def make(**changes: Any) -> Recipe:
        return recipe.parse(
            {
                "data": {
                    "train": [str(drawn_set)], "size": 64, "validation_size": 64, "validation_images": 8, "workers": 0,
                    "statistics_images": 8,
                },
                "augment": {"scale": [0.9, 1.1], "tilt_degrees": 0},
                "student": {"name": "fpn-mobilenetv4-050", "decoder": {"decoder_pyramid_channels": 32,
                                                                       "decoder_segmentation_channels": 32}},
                "optimiser": {"ema": 0.9},
                "budget": {"iterations": 8},
                "batch": 8,
                **changes,
            }
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def run(small_recipe: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has had time to learn the drawn set."""
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("run")
    options = {"lr": 3e-3, "ema": 0.9}
    training.train(small_recipe(budget={"iterations": 90}, validate_every=15, optimiser=options), directory)
    return directory
