"""Everything that decides a training run, in one validated document.

A recipe is YAML. Every key has a default except `data.train`; a key that is not known here is an error that lists the
known ones, because a misspelt option that silently does nothing costs a night of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from afss_ros import plain_yaml
from afss_ros.distill.errors import DistillError


class Section(BaseModel):
    """A part of a recipe: immutable, and closed against unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(Section):
    """Which images, at which size, and what is done to them before the network sees them."""

    train: tuple[Path, ...] = Field(
        min_length=1, description="Data sets to train on, in any form `datasets.load` reads."
    )
    validation: tuple[Path, ...] = Field((), description="Sets to choose the best checkpoint on; `train`'s if empty.")
    train_split: str | None = Field("train", description="Split to read; null for every sample.")
    validation_split: str | None = "val"
    size: int = Field(256, ge=32, le=2048, multiple_of=32, description="Side of the square training crop, pixels.")
    validation_size: int = Field(512, ge=32, le=2048, multiple_of=32)
    validation_tiled: bool = Field(
        False, description="Validate at the images' own size, by tiles of `validation_size`; else fit them into it."
    )
    validation_images: int = Field(200, ge=1, description="At most so many, evenly spaced over the set.")
    workers: int = Field(1, ge=0, le=64, description="Loader processes; 0 loads in the training process.")
    statistics_images: int = Field(400, ge=1, description="Images that the normalisation is computed from.")


class AugmentRecipe(Section):
    """Probabilities and ranges of the augmentation. Chances are per image."""

    scale: tuple[float, float] = Field(
        (0.7, 2.4),
        description="Zoom beyond the scale that fits the source into the crop; 2 is what a student twice as"
        " large as the crop sees.",
    )
    native: float = Field(
        0.0, ge=0, le=1, description="Chance that `scale` is counted from the source's own pixels: a tile of it."
    )
    centre_on_craft: float = Field(0.7, ge=0, le=1, description="Chance that the crop is placed around a craft.")
    rotate: bool = Field(True, description="Quarter turns and flips of both kinds: space has no up.")
    tilt_degrees: float = Field(20.0, ge=0, le=180)
    gamma: tuple[float, float] = (0.6, 1.6)
    gain: tuple[float, float] = (0.5, 1.6)
    offset: float = Field(12.0, ge=0, description="Largest black-level shift, 8-bit counts.")
    colour: float = Field(0.4, ge=0, le=1, description="Chance of separate gains for the three channels.")
    grey: float = Field(0.15, ge=0, le=1)
    low_light: float = Field(
        0.0, ge=0, le=1, description="Chance of an exposure too short, over a black level, hot pixels and noise."
    )
    noise: float = Field(0.3, ge=0, le=1)
    blur: float = Field(0.2, ge=0, le=1)
    jpeg: float = Field(0.15, ge=0, le=1)
    cutout: float = Field(0.0, ge=0, le=1, description="Chance of one flat rectangle over image and labels (255).")

    @model_validator(mode="after")
    def _ranges_ascend(self) -> AugmentRecipe:
        for name in ("scale", "gamma", "gain"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be [low, high] with 0 < low <= high, got {[low, high]}")
        return self


class UNetRecipe(Section):
    """The network of `unet-tiled`, see `models.flexible_unet`. Level 0 is full resolution, each further one half."""

    base_filters: int = Field(16, ge=4, le=256, description="Channels of level 0; they double from level to level.")
    max_filters: int = Field(256, ge=4, le=2048, description="But not beyond this.")
    depth: int = Field(4, ge=1, le=5, description="How often the picture is halved.")
    layers: int = Field(2, ge=1, le=6, description="Convolutions a block.")
    first_kernel: int = Field(7, ge=1, le=31, description="Side of the first convolution's kernel; odd.")
    kernels: tuple[int, ...] = Field(
        (3,), min_length=1, max_length=6, description="Side by level, odd; the last holds for all deeper levels."
    )
    dilation: tuple[int, ...] = Field(
        (1,), min_length=1, max_length=6, description="By level; the last holds for all deeper levels."
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Chance of a channel to be dropped, after every block.")

    @model_validator(mode="after")
    def _levels_make_sense(self) -> UNetRecipe:
        if even := [k for k in (self.first_kernel, *self.kernels) if k < 1 or k % 2 == 0]:
            raise ValueError(f"kernels must be odd and positive, got {even}")
        if any(d < 1 for d in self.dilation):
            raise ValueError(f"dilation must be 1 or more, got {list(self.dilation)}")
        for name in ("kernels", "dilation"):
            if (given := len(getattr(self, name))) > self.depth + 1:
                raise ValueError(f"{name}: {given} values for {self.depth + 1} levels")
        if self.max_filters < self.base_filters:
            raise ValueError(f"max_filters {self.max_filters} is less than base_filters {self.base_filters}")
        return self


class StudentRecipe(Section):
    """The network."""

    name: str = Field(
        "fpn-mobilenetv4", description="<decoder>-<encoder>, see `models.DECODERS` and `models.ENCODERS`."
    )
    encoder_weights: str | None = Field(
        None,
        description="imagenet: from an installed package or the model hub (see docs/training.md); packaged: from a"
        " package, or noise; null: noise.",
    )
    decoder: dict[str, int] = Field(default_factory=dict, description="Overrides of the decoder's options.")
    unet: UNetRecipe = UNetRecipe()  # type: ignore[call-arg]
    parts: tuple[str, ...] = Field(
        ("body", "panel", "antenna"),
        min_length=1, max_length=250, description="Names of the label ids 1, 2, ...: what the student tells apart.",
    )  # fmt: skip
    options: dict[str, Any] = Field(
        default_factory=dict, description="Of the library that trains a student of another family: its own arguments."
    )
    initial: Path | None = Field(None, description="A run, or weights of `afss export --weights`, to start from.")
    box_head: bool = True
    craft_classes: tuple[str, ...] = Field((), description="Names of craft to tell apart; empty for no such head.")

    @model_validator(mode="after")
    def _parts_have_names_of_their_own(self) -> StudentRecipe:
        taken = ["background", "spacecraft", *self.parts]
        if repeated := sorted({name for name in taken if taken.count(name) > 1}):
            raise ValueError(f"parts: {', '.join(repeated)} named twice; background and spacecraft are always there")
        return self

    @model_validator(mode="after")
    def _nothing_is_without_effect(self) -> StudentRecipe:
        if self.name != "unet-tiled" and self.unet != UNetRecipe():  # type: ignore[call-arg]
            raise ValueError(f"unet holds the dimensions of unet-tiled, not of {self.name}")
        if self.name == "unet-tiled" and (self.decoder or self.encoder_weights not in (None, "packaged")):
            raise ValueError("unet-tiled takes its dimensions from student.unet, and has no pretrained encoder")
        return self


class LossRecipe(Section):
    """Weights of the summed losses; 0 switches one off."""

    cross_entropy: float = Field(1.0, ge=0)
    dice: float = Field(1.0, ge=0)
    lovasz: float = Field(0.0, ge=0)
    boundary: float = Field(0.0, ge=0)
    small_craft: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Cross-entropy counts pixels at 0 and craft at 1; see `losses.small_craft_emphasis`.",
    )
    false_alarms: float = Field(
        0.0,
        ge=0,
        description="How many times more cross-entropy counts background that the student takes for craft.",
    )
    box: float = Field(0.5, ge=0, description="1 - GIoU of the box head.")
    presence: float = Field(0.2, ge=0, description="Quality focal loss: how good the box head believes its boxes are.")
    craft: float = Field(0.5, ge=0)
    class_weights: tuple[float, ...] = Field(
        (1.0, 1.0, 1.0, 2.0), description="Cross-entropy weight by label id; [] weights them alike."
    )
    label_stride: int = Field(1, ge=1, le=4, description="Losses see every n-th row and column of the labels.")


class DistillationRecipe(Section):
    """What helps with labels that may be wrong, or say little; see docs/distillation.md. Off, but for `remember`."""

    weight_by: str = Field(
        "", description="Score of a label that weights its image's losses; `score`, or what `afss select` kept."
    )
    robust: float = Field(0.0, ge=0, description="Weight of the generalised cross-entropy.")
    robust_q: float = Field(0.7, gt=0, le=1, description="0 would be cross-entropy, 1 is the mean absolute error.")
    teacher: Path | None = Field(None, description="A run whose student's probabilities are targets too.")
    soft: float = Field(1.0, ge=0, description="Weight of those; without effect when there is no teacher.")
    temperature: float = Field(2.0, gt=0, description="Softens both sides' probabilities.")
    remember: float = Field(
        3.0,
        ge=0,
        description="Weight of what `student.initial` says of parts that no label tells; without it no effect.",
    )


class OptimiserRecipe(Section):
    """AdamW (Loshchilov and Hutter, 2019) under a linear warm-up and a cosine to `floor` of the peak rate."""

    lr: float = Field(2e-3, gt=0)
    encoder_lr: float | None = Field(None, gt=0, description="Another rate for the encoder; null for `lr`.")
    weight_decay: float = Field(0.02, ge=0, description="Not applied to biases and normalisation layers.")
    clip: float = Field(2.0, gt=0, description="Largest norm of the gradient.")
    warmup: float = Field(0.03, ge=0, lt=1, description="Share of the budget.")
    floor: float = Field(0.01, ge=0, le=1)
    ema: float = Field(0.998, ge=0, lt=1, description="Decay of the averaged weights; 0 for none.")
    frozen: tuple[str, ...] = Field(
        (),
        description="Modules that keep their first weights and statistics, e.g. encoder.model.blocks.0; see freeze.py.",
    )


class BudgetRecipe(Section):
    """How long to train: exactly one of the three. `minutes` counts training time alone, and is not reproducible."""

    iterations: int | None = Field(None, ge=1)
    epochs: float | None = Field(None, gt=0)
    minutes: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_of_three(self) -> BudgetRecipe:
        given = [name for name in ("iterations", "epochs", "minutes") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"budget needs exactly one of iterations, epochs, minutes; got {given or 'none'}")
        return self


class Recipe(Section):
    """One training run."""

    data: DataRecipe
    augment: AugmentRecipe = AugmentRecipe()  # type: ignore[call-arg]
    student: StudentRecipe = StudentRecipe()  # type: ignore[call-arg]
    loss: LossRecipe = LossRecipe()  # type: ignore[call-arg]
    distillation: DistillationRecipe = DistillationRecipe()  # type: ignore[call-arg]
    optimiser: OptimiserRecipe = OptimiserRecipe()  # type: ignore[call-arg]
    budget: BudgetRecipe = BudgetRecipe(epochs=30)  # type: ignore[call-arg]
    batch: int = Field(16, ge=2, description="Images per step and process.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="auto: bf16 where the device is fast at it, fp16 on a GPU without it, else fp32."
    )
    compile: bool = Field(False, description="torch.compile; pays on a GPU, rarely on a CPU.")
    seed: int = 0
    validate_every: float = Field(1.0, gt=0, description="In epochs.")
    checkpoint_minutes: float = Field(5.0, gt=0, description="A checkpoint at least so often.")
    note: str = Field("", description="Free text for the model card.")

    @model_validator(mode="after")
    def _every_class_is_weighted(self) -> Recipe:
        weights, ids = len(self.loss.class_weights), len(self.student.parts) + 1
        if weights not in (0, ids):
            raise ValueError(f"loss.class_weights: {weights} values for {ids} label ids; give one each, or []")
        return self


def parse(document: Any, *, where: str = "recipe") -> Recipe:
    """A recipe out of a parsed YAML document.

    Raises:
        DistillError: lists every fault with its place; for an unknown key, the known ones.
    """
    try:
        return Recipe.model_validate(document)
    except ValidationError as err:
        faults = "\n".join(f"  {_describe(dict(e))}" for e in err.errors())
        raise DistillError(f"{where}: {err.error_count()} fault(s)\n{faults}") from err


def load(path: Path) -> Recipe:
    """Read a recipe. Data paths that are relative are taken from the working directory.

    Raises:
        DistillError: the file is no YAML, or `parse` finds faults.
        OSError: it cannot be read.
    """
    try:
        document = plain_yaml.read(path)
    except yaml.YAMLError as err:
        raise DistillError(f"{path}: not YAML ({err})") from err
    return parse(document, where=str(path))


def adjusted(
    path: Path | None,
    *,
    data: Sequence[Path] = (),
    student: str | None = None,
    minutes: float | None = None,
    epochs: float | None = None,
    seed: int | None = None,
) -> Recipe:
    """A recipe file with a few values replaced, or the defaults with them when there is no file.

    Raises:
        DistillError: the file or the result is no recipe.
        OSError: the file cannot be read.
    """
    document: dict[str, Any] = {} if path is None else load(path).model_dump(mode="json")
    if data:
        document["data"] = {**document.get("data", {}), "train": [str(d) for d in data]}
    if student is not None:
        document["student"] = {**document.get("student", {}), "name": student}
    if minutes is not None or epochs is not None:
        document["budget"] = {"minutes": minutes, "epochs": epochs}
    if seed is not None:
        document["seed"] = seed
    return parse(document, where=str(path or "the command line"))


def dump(recipe: Recipe) -> str:
    """The complete recipe as YAML, defaults included: what a run keeps beside its checkpoints."""
    return str(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))


def _describe(fault: dict[str, Any]) -> str:
    place = ".".join(str(p) for p in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"{place or 'recipe'}: {fault['msg']}"
    model: type[BaseModel] = Recipe
    for part in fault["loc"][:-1]:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return f"{place}: not a key; known are {', '.join(sorted(model.model_fields))}"
