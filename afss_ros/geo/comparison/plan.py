"""What is compared: which ground, which students and channels, which SAM 2, how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afss_ros.geo.chips import Cut, Scene
from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2.refine import Rules
from afss_ros.geo.sam2.settings import Settings

CHANNELS: Mapping[str, dict[str, int]] = {
    "footprint": {},
    "boundary": {"boundary": 3},
    "contact": {"contact": 10},
    "both": {"boundary": 3, "contact": 10},
}
"""Classes beside the footprint, and their widths in pixels."""
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison.

    Attributes:
        cities: name -> scenes; blocks are drawn in each by itself. One name for ground that is one.
        out: the folder of everything; the same plan goes on there.
        students: names of `docs/students.md` that give label maps.
        channels: keys of `CHANNELS`.
        seeds: of training, for U-Nets and SAM 2 alike.
        minutes, epochs: of training a student; one of both.
        size: of chips, pixels.
        blocks, guard, split_seed: of the split, which is the same for all; see `split.divide`.
        draw_blocks: draw other blocks for each seed, as small cities need.
        sam2: how it is tuned; None leaves it out.
        rules: of its refinement.
        thresholds: of probabilities, that are tried on validation.
        wanted, zero_is_empty: see `Cut`.
        device: of training.
    """

    cities: Mapping[str, tuple[Scene, ...]]
    out: Path
    students: tuple[str, ...] = ("unet-tiled",)
    channels: tuple[str, ...] = ("footprint", "boundary", "contact")
    seeds: tuple[int, ...] = (0, 1, 2)
    minutes: float | None = None
    epochs: float | None = 30.0
    size: int = 512
    blocks: int = 10
    guard: bool = True
    split_seed: int = 0
    draw_blocks: bool = False
    sam2: Settings | None = field(default_factory=Settings)
    rules: Rules = field(default_factory=Rules)
    thresholds: tuple[float, ...] = THRESHOLDS
    wanted: tuple[str, ...] = ()
    zero_is_empty: bool | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if unknown := [c for c in self.channels if c not in CHANNELS]:
            raise GeoError(f"channels are {', '.join(CHANNELS)}, got {', '.join(unknown)}")
        if not (self.seeds and self.students and self.channels and self.thresholds):
            raise GeoError("a comparison has one seed, student, channel and threshold or more")
        if (self.minutes is None) == (self.epochs is None):
            raise GeoError("the budget of a student is minutes or epochs, one of the two")
        scenes = [scene for some in self.cities.values() for scene in some]
        if lacking := [scene.image for scene in scenes if scene.labels is None and not scene.missing]:
            raise GeoError(f"{lacking[0]}: has no labels to score against; give --labels")
        stems = [scene.image.stem for scene in scenes]
        if twice := [stem for stem, count in Counter(stems).items() if count > 1]:
            raise GeoError(f"two scenes are called {twice[0]}; maps and objects are called after them, so rename one")

    def cut(self, channels: str) -> Cut:
        """How scenes are cut for these channels; chips do not overlap, so that each building is scored once a chip."""
        widths = CHANNELS[channels]
        return Cut(
            self.size, 0, boundary=widths.get("boundary", 0), contact=widths.get("contact", 0), wanted=self.wanted,
            zero_is_empty=self.zero_is_empty,
        )  # fmt: skip

    def blocks_of(self, seed: int) -> int:
        """The seed that draws the blocks of a run."""
        return seed if self.draw_blocks else self.split_seed

    def to_json(self) -> dict[str, Any]:
        """What decides the figures, as plain JSON values."""
        return {
            "cities": {name: len(scenes) for name, scenes in self.cities.items()},
            "students": list(self.students), "channels": list(self.channels), "seeds": list(self.seeds),
            "minutes": self.minutes, "epochs": self.epochs, "size": self.size, "blocks": self.blocks,
            "guard": self.guard, "split_seed": self.split_seed, "draw_blocks": self.draw_blocks,
            "sam2": None if self.sam2 is None else self.sam2.to_json(), "thresholds": list(self.thresholds),
            "bands": list(self.wanted),
        }  # fmt: skip
