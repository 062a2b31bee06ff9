"""What a sentence means: a small tree of nouns and tests, apart from any wording. Plain JSON when it is written.

A meaning says nothing of pixels: `denote.py` tells which things of a scene it fits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from afss_ros.refer.errors import ReferError

DIRECTIONS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
}
"""Directions of the camera's frame: x to the right, y down."""
CENTRE = "centre"
KINDS_OF = {"dish": "antenna", "horn": "antenna", "whip": "antenna"}
"""Nouns that are kinds of another: a dish is an antenna, and an antenna may be a dish."""
SKY = frozenset({"limb", "earth", "sun", "moon"})
"""What stands behind all craft. Other things are near to it or not; where it lies itself nobody asks."""
CRAFT_DIRECTIONS = ("forward", "aft", "port", "starboard", "dorsal", "ventral", "sunward", "earthward")
"""Directions of a craft's own frame; they mean something only in a scene that says where they point."""
MEASURES = ("largest", "smallest", "nearest", "farthest", "brightest", "darkest")
COLOURS = (
    "red",
    "orange",
    "yellow",
    "gold",
    "green",
    "cyan",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "grey",
    "black",
)
ANYTHING = "thing"
"""The noun of "the left one": whatever the scene holds beside whole craft and the sky."""


@dataclass(frozen=True, slots=True)
class Place:
    """In a part of the picture: a half, a quarter, or its centre."""

    where: str


@dataclass(frozen=True, slots=True)
class Toward:
    """The one towards a side, as in "the left panel": it leads, and no rival is on that side of the picture too."""

    where: str


@dataclass(frozen=True, slots=True)
class Extreme:
    """The `rank`-th in a direction or by a measure, among all that pass the other tests."""

    by: str
    rank: int = 1


@dataclass(frozen=True, slots=True)
class Colour:
    """Most of its pixels have this colour."""

    name: str


@dataclass(frozen=True, slots=True)
class Light:
    """Lit by the Sun, or in shadow."""

    lit: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Cut by the picture's frame, or whole in it."""

    cut: bool


@dataclass(frozen=True, slots=True)
class PartOf:
    """Belongs to another thing."""

    of: Meaning


@dataclass(frozen=True, slots=True)
class Side:
    """Belongs to another thing, and lies in a direction from its middle; also in directions of the craft's frame."""

    where: str
    of: Meaning


@dataclass(frozen=True, slots=True)
class Beside:
    """Lies in a direction from another thing that it is no part of."""

    where: str
    of: Meaning


@dataclass(frozen=True, slots=True)
class Closest:
    """The nearest to another thing in the picture, or the farthest from it, among all that pass the other tests."""

    of: Meaning
    far: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """Fails a test that looks at one thing, such as `Place`; not one of `RANKED`."""

    inner: Test

    def __post_init__(self) -> None:
        if isinstance(self.inner, RANKED):
            raise ReferError(f"nothing can be said of all that is not the {type(self.inner).__name__.lower()} one")


Test: TypeAlias = Place | Toward | Extreme | Colour | Light | Cut | PartOf | Side | Beside | Closest | Not
RANKED = (Toward, Extreme, Closest)
"""Tests that compare a thing with its rivals; they come after all others."""
_ORDER = (Extreme, Toward, Closest, Place, Side, Beside, PartOf, Colour, Light, Cut, Not)
_KINDS = {kind.__name__.lower(): kind for kind in _ORDER}


@dataclass(frozen=True, slots=True)
class Meaning:
    """Things of a noun that pass tests.

    Attributes:
        noun: a class name such as "panel", or `ANYTHING`.
        number: "one", "all" (one or more), or how many there must be, as a number.
        tests: all must hold, in whatever order; kept in one. Those of `RANKED` look at what passes the others.
    """

    noun: str
    number: str | int = "one"
    tests: tuple[Test, ...] = field(default=())

    def __post_init__(self) -> None:
        fits = self.number in ("one", "all") if isinstance(self.number, str) else self.number >= 1
        if not self.noun or not fits:
            raise ReferError(f"no meaning: {self.number!r} of {self.noun!r}; a number is one, all, or 1 and more")
        tests = sorted(set(self.tests), key=lambda test: (_ORDER.index(type(test)), brief(test)))
        object.__setattr__(self, "tests", tuple(tests))


@dataclass(frozen=True, slots=True)
class Sentence:
    """What somebody asked for.

    Attributes:
        parts: the meanings whose things together are meant: "the body and the antenna" has two.
        ask: "which", "exists" or "count".
    """

    parts: tuple[Meaning, ...]
    ask: str = "which"


def brief(value: Sentence | Meaning | Test) -> str:
    """Short text for people, one for every value.

    >>> brief(Meaning("panel", "one", (Toward("left"), Not(Light(True)))))
    'one panel[toward left, not light lit]'
    """
    if isinstance(value, Sentence):
        return ("" if value.ask == "which" else f"{value.ask}: ") + " + ".join(brief(part) for part in value.parts)
    if isinstance(value, Meaning):
        tests = ", ".join(brief(test) for test in value.tests)
        return f"{value.number} {value.noun}" + (f"[{tests}]" if tests else "")
    name = type(value).__name__.lower()
    if isinstance(value, Not):
        return f"not {brief(value.inner)}"
    if isinstance(value, Extreme):
        return f"extreme {value.by}" + (f" {value.rank}" if value.rank > 1 else "")
    if isinstance(value, Closest):
        return f"{'farthest from' if value.far else 'closest to'} {brief(value.of)}"
    if isinstance(value, PartOf):
        return f"partof {brief(value.of)}"
    if isinstance(value, (Side, Beside)):
        return f"{name} {value.where} of {brief(value.of)}"
    if isinstance(value, Light):
        return "light lit" if value.lit else "light shadow"
    if isinstance(value, Cut):
        return "cut cut" if value.cut else "cut whole"
    return f"{name} {value.name if isinstance(value, Colour) else value.where}"


def to_json(value: Meaning | Test) -> dict[str, Any]:
    """A meaning or a test as plain JSON values, `from_json` turned round."""
    named: dict[str, Any] = {} if isinstance(value, Meaning) else {"test": type(value).__name__.lower()}
    for entry in fields(value):
        inner = getattr(value, entry.name)
        if isinstance(inner, tuple):
            named[entry.name] = [to_json(test) for test in inner]
        else:
            named[entry.name] = inner if isinstance(inner, (str, int, bool)) else to_json(inner)
    return named


def from_json(value: Any) -> Meaning:
    """The meaning that `to_json` wrote.

    Raises:
        ReferError: it is none.
    """
    try:
        number = value["number"]
        if isinstance(number, bool) or not isinstance(number, (str, int)) or not isinstance(value["noun"], str):
            raise ReferError(f"no meaning: {str(value)[:80]}")
        return Meaning(value["noun"], number, tuple(_test(test) for test in value.get("tests", ())))
    except (KeyError, TypeError, AttributeError, RecursionError) as err:
        raise ReferError(f"no meaning ({type(err).__name__}: {err}): {str(value)[:80]}") from err


_WORDS: dict[str, tuple[str, ...]] = {
    "place": (*DIRECTIONS, CENTRE),
    "toward": tuple(DIRECTIONS),
    "extreme": (*DIRECTIONS, *MEASURES),
    "colour": COLOURS,
    "side": (*DIRECTIONS, *CRAFT_DIRECTIONS),
    "beside": tuple(DIRECTIONS),
}


def _test(value: Any) -> Test:
    kind = value["test"]
    if kind not in _KINDS:
        raise ReferError(f"no test is called {kind!r}; they are {', '.join(_KINDS)}")
    given = {key: inner for key, inner in value.items() if key != "test"}
    for key in ("where", "by", "name"):
        if key in given and given[key] not in _WORDS[kind]:
            raise ReferError(f"{kind} knows no {given[key]!r}; it knows {', '.join(_WORDS[kind])}")
    for key in ("lit", "cut", "far"):
        if key in given and not isinstance(given[key], bool):
            raise ReferError(f"{kind}.{key} is true or false, got {given[key]!r}")
    if "rank" in given and (type(given["rank"]) is not int or given["rank"] < 1):
        raise ReferError(f"{kind}.rank is 1 or more, got {given['rank']!r}")
    if "of" in given:
        given["of"] = from_json(given["of"])
    if kind == "not":
        given["inner"] = _test(given["inner"])
    test: Test = _KINDS[kind](**given)
    return test


def mirrored(meaning: Meaning) -> Meaning:
    """The meaning that fits in the mirrored picture what this one fits: left and right exchanged, all through."""
    return Meaning(meaning.noun, meaning.number, tuple(_mirrored(test) for test in meaning.tests))


_MIRROR = {word: word.replace("left", "_").replace("right", "left").replace("_", "right") for word in DIRECTIONS}


def _mirrored(test: Test) -> Test:
    if isinstance(test, (Place, Toward)):
        return type(test)(_MIRROR.get(test.where, test.where))
    if isinstance(test, Extreme):
        return Extreme(_MIRROR.get(test.by, test.by), test.rank)
    if isinstance(test, (Side, Beside)):
        return type(test)(_MIRROR.get(test.where, test.where), mirrored(test.of))
    if isinstance(test, PartOf):
        return PartOf(mirrored(test.of))
    if isinstance(test, Closest):
        return Closest(mirrored(test.of), test.far)
    return Not(_mirrored(test.inner)) if isinstance(test, Not) else test
