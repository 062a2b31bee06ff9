"""Everything that decides the training of a referring network, in one validated document of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from afss_ros import plain_yaml
from afss_ros.refer.errors import ReferError

_EXAMPLE = "config/refer.yaml"


class Section(BaseModel):
    """A part of a recipe: immutable, and closed against unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Section)


class Data(Section):
    """Which sentences, and at which size their pictures are seen."""

    sets: tuple[Path, ...] = Field(min_length=1, description="Folders that `afss refer build` made.")
    train_split: str = "train"
    validation_split: str = "val"
    size: int = Field(160, ge=32, le=1024, multiple_of=32, description="Side of the network's square input, pixels.")
    validation_sentences: int = Field(2000, ge=1)
    held_out: tuple[str, ...] = Field((), description="Words that no sentence of the training may have.")


class Eyes(Section):
    """The part that finds things."""

    student: Path | None = Field(None, description="Weights to stand on: a run of `afss train`, or .safetensors.")
    width: int = Field(24, ge=8, le=256, description="Channels at a quarter of the picture; more below.")
    slots: int = Field(24, ge=2, le=100, description="Most things that are seen in a picture.")
    steps: int = Field(2500, ge=1)
    batch: int = Field(8, ge=1)
    bfloat16: bool = Field(False, description="Half precision in training, on a student; faster where the CPU has it.")
    rate: float = Field(2e-3, gt=0)


class Reader(Section):
    """The part that weighs what is seen against what is said."""

    width: int = Field(64, ge=8, le=512, multiple_of=8)
    rounds: int = Field(4, ge=1, le=8)
    steps: int = Field(3000, ge=1)
    scenes: int = Field(12, ge=1, description="Pictures in a batch.")
    sentences: int = Field(12, ge=1, description="Of each picture in a batch.")
    rate: float = Field(2e-3, gt=0)


class Recipe(Section):
    """A recipe of `afss refer train`."""

    data: Data
    eyes: Eyes = Field(default_factory=lambda: Eyes.model_validate({}))
    reader: Reader = Field(default_factory=lambda: Reader.model_validate({}))
    seed: int = 1
    checkpoint_seconds: float = Field(60.0, gt=0)
    licence: str = "Apache-2.0"


def read(path: Path) -> Recipe:
    """Read a recipe; paths in it are relative to the working folder.

    Raises:
        ReferError: it is none; every key that is wrong is named.
    """
    return read_as(Recipe, path, _EXAMPLE)


def parse(value: Any, where: str) -> Recipe:
    """A recipe from plain values.

    Raises:
        ReferError: as `read`.
    """
    return parse_as(Recipe, value, where, _EXAMPLE)


def read_as(kind: type[S], path: Path, example: str) -> S:
    """Read a document of YAML as a section of its own.

    Args:
        example: a file that shows what is wanted.

    Raises:
        ReferError: it is none; every key that is wrong is named.
    """
    try:
        value = plain_yaml.read(path)
    except (OSError, yaml.YAMLError) as err:
        raise ReferError(f"{path}: cannot be read as YAML ({err}); {example} is an example") from err
    return parse_as(kind, {} if value is None else value, str(path), example)


def parse_as(kind: type[S], value: Any, where: str, example: str) -> S:
    """A section from plain values.

    Raises:
        ReferError: as `read_as`.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as err:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in err.errors())
        raise ReferError(f"{where}: {wrong}; {example} is an example") from err
