"""A data set small enough to draw: crosses of body and panels, made by OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from once import once

if TYPE_CHECKING:
    from afss_ros.distill.recipe import Recipe

# The fixtures import what they need: without torch their tests are skipped, where this file would end the session.


@pytest.fixture(scope="session")
def drawn_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32 pictures of 64 x 64."""
    from afss_ros.distill.search import noise_study

    return once(tmp_path_factory, "drawn", lambda folder: noise_study.draw(folder / "drawn", 32)) / "drawn"


@pytest.fixture(scope="session")
def small_recipe(drawn_set: Path) -> Callable[..., Recipe]:
    """The recipe of a tiny student for `drawn_set`; keyword arguments replace its sections."""
    from afss_ros.distill import recipe

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
                "validate_every": 100,  # in the end alone: a validation costs as much as several steps
                "batch": 8,
                **changes,
            }
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def run(small_recipe: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has had time to learn the drawn set."""
    from afss_ros.distill.training import loop as training

    recipe = small_recipe(budget={"iterations": 90}, validate_every=45, optimiser={"lr": 3e-3, "ema": 0.9})
    return once(tmp_path_factory, "run", lambda folder: training.train(recipe, folder))
