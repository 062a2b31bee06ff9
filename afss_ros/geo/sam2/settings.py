"""Everything that decides a tuning run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2.parts import Rates

CHECKPOINT = "facebook/sam2.1-hiera-tiny"


@dataclass(frozen=True, slots=True)
class Settings:
    """How SAM 2 is tuned. Where Meta's recipe says something for still pictures, the defaults say the same, but for
    the rate: that is what others use for a decoder by itself on small sets.

    Attributes:
        checkpoint, revision: see `network.load`.
        tune: what learns, see `parts.TUNABLE`.
        rank: of LoRA.
        epochs: how often each object is asked about.
        iterations: steps, in place of epochs; 0 for epochs.
        rates: peak learning rates.
        warmup, floor: shares of the budget and of the peak rate; a cosine lies between.
        clip: largest norm of the gradient.
        objects: asked about at once: what memory depends on.
        batch: of such groups, a step.
        box_share: of groups that are asked by boxes; others by one point in the object.
        corrections: further points, at most; how many is drawn evenly, from none.
        bare_ground: questions without an object, as a share of `objects`.
        turns: quarter turns and flips that pictures are seen in, 1 to 8; each needs embeddings of its own.
        validate_every: in epochs.
        validation_samples: chips that weights are chosen on, at most.
        checkpoint_minutes: between what a killed run goes on from.
        precision: of the decoder's products: auto, fp32 or bf16.
        seed: draws everything.
    """

    checkpoint: str = CHECKPOINT
    revision: str = ""
    tune: tuple[str, ...] = ("decoder",)
    rank: int = 8
    epochs: float = 10.0
    iterations: int = 0
    rates: Rates = field(default_factory=Rates)
    warmup: float = 0.03
    floor: float = 0.1
    clip: float = 0.1
    objects: int = 16
    batch: int = 1
    box_share: float = 0.5
    corrections: int = 7
    bare_ground: float = 0.25
    turns: int = 1
    validate_every: float = 1.0
    validation_samples: int = 100
    checkpoint_minutes: float = 5.0
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.objects, self.batch, self.rank, self.validation_samples) < 1 or self.corrections < 0:
            raise GeoError("objects, batch, rank and validation samples are 1 or more, corrections 0 or more")
        if not 1 <= self.turns <= 8:
            raise GeoError(f"a picture has 1 to 8 turns and flips, got {self.turns}")
        if not (0 <= self.box_share <= 1 and 0 <= self.bare_ground <= 1):
            raise GeoError(f"shares lie in 0..1, got boxes {self.box_share} and bare ground {self.bare_ground}")
        if self.iterations < 0 or (not self.iterations and not self.epochs > 0) or not self.validate_every > 0:
            raise GeoError(f"the budget is more than 0 epochs or iterations, got {self.epochs} and {self.iterations}")
        if not (self.rates.decoder > 0 and self.rates.image > 0 and self.clip > 0):
            raise GeoError(f"learning rates and the gradient's norm are above 0, got {self.rates}, {self.clip}")

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "tune": list(self.tune)}
