"""`loop.yaml`: everything that decides a loop, validated before anything starts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from afss_ros import plain_yaml
from afss_ros.distill import recipe as recipes
from afss_ros.distill.recipe import Section
from afss_ros.distill.selection import Selection
from afss_ros.loop.errors import LoopError

Motion = Literal["approach", "flyaround", "tumble"]


class RenderConfig(Section):
    """Recordings to make, and others of other craft, whose truth is what everything is judged by."""

    size: int = Field(256, ge=64, description="Width in pixels; the height is three quarters of it.")
    motions: tuple[Motion, ...] = Field(("flyaround", "tumble", "approach"), min_length=1)
    recordings: int = Field(6, ge=1, description="To learn from, without their truth; the motions in turn.")
    held_out: int = Field(4, ge=1, description="To judge by, unless `pictures` or `held_out` is what is judged by.")
    frames: int = Field(40, ge=2, description="Of each recording.")
    held_out_frames: int | None = Field(None, ge=2, description="Of each recording to judge by; null: `frames`.")
    rate_hz: float = Field(2.0, gt=0)
    seed: int = 1


class PicturesConfig(Section):
    """A data set of unrelated pictures, divided: some to learn from, without their truth, the others to judge by."""

    set: Path = Field(description="In any form that `datasets.load` reads.")
    held_out: float = Field(0.4, gt=0, lt=1, description="Share to judge by.")
    groups: int = Field(5, ge=2, description="The rest is labelled in so many groups, which no split divides.")
    seed: int = 0


class RelabelConfig(Section):
    """How a student labels for its successor."""

    views: str = Field("v1", description="Of `afss label`; the weights are the averaged ones of training (EMA).")
    keep: str = Field("detector_score >= 0.5", description="Filter of the labelling itself.")
    select: Selection | None = Field(None, description="Another selection than the first round's; null: the same.")
    against: bool = Field(False, description="Leave undecided the pixels on which the labelling before differs.")
    warm_start: bool = Field(True, description="Begin with the weights of the round before.")
    soft: float = Field(0.0, ge=0, description="Weight of the earlier student's probabilities as targets.")


class ExportConfig(Section):
    """As of `afss export`."""

    size: int = Field(256, ge=32, multiple_of=32)
    labels_stride: int = 2
    allow_unlearned: bool = Field(
        False, description="Export a student although no label map has taught it some of its parts."
    )


class LoopConfig(Section):
    """One loop."""

    render: RenderConfig | None = Field(None, description="Make recordings to learn from, and to judge by.")
    pictures: PicturesConfig | None = Field(
        None, description="Divide a set of pictures, to learn from and to judge by."
    )
    recordings: tuple[Path, ...] = Field((), description="Bags, folders of pictures or videos to learn from.")
    held_out: Path | None = Field(None, description="A data set with truth, in any form, to judge by.")
    label: dict[str, Any] = Field(default_factory=dict, description="Settings of `afss label`.")
    select: Selection = Selection()  # type: ignore[call-arg]
    train: dict[str, Any] = Field(default_factory=dict, description="A recipe; `data.train` is the loop's.")
    relabel: RelabelConfig = RelabelConfig()  # type: ignore[call-arg]
    export: ExportConfig = ExportConfig()  # type: ignore[call-arg]
    rounds: int = Field(2, ge=1, le=10, description="Trainings; between two of them the student labels.")
    processes: int = Field(1, ge=1, le=64, description="Recordings that are labelled at a time.")
    resamples: int = Field(300, ge=20, description="Of the bootstrap behind the intervals.")

    @model_validator(mode="after")
    def _has_data(self) -> LoopConfig:
        if self.render is None and self.pictures is None and not self.recordings:
            raise ValueError("give render, pictures, or recordings with held_out: there is nothing to learn from")
        if self.render is None and self.pictures is None and self.held_out is None:
            raise ValueError("recordings need held_out, a set with truth: without it nothing is proved")
        if self.pictures is not None and self.held_out is not None:
            raise ValueError("pictures and held_out are both sets to judge by; give one")
        names = [path.stem for path in self.recordings]
        if len(set(names)) < len(names):
            raise ValueError(f"recordings must differ in name, got {', '.join(names)}")
        return self

    @property
    def judges_renderings(self) -> bool:
        """Whether rendered recordings are what everything is judged by."""
        return self.render is not None and self.pictures is None and self.held_out is None

    def selection(self, number: int) -> Selection:
        """What decides the selection of round `number`, from 1."""
        return self.select if number == 1 or self.relabel.select is None else self.relabel.select


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> LoopConfig:
    """Read a `loop.yaml`; every part is checked now, not hours later.

    Args:
        overrides: dotted names to values, e.g. `{"render.frames": 10}`; they win over the file.

    Raises:
        LoopError: it is no YAML, or lists every fault with its place.
        DistillError, TeacherError: the recipe or the settings of the labelling are wrong.
        OSError: it cannot be read.
    """
    return parse(changed(read(path), overrides or {}), where=str(path))


def read(path: Path) -> dict[str, Any]:
    """The document in a YAML file.

    Raises:
        LoopError: it is no YAML, or no mapping.
        OSError: it cannot be read.
    """
    try:
        document = plain_yaml.read(path) or {}
    except yaml.YAMLError as err:
        raise LoopError(f"{path}: not YAML ({err})") from err
    if not isinstance(document, dict):
        raise LoopError(f"{path}: a mapping of keys to values is wanted, not {type(document).__name__}")
    return document


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the values at dotted names replaced: the original stays as it is.

    >>> changed({"a": {"b": 1}}, {"a.c": 2, "d": 3})
    {'a': {'b': 1, 'c': 2}, 'd': 3}

    Raises:
        LoopError: a name leads through something that has no names.
    """
    result = copy.deepcopy(dict(document))
    for dotted, value in changes.items():
        *groups, name = dotted.split(".")
        place = result
        for group in groups:
            inner = place.get(group)
            place[group] = inner = {} if inner is None else inner
            if not isinstance(inner, dict):
                raise LoopError(f"{dotted}: {group} is {inner!r}, which has no {name}")
            place = inner
        place[name] = value
    return result


def parse(document: Mapping[str, Any], *, where: str = "loop") -> LoopConfig:
    """A loop out of plain data; see `load`."""
    from afss_ros.labelling.settings import load_settings

    try:
        config = LoopConfig.model_validate(document)
    except ValidationError as err:
        raise LoopError(f"{where}: {faults(err, 'loop')}") from err
    load_settings(None, config.label)
    recipe_of(config, Path("set"))
    return config


def faults(error: ValidationError, place: str) -> str:
    """Every fault on a line of its own; `place` names those of the whole document."""
    lines = "\n".join(f"  {'.'.join(map(str, e['loc'])) or place}: {e['msg']}" for e in error.errors())
    return f"{error.error_count()} fault(s)\n{lines}"


def recipe_of(config: LoopConfig, data: Path, before: Path | None = None) -> recipes.Recipe:
    """The recipe of one round.

    Args:
        data: the selected set.
        before: the run of the round before.

    Raises:
        DistillError: `train` is no recipe, or names a student that no family knows.
    """
    from afss_ros.distill import families

    document = {name: dict(value) if isinstance(value, dict) else value for name, value in config.train.items()}
    document["data"] = {**document.get("data", {}), "train": [str(data)]}
    if before is not None and config.relabel.warm_start:
        document["student"] = {**document.get("student", {}), "initial": str(before)}
    if before is not None and config.relabel.soft:
        terms = {"teacher": str(before), "soft": config.relabel.soft}
        document["distillation"] = {**document.get("distillation", {}), **terms}
    recipe = recipes.parse(document, where="train")
    families.find(recipe.student.name)
    return recipe
