"""From which value on a measure is out of bounds: data, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from afss_ros import plain_yaml
from afss_ros.monitor.novelty import FEATURES

SHIPPED = Path(__file__).with_name("limits.yaml")
MEASURES = ("black", "dark", "white", "sun", "smeared", "torn", "filled", "novel")


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Limits of all measures.

    Attributes:
        at: of each of `MEASURES`, the value that a stated share of right frames stays below, and above 0.
        mean: float64 (12,), features of right frames.
        whiten: float64 (12, 12), see `novelty.fit`.
        about: how they were made, in words.
    """

    at: dict[str, float]
    mean: NDArray[np.float64]
    whiten: NDArray[np.float64]
    about: str = ""

    def document(self) -> dict[str, Any]:
        """As plain data, for a YAML file."""
        return {
            "about": self.about,
            "at": {name: round(float(value), 6) for name, value in self.at.items()},
            "features": list(FEATURES),
            "mean": [round(float(v), 6) for v in self.mean],
            "whiten": [[round(float(v), 4) for v in row] for row in self.whiten],
        }


def load_limits(path: Path = SHIPPED) -> Limits:
    """Read limits from a file, those that are shipped by default.

    Raises:
        ValueError: names the file and what is wrong with it.
    """
    try:
        document = plain_yaml.read(path)
        mean, whiten = np.array(document["mean"], float), np.array(document["whiten"], float)
        at = {name: float(document["at"][name]) for name in MEASURES}
        about, names = str(document["about"]), tuple(document["features"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no limits of `afss monitor calibrate` ({error!r})") from error
    whole = len(FEATURES)
    if names != FEATURES or mean.shape != (whole,) or whiten.shape != (whole, whole):
        raise ValueError(f"{path}: is of other features, {', '.join(names)}; calibrate anew")
    if not all(np.isfinite(v) and v > 0 for v in at.values()) or not np.isfinite(whiten).all():
        raise ValueError(f"{path}: a limit is not above 0, or not finite; calibrate anew")
    return Limits(at, mean, whiten, about)
