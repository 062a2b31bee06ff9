"""The words: what may be said for a noun, a side, a measure; one table for reading and for writing.

The first of several words is the plain one. Words that only readers accept stand behind a bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from afss_ros.refer.meaning import ANYTHING, CENTRE, COLOURS


def _listed(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    said, _, read = text.partition("|")
    return tuple(w.strip() for w in said.split(",")), tuple(w.strip() for w in read.split(",") if w.strip())


NOUNS: dict[str, str] = {
    "spacecraft": "spacecraft, satellite, craft | sat, space craft, vehicle, probe, whole satellite, whole spacecraft",
    "panel": "solar panel, panel, solar array, array, solar wing | wing, pv array, pv panel, photovoltaic panel,"
    " photovoltaic array, solar cell array, solar cell",
    "antenna": "antenna | high gain antenna, low gain antenna, communications antenna, radio antenna, aerial, radome",
    "dish": "dish, antenna dish | dish antenna, parabolic dish, parabolic antenna, reflector, communication dish",
    "horn": "horn antenna, horn | feed horn",
    "whip": "whip antenna, whip | rod antenna",
    "body": "body, main body, bus | hull, satellite body, spacecraft body, satellite bus, spacecraft bus, central body",
    "docking ring": "docking ring | docking port, docking adapter, berthing ring",
    "thruster": "thruster | engine, nozzle, rocket nozzle",
    "boom": "boom | mast, truss",
    "radiator": "radiator",
    "camera": "star tracker | startracker",
    "limb": "limb | horizon, earth limb, limb of the earth, earth 's limb, planet 's limb",
    "earth": "earth | planet",
    "moon": "moon",
    "sun": "sun",
}
_PLURALS = {
    "spacecraft": "spacecraft",
    "craft": "craft",
    "antenna": "antennas",
    "dish": "dishes",
    "body": "bodies",
    "bus": "buses",
    "person": "people",
    "aircraft": "aircraft",
    "foot": "feet",
}
_MORE_PLURALS = {"antenna": "antennae", "bus": "busses"}

SIDES: dict[str, str] = {
    "left": "left | left hand, lefthand, leftward",
    "right": "right | right hand, righthand, rightward",
    "top": "top, upper",
    "bottom": "bottom, lower",
}
PLACES: dict[str, str] = {CENTRE: "centre, middle | center, central, midst"}
CRAFT_SIDES: dict[str, str] = {
    "forward": "forward | fore, front",
    "aft": "aft | rear, stern",
    "port": "port",
    "starboard": "starboard",
    "dorsal": "dorsal | zenith",
    "ventral": "ventral | nadir",
    "sunward": "sunward | sun facing",
    "earthward": "earthward | earth facing",
}
EXTREMES: dict[str, str] = {
    "left": "leftmost | left most, most left, far left, furthest left, farthest left, furthest to the left,"
    " farthest to the left",
    "right": "rightmost | right most, most right, far right, furthest right, farthest right, furthest to the right,"
    " farthest to the right",
    "top": "topmost, highest | top most, uppermost, upper most",
    "bottom": "bottommost, lowest | bottom most, lowermost, lower most",
    "largest": "largest, biggest | larger, bigger, large, big, huge",
    "smallest": "smallest | smaller, small, little, tiny",
    "nearest": "nearest, closest | nearer, closer",
    "farthest": "farthest, furthest, most distant | furthest away, farthest away, remotest, farther, further",
    "brightest": "brightest | brighter",
    "darkest": "darkest | darker, dimmest",
}
COLOUR_WORDS: dict[str, str] = {name: name for name in COLOURS} | {
    "grey": "grey | gray",
    "gold": "gold, golden",
    "purple": "purple | violet",
    "pink": "pink | magenta",
    "cyan": "cyan | turquoise",
}
LIGHTS: dict[bool, str] = {
    True: "lit, sunlit | sun lit, illuminated",
    False: "shadowed | unlit, shaded, dark",
}
LIGHT_PHRASES: dict[bool, str] = {
    True: "in sunlight, in the light | in the sunlight, in the sun, in light, in full sun, in full sunlight,"
    " lit by the sun, illuminated by the sun, lit by sunlight, lit by the sunlight",
    False: "in shadow, in the dark, in the shade | in the shadow, in shade, in darkness, in eclipse",
}
CUTS: dict[bool, str] = {
    True: "cut | cut off, truncated, clipped, cropped, partly visible, partially visible,"
    " partly outside the picture, partly outside the image, partly outside the frame, partly out of the frame,"
    " partly out of frame, partly out of view",
    False: "whole | complete, uncut, fully visible, completely visible, entirely visible",
}
ABOVE: dict[str, str] = {"top": "above, over", "bottom": "below, under, beneath | underneath"}
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

PICTURE = "picture, image, frame | view, scene, photo, photograph, screen, shot"
PREPOSITIONS = "on, in, at | to, toward, towards, near, along, within"
REGIONS = "side | half, part, edge, end, corner, region, area, quarter, portion, hand side, section"
CORNERS = ("corner", "half", "quarter")
"""Regions that are the picture's and not a row of rivals'."""
OWNERS = "of, on | from, belonging to, attached to, mounted on, that belongs to, that belong to, in, at"
LEADS = (
    "please, just, could i see, can i see, may i see, can you, could you, would you, i want, i need,"
    " i 'd like to see, i would like to see, show, show me, find,"
    " find me, segment, select, highlight, mark, mask, mask of, the mask of, track, follow, give me, get, get me,"
    " locate,"
    " point at, point to, point the camera at, point your camera at, look at, look for, zoom in on, zoom to, zoom on,"
    " inspect, detect, outline, where is, where are, where 's, what is, what are, which is, which are, which,"
    " return, pick, take, identify, crop, focus on, aim at, aim the camera at, to, us"
)
EXISTS = (
    "is there, are there, do you see, can you see, does it have, is there any, are there any, do we have, do we see,"
    " can we see, do you have, have we got, does it show"
)
COUNTS = "how many, count, number of, the number of, count of, the count of"
FILLERS = (
    "there, can you see, do you see, can we see, please, in view, in sight, visible, in the picture, in the image,"
    " in the frame, in the scene, in the view, in this picture, in this image, in the photo, are there, are visible,"
    " you can see, that you see, you see, that you can see, here, now, for me, for us"
)
ALL = "all, every, each, any, all of the, all the, each of the, every one of the, any of the, all of, all these"


def spread(table: str) -> tuple[str, ...]:
    """Every phrase of an entry, said and read."""
    said, read = _listed(table)
    return said + read


def said(table: str) -> tuple[str, ...]:
    """The phrases of an entry that are written, the plain one first."""
    return _listed(table)[0]


def plural(phrase: str) -> str:
    """Of a noun phrase, by its last word.

    >>> plural("solar array"), plural("dish"), plural("storage tank"), plural("battery")
    ('solar arrays', 'dishes', 'storage tanks', 'batteries')
    """
    first, _, last = phrase.rpartition(" ")
    if last in _PLURALS:
        ending = _PLURALS[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        ending = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        ending = last[:-1] + "ies"
    else:
        ending = last + "s"
    return f"{first} {ending}".strip()


@dataclass(frozen=True)
class Lexicon:
    """The phrases that may be said of some nouns, by kind.

    Attributes:
        phrases: kind -> phrase, as words -> value.
        vocabulary: every single word.
        longest: words of the longest phrase.
        names: noun -> its phrases, the plain one first.
    """

    phrases: dict[str, dict[tuple[str, ...], object]]
    vocabulary: frozenset[str]
    longest: int
    names: dict[str, tuple[str, ...]]


@lru_cache(maxsize=8)
def lexicon(extra: tuple[str, ...] = ()) -> Lexicon:
    """The words of craft, and of other nouns: class names of a data set, which are called by their names.

    Args:
        extra: nouns that `NOUNS` has not, sorted.
    """
    phrases: dict[str, dict[tuple[str, ...], object]] = {}

    def add(kind: str, words: Iterable[str], value: object) -> None:
        for phrase in words:
            phrases.setdefault(kind, {})[tuple(phrase.split())] = value

    names = {noun: said(words) for noun, words in NOUNS.items()}
    for noun in extra:
        names.setdefault(noun, (noun.replace("_", " ").replace("-", " ").lower(),))
    # Where there are small vehicles, a vehicle is no spacecraft.
    heads = {name.rpartition(" ")[2] for noun in extra for name in names[noun]}
    for noun in names:
        for phrase in spread(NOUNS[noun]) if noun in NOUNS else names[noun]:
            if phrase in heads and phrase not in names[noun]:
                continue
            add("noun", [phrase], (noun, False))
            plurals = {plural(phrase)}
            last = phrase.rpartition(" ")[2]
            if last in _MORE_PLURALS:
                plurals.add(phrase.removesuffix(last) + _MORE_PLURALS[last])
            if phrase not in plurals:
                add("noun", plurals, (noun, True))
    add("noun", ["one", "thing", "object", "part"], (ANYTHING, False))
    add("noun", ["ones", "things", "objects", "parts"], (ANYTHING, True))
    for side, words in SIDES.items():
        add("side", spread(words), side)
    for (a, first), (b, second) in product(SIDES.items(), repeat=2):
        if a in ("top", "bottom") and b in ("left", "right"):
            pairs = [f"{x} {y}" for x in spread(first) for y in (*spread(second),)]
            add("side", [*pairs, *(f"{y} {x}" for x in spread(first) for y in (b,))], f"{a} {b}")
    for table, kind in ((PLACES, "side"), (CRAFT_SIDES, "craft side"), (EXTREMES, "extreme"), (ABOVE, "above")):
        for value, words in table.items():
            add(kind, spread(words), value)
    for name, words in COLOUR_WORDS.items():
        add("colour", spread(words), name)
        add("colour", [f"{w} coloured" for w in spread(words)] + [f"{w} colored" for w in spread(words)], name)
        add("colour", [f"{w} in {c}" for w in spread(words) for c in ("colour", "color")], name)
    for flags, kind in ((LIGHTS, "light"), (LIGHT_PHRASES, "light phrase"), (CUTS, "cut")):
        for flag, words in flags.items():
            add(kind, spread(words), flag)
    for number, word in enumerate(NUMBERS, 1):
        add("number", [word, str(number)], number)
    add("number", ["both", "both of the", "both the", "pair of", "a pair of", "couple of", "a couple of"], 2)
    for number, word in enumerate(ORDINALS, 1):
        ending = {1: "st", 2: "nd", 3: "rd"}.get(number, "th")
        add("ordinal", [word, f"{number}{ending}"], number)
    for kind, words in (
        ("picture", PICTURE),
        ("preposition", PREPOSITIONS),
        ("region", REGIONS),
        ("owner", OWNERS),
        ("lead", LEADS),
        ("exists", EXISTS),
        ("count", COUNTS),
        ("filler", FILLERS),
        ("all", ALL),
        ("the", "the, this, that, these, those, the only, only, its, my, our, your"),
        ("a", "a, an, some"),
        ("us", "us, me, camera, the camera, viewer, the viewer, you, observer, the observer"),
        ("near", "nearest, closest, nearest to, closest to, next to, near, near to, close to, beside, adjacent to, by"),
        ("far", "farthest from, furthest from, farthest away from, furthest away from, most distant from"),
        ("who", "that, which, who"),
        ("is", "is, are, 's"),
        ("not", "not, n't"),
        ("possessive", "'s, '"),
        ("and", "and, and also, as well as, plus"),
        (
            "by the frame",
            "by the frame, by the picture, by the image, by the edge, by the border, at the edge, by frame",
        ),
        ("word", "of, the, to, from, is, are, do, does, have, most, non, entire, away"),
    ):
        for phrase in spread(words):
            add(kind, [phrase], phrase)
    vocabulary = frozenset(word for table in phrases.values() for phrase in table for word in phrase)
    longest = max(len(phrase) for table in phrases.values() for phrase in table)
    return Lexicon(phrases, vocabulary, longest, names)
