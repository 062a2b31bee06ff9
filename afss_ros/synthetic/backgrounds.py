"""The kinds of background, and how often each is drawn."""

from __future__ import annotations

import numpy as np

KINDS: dict[str, float] = {
    "limb": 0.24,
    "ground": 0.15,
    "disc": 0.10,
    "night": 0.07,
    "sensor": 0.16,
    "deep": 0.08,
    "stars": 0.07,
    "gradient": 0.04,
    "planet": 0.055,
    "studio": 0.035,
}
"""`limb`: the Earth's edge crosses the frame; `ground`: the Earth fills it; `disc`: the whole Earth; `night`: its dark
side; `sensor`: a raw, noisy, raised black; `deep`: black with many stars; `stars`: nebulae as artists paint them;
`gradient`: a smooth backdrop; `planet`: the Moon or another planet; `studio`: white, grey or a hall on the ground."""

EARTH_KINDS = ("limb", "ground", "disc", "night")
RAW_KINDS = ("sensor", "deep")
"""Frames as an instrument gives them: one light, no artist."""


def draw_kind(rng: np.random.Generator) -> str:
    """A background, one of `KINDS`."""
    return str(rng.choice(list(KINDS), p=np.array(list(KINDS.values())) / sum(KINDS.values())))
