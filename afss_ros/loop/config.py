"""`loop.yaml`: everything that decides a loop, validated before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

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
    held_out: int = Field(4, ge=1, description="To judge by.")
    frames: int = Field(40, ge=2, description="Of each recording.")
    rate_hz: float = Field(2.0, gt=0)
    seed: int = 1


class RelabelConfig(Section):
    """How a student labels for its successor."""

    views: str = Field("v1", description="Of `afss label`; the weights are the averaged ones of training (EMA).")
    keep: str = Field("detector_score >= 0.5", description="Filter of the labelling itself.")
    against: bool = Field(False, description="Leave undecided the pixels on which the labelling before differs.")
    warm_start: bool = Field(True, description="Begin with the weights of the round before.")
    soft: float = Field(0.0, ge=0, description="Weight of the earlier student's probabilities as targets.")


class ExportConfig(Section):
    """As of `afss export`."""

    size: int = Field(256, ge=32, multiple_of=32)
    labels_stride: int = 2


class LoopConfig(Section):
    """One loop."""

    render: RenderConfig | None = Field(None, description="Make recordings; else give `recordings` and `held_out`.")
    recordings: tuple[Path, ...] = Field((), description="Bags, folders of pictures or videos to learn from.")
    held_out: Path | None = Field(None, description="A data set with truth, in any form, to judge by.")
    label: dict[str, Any] = Field(default_factory=dict, description="Settings of `afss label`.")
    select: Selection = Selection()  # type: ignore[call-arg]
    train: dict[str, Any] = Field(default_factory=dict, description="A recipe; `data.train` is the loop's.")
    relabel: RelabelConfig = RelabelConfig()  # type: ignore[call-arg]
    export: ExportConfig = ExportConfig()  # type: ignore[call-arg]
    rounds: int = Field(2, ge=1, le=10, description="Trainings; between two of them the student labels.")
    resamples: int = Field(300, ge=20, description="Of the bootstrap behind the intervals.")

    @model_validator(mode="after")
    def _has_data(self) -> LoopConfig:
        if (self.render is None) == (not self.recordings):
            raise ValueError("give either render, or recordings with held_out")
        if self.render is None and self.held_out is None:
            raise ValueError("recordings need held_out, a set with truth: without it nothing is proved")
        names = [path.stem for path in self.recordings]
        if len(set(names)) < len(names):
            raise ValueError(f"recordings must differ in name, got {', '.join(names)}")
        return self


def load(path: Path) -> LoopConfig:
    """Read a `loop.yaml`; every part is checked now, not hours later.

    Raises:
        LoopError: it is no YAML, or lists every fault with its place.
        DistillError, TeacherError: the recipe or the settings of the labelling are wrong.
        OSError: it cannot be read.
    """
    from afss_ros.teacher.settings import load_settings

    try:
        config = LoopConfig.model_validate(yaml.safe_load(path.read_text()) or {})
    except yaml.YAMLError as err:
        raise LoopError(f"{path}: not YAML ({err})") from err
    except ValidationError as err:
        faults = "\n".join(f"  {'.'.join(map(str, e['loc'])) or 'loop'}: {e['msg']}" for e in err.errors())
        raise LoopError(f"{path}: {err.error_count()} fault(s)\n{faults}") from err
    load_settings(None, config.label)
    recipe_of(config, Path("set"))
    return config


def recipe_of(config: LoopConfig, data: Path, before: Path | None = None) -> recipes.Recipe:
    """The recipe of one round.

    Args:
        data: the selected set.
        before: the run of the round before.

    Raises:
        DistillError: `train` is no recipe.
    """
    document = {name: dict(value) if isinstance(value, dict) else value for name, value in config.train.items()}
    document["data"] = {**document.get("data", {}), "train": [str(data)]}
    if before is not None and config.relabel.warm_start:
        document["student"] = {**document.get("student", {}), "initial": str(before)}
    if before is not None and config.relabel.soft:
        terms = {"teacher": str(before), "soft": config.relabel.soft}
        document["distillation"] = {**document.get("distillation", {}), **terms}
    return recipes.parse(document, where="train")
