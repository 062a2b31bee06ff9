"""Spoilt views of a picture: as old aerial films look, and as cameras in space see on a bad day.

What is said of the clear picture is said of the view only where it is still true in it. On a view without colours, no
colour word is left, whatever it means there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.refer.denote import denote
from afss_ros.refer.errors import ReferError
from afss_ros.refer.meaning import Beside, Closest, Colour, Meaning, Not, PartOf, Side, Test
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets.generate import Expression
from afss_ros.refer.things import coloured

Rgb = NDArray[np.uint8]
View = Callable[[Rgb, np.random.Generator], Rgb]
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
"""Rows are red, green and blue of what is shown, columns of what was there."""


def _levels(values: NDArray[np.float64]) -> Rgb:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _grey(image: Rgb) -> NDArray[np.float64]:
    return np.repeat((image @ _LUMINANCE)[:, :, None], 3, axis=2)


def grey(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Without colours."""
    return _levels(_grey(image))


def grain(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Old film: grey, a little darker and flatter, and grainy."""
    values = 255 * (_grey(image) / 255) ** 1.1
    values = values.mean() + 0.85 * (values - values.mean())
    return _levels(values + rng.normal(0, 25.5, image.shape[:2])[:, :, None])


def sepia(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Brown, with noise on both sides of what was there, so that it is not made brighter."""
    return _levels(image @ _SEPIA.T + rng.uniform(-24.5, 24.5, image.shape))


def defocus(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Out of focus: every point is a disk of a hundredth of the picture or so."""
    reach = max(1, round(max(image.shape[:2]) * rng.uniform(0.006, 0.014)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)).astype(np.float64)
    return np.asarray(cv2.filter2D(image, -1, disk / disk.sum()), np.uint8)


def low_light(image: Rgb, rng: np.random.Generator) -> Rgb:
    """A short exposure: a third of the light, its shot noise, and a black level."""
    electrons = rng.poisson(image * rng.uniform(0.25, 0.45) * 4.0)
    return _levels(electrons / 4.0 + 4.0)


def read_noise(image: Rgb, rng: np.random.Generator) -> Rgb:
    """Noise of the read-out, the same everywhere, and every row a little brighter or darker than the next."""
    rows = rng.normal(0, 2.0, (image.shape[0], 1, 1))
    return _levels(image + rows + rng.normal(0, rng.uniform(6.0, 12.0), image.shape))


FAMILIES: dict[str, dict[str, View]] = {
    "historic": {"grey": grey, "grain": grain, "sepia": sepia},
    "space": {"defocus": defocus, "low_light": low_light, "read_noise": read_noise},
}
"""By what `afss refer build --degrade` calls them."""


def view(image: Rgb, family: str, seed: str) -> tuple[str, Rgb]:
    """A view of a family, chosen and made by a seed: its name, and uint8 (H, W, 3) RGB.

    Raises:
        ReferError: no family is called so.
    """
    if family not in FAMILIES:
        raise ReferError(f"no views are called {family!r}; they are {' and '.join(FAMILIES)}")
    # Words to numbers that are the same in every process.
    rng = np.random.default_rng(np.frombuffer(f"{family} {seed}".encode(), np.uint8))
    name = sorted(FAMILIES[family])[int(rng.integers(len(FAMILIES[family])))]
    return name, FAMILIES[family][name](image, rng)


def still_true(said: Iterable[Expression], scene: Scene, shown: Rgb, name: str) -> tuple[Scene, list[Expression]]:
    """The scene with the facts of its view, and what of all that was said is still certain in it."""
    seen = coloured(scene, shown)
    colourless = name in FAMILIES["historic"]
    kept = []
    for expression in said:
        if colourless and _names_a_colour(expression.meaning):
            continue
        found = denote(expression.meaning, seen)
        certain = found.is_certain if expression.targets else found.is_none
        if certain and set(found.targets) == set(expression.targets):
            kept.append(expression)
    return seen, kept


def _names_a_colour(meaning: Meaning) -> bool:
    return any(_is_colour(test) for test in meaning.tests)


def _is_colour(test: Test) -> bool:
    if isinstance(test, Not):
        return _is_colour(test.inner)
    if isinstance(test, (PartOf, Side, Beside, Closest)):
        return _names_a_colour(test.of)
    return isinstance(test, Colour)
