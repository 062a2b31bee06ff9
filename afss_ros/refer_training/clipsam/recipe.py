"""Everything that decides the adaptation of the large referring network, in one validated document of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from afss_ros.refer_training.recipe import Section, parse_as, read_as

_EXAMPLE = "config/refer_large.yaml"


class Base(Section):
    """Checkpoints that are adapted, by name on the Hub or by path."""

    siglip: str = "google/siglip2-so400m-patch16-512"
    sam: str = "facebook/sam2.1-hiera-large"


class Sentences(Section):
    """What is learned from, and at which size."""

    sets: tuple[Path, ...] = Field(min_length=1, description="Folders of `afss refer build` or `convert`.")
    train_split: str = "train"
    validation_split: str = "val"
    size: int = Field(1024, ge=32, le=2048, multiple_of=4, description="Side that pictures are letterboxed to, pixels.")
    validation_sentences: int = Field(1000, ge=1)
    workers: int = Field(4, ge=0, le=64, description="Processes that read pictures; 0 for none beside the training.")


class Adaptation(Section):
    """How it is learned."""

    rank: int = Field(16, ge=1)
    alpha: float = Field(16.0, gt=0)
    decoder: bool = Field(True, description="Whether SAM's prompt encoder and mask decoder learn too.")
    steps: int = Field(10000, ge=1)
    batch: int = Field(4, ge=1)
    accumulate: int = Field(4, ge=1, description="Batches to a step.")
    rate: float = Field(1e-4, gt=0)
    warm_up: int = Field(200, ge=1, description="Steps.")
    dice: float = Field(0.5, ge=0, le=1, description="Weight of Dice against cross-entropy.")
    precision: Literal["bfloat16", "float32"] = "bfloat16"


class Large(Section):
    """A recipe of `afss refer tune`."""

    base: Base = Field(default_factory=lambda: Base.model_validate({}))
    data: Sentences
    learn: Adaptation = Field(default_factory=lambda: Adaptation.model_validate({}))
    seed: int = 1
    checkpoint_seconds: float = Field(300.0, gt=0)
    licence: str = "Apache-2.0"


def read(path: Path) -> Large:
    """Read a recipe; paths in it are relative to the working folder.

    Raises:
        ReferError: it is none; every key that is wrong is named.
    """
    return read_as(Large, path, _EXAMPLE)


def parse(value: Any, where: str) -> Large:
    """A recipe from plain values.

    Raises:
        ReferError: as `read`.
    """
    return parse_as(Large, value, where, _EXAMPLE)
