"""What a run's weights are chosen by: sets named for it, a split of the training sets, or, failing both, all of these.

The recipe says it either way, so a run's `recipe.yaml` and an exported student's description tell which it was.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from afss_ros import datasets
from afss_ros.distill.recipe import Recipe

_LOG = logging.getLogger(__name__)
_TRAINED, _VALIDATED = "train", "val"  # what a recipe asks for that says nothing of splits


def validated_on(recipe: Recipe, sets: Sequence[Path]) -> Recipe:
    """The recipe with other sets to validate on: their validation split, or every sample where none of them has one.

    Raises:
        DatasetError: a set cannot be read.
    """
    split = recipe.data.validation_split
    if split is not None and not any(split in datasets.load(path).splits for path in sets):
        _LOG.info("%s: no split %r; validated on every sample", ", ".join(map(str, sets)), split)
        split = None
    return _changed(recipe, tuple(sets), split)


def settled(recipe: Recipe) -> Recipe:
    """The recipe as it can be carried out with what its training sets hold.

    Sets without splits are trained on whole. Where only some sets have the validation split, these are validated on.
    Where none has, and no other set is named, the training images are, which is warned of: such scores tell one step of
    a training from another, and no more.

    Raises:
        DatasetError: a set cannot be read.
    """
    data = recipe.data
    validated_elsewhere = bool(data.validation) or data.validation_split != _VALIDATED
    if data.train_split != _TRAINED and validated_elsewhere:
        return recipe
    splits = {path: datasets.load(path).splits for path in data.train}
    if data.train_split == _TRAINED and all(of_set == ("",) for of_set in splits.values()):
        _LOG.info("%s: no splits; trained on every sample", ", ".join(map(str, data.train)))
        data = data.model_copy(update={"train_split": None})
        recipe = recipe.model_copy(update={"data": data})
    if validated_elsewhere:
        return recipe
    having = tuple(path for path in data.train if _VALIDATED in splits[path])
    if having:
        return recipe if len(having) == len(data.train) else _changed(recipe, having, _VALIDATED)
    _LOG.warning(
        "%s: no split %r, so weights are chosen by images that they are trained on, and the scores say nothing about"
        " other images. Cut some off with `afss select --val 0.2`, or name another set with `afss train --validation`",
        ", ".join(map(str, data.train)), _VALIDATED,
    )  # fmt: skip
    return _changed(recipe, (), data.train_split)


def _changed(recipe: Recipe, sets: tuple[Path, ...], split: str | None) -> Recipe:
    data = recipe.data.model_copy(update={"validation": sets, "validation_split": split})
    return recipe.model_copy(update={"data": data})
