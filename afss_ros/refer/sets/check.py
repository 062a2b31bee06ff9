"""`afss refer check`: an independent judge of a set of sentences.

It shares no code with what builds expressions: geometry, colours and the reading of meanings are its own, from decoded
masks, in NumPy alone. Do not let it import anything of `afss_ros.refer`; a test holds it to that. Its margins are half
of the builder's: what is said must not only be true, it must be true by half a margin.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.errors import MALFORMED, DatasetError, told
from afss_ros.datasets.files import read_text
from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import decode

CERTAIN, AMBIGUOUS, FALSE = "certain", "ambiguous", "false"
# Of a test: +1 holds by half a margin, -1 fails by half a margin, 0 between.
Sign = int
_EIGHT = {
    "left": 180.0, "right": 0.0, "top": 270.0, "bottom": 90.0,
    "top left": 225.0, "top right": 315.0, "bottom left": 135.0, "bottom right": 45.0,
}  # fmt: skip
"""Angles in degrees, clockwise from the right, for y runs down."""


_TEXTS = ("key", "scene", "text", "kind", "image")


class CheckError(DatasetError):
    """A file of a set that cannot be judged."""


@dataclass
class _Object:
    name: str
    pixels: NDArray[np.intp]
    owner: int | None
    free: int
    sunny: float | None
    away: float | None
    share: float = 1.0
    colours: dict[str, float] = field(default_factory=dict)
    grey: float | None = None

    @property
    def size(self) -> int:
        return len(self.pixels)

    @property
    def clipped(self) -> bool:
        return self.free <= 0

    @property
    def xy(self) -> NDArray[np.float64]:
        return np.asarray(self.pixels[:, ::-1].mean(0) + 0.5, np.float64)


@dataclass
class _World:
    height: int
    width: int
    objects: dict[int, _Object]
    axes: dict[str, list[float]]
    fitting: dict[str, dict[int, Sign]] = field(default_factory=dict)
    gaps: dict[tuple[int, int], float] = field(default_factory=dict)

    def lead(self) -> float:
        return max(1.5, 0.015 * max(self.height, self.width))


@dataclass(frozen=True)
class Judgement:
    """What the judge says of one reference: its line, its text, the verdict and why."""

    line: int
    scene: str
    text: str
    verdict: str
    why: str = ""


@dataclass
class Findings:
    """All judgements that are not certain, and how many there are of each verdict and kind."""

    counts: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    doubtful: list[Judgement] = field(default_factory=list)


def check(root: Path, advance: Callable[[], None] = lambda: None) -> Findings:
    """Judge every sentence of a set.

    Raises:
        CheckError: a line of its files is no scene or no reference; named.
        DatasetError: a file cannot be read.
    """
    worlds = {record["key"]: record for _, record in _lines(root / "scenes.jsonl", ("key", "size", "things", "image"))}
    findings = Findings()
    key, world = "", None
    for number, record in _lines(root / "references.jsonl", ("scene", "text", "targets", "kind")):
        if record["scene"] not in worlds:
            raise CheckError(f"{root}/references.jsonl, line {number}: there is no scene {record['scene']!r}")
        if world is None or record["scene"] != key:
            key = record["scene"]
            world = _understood(f"{root}/scenes.jsonl, scene {key!r}", partial(_world, root, worlds[key]))
        verdict, why = _understood(f"{root}/references.jsonl, line {number}", partial(judge, record, world))
        findings.counts[verdict] += 1
        findings.by_kind.setdefault(record["kind"], Counter())[verdict] += 1
        if verdict != CERTAIN:
            findings.doubtful.append(Judgement(number, key, record["text"], verdict, why))
        advance()
    return findings


def _understood(where: str, read: Callable[[], Any]) -> Any:
    """What reading a record gives; whatever its fields turn out not to be, the record is named."""
    try:
        return read()
    except CheckError:
        raise
    except MALFORMED as err:
        raise CheckError(f"{where}: is none that can be judged ({told(err)}); build the set again") from err


def _lines(path: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as err:
            raise CheckError(f"{path}, line {number}: is no JSON ({err})") from err
        if not isinstance(record, dict) or any(name not in record for name in needed):
            raise CheckError(f"{path}, line {number}: lacks one of {', '.join(needed)}")
        if wrong := next((name for name in _TEXTS if not isinstance(record.get(name, ""), str)), None):
            raise CheckError(f"{path}, line {number}: its {wrong} is no text: {str(record[wrong])[:60]}")
        found.append((number, record))
    return found


def _world(root: Path, record: dict[str, Any]) -> _World:
    height, width = record["size"]
    objects = {}
    left, top, right, bottom = record.get("window") or (0, 0, width, height)
    path = root / record["image"]  # an absolute path stays what it is
    picture = read_rgb(path)
    if picture.shape[:2] != (height, width):
        raise CheckError(f"{path}: is {picture.shape[:2]}, but the scene {record['key']} is {(height, width)}")
    for thing in record["things"]:
        mask = decode(thing["mask"])
        if mask.shape != (height, width) or not mask.any():
            raise CheckError(f"scene {record['key']}: thing {thing['id']} has no mask of {width}x{height}")
        pixels = np.argwhere(mask)
        free = min(*(pixels.min(0) - [top, left]), *([bottom - 1, right - 1] - pixels.max(0)))
        made = _Object(thing["noun"], pixels, thing["parent"], int(free), thing["lit"], thing["distance"])
        made.share = float(thing.get("seen", 1.0))
        seen = picture[mask].astype(np.float64)
        made.grey = float((seen @ np.array([0.299, 0.587, 0.114])).mean())
        made.colours = _colours(seen)
        objects[thing["id"]] = made
    return _World(height, width, objects, record.get("axes", {}))


def judge(record: dict[str, Any], world: _World) -> tuple[str, str]:
    """Verdict and reason for one reference."""
    meaning = record["meaning"]
    if meaning is None:
        return AMBIGUOUS, "nobody says what it means"
    if why := _contradicts(record["text"], meaning):
        return FALSE, why
    signs = _fits(meaning, world)
    targets = set(record["targets"])
    if strange := targets - set(world.objects):
        return FALSE, f"there is no thing {sorted(strange)}"
    for number in sorted(targets):
        if signs[number] < 0:
            return FALSE, f"thing {number} does not fit"
    rivals = [number for number, sign in signs.items() if sign > 0 and number not in targets]
    if rivals:
        return (AMBIGUOUS if targets else FALSE), f"things {rivals} fit too"
    unclear = [number for number, sign in signs.items() if sign == 0]
    if unclear:
        return AMBIGUOUS, f"things {unclear} are within half a margin"
    wanted = meaning["number"]
    if targets and ((wanted == "one" and len(targets) != 1) or (isinstance(wanted, int) and len(targets) != wanted)):
        return FALSE, f"{wanted} asked for, {len(targets)} targets"
    return CERTAIN, ""


def _contradicts(text: str, meaning: dict[str, Any]) -> str:
    """Whether sides that are said are not those that are meant; empty if they agree."""
    said = Counter(re.findall(r"\bleft|\bright", text.lower()))
    meant = Counter(re.findall(r"\bleft\b|\bright\b", json.dumps(meaning)))
    for side in ("left", "right"):
        if said[side] != meant[side]:
            return f"{side!r} is said {said[side]} times and meant {meant[side]} times"
    kinds = set(re.findall(r"\b(dish|horn|whip)", text.lower()))
    if strange := kinds - set(re.findall(r"\b(dish|horn|whip)\b", json.dumps(meaning))):
        return f"{', '.join(sorted(strange))} is said and not meant"
    return ""


# Meanings.

_RANKING = ("toward", "extreme", "closest")
_ANTENNAS = ("dish", "horn", "whip")


def _fits(meaning: dict[str, Any], world: _World) -> dict[int, Sign]:
    """For every thing, whether it fits; asked twice, it is found once."""
    asked = json.dumps(meaning, sort_keys=True)
    if asked not in world.fitting:
        world.fitting[asked] = _fitting(meaning, world)
    return world.fitting[asked]


def _fitting(meaning: dict[str, Any], world: _World) -> dict[int, Sign]:
    outside = ("spacecraft", "limb", "earth", "sun", "moon")
    noun = meaning["noun"]
    pool = [
        k
        for k, o in world.objects.items()
        if o.name == noun or (noun == "antenna" and o.name in _ANTENNAS) or (noun == "thing" and o.name not in outside)
    ]
    tests = meaning.get("tests", [])
    base = {k: min([_test(t, k, world) for t in tests if t["test"] not in _RANKING], default=1) for k in pool}
    total = dict(base)
    for test in tests:
        if test["test"] in _RANKING:
            for k in pool:
                total[k] = min(total[k], _rank(test, k, base, meaning["number"], world))
    for k in pool:  # of a fragment nobody knows how many it makes, and of a small one not what it is
        share = world.objects[k].share
        if share < 0.4 or (share < 1 and isinstance(meaning["number"], int)):
            total[k] = min(total[k], 0)
    return {k: total.get(k, -1) for k in world.objects}


def _beyond(value: float, half: float) -> Sign:
    return 1 if value > half else -1 if value < -half else 0


def _test(test: dict[str, Any], k: int, world: _World) -> Sign:
    inner = test["inner"] if test["test"] == "not" else test
    sign = _plain(inner, k, world)
    sign = sign if inner is test else -sign
    fragment = world.objects[k].share < 1 and inner["test"] in ("place", "side", "beside")
    return min(sign, 0) if fragment else sign


def _plain(test: dict[str, Any], k: int, world: _World) -> Sign:
    o, kind = world.objects[k], test["test"]
    if kind == "place":
        x, y = o.xy[0] / world.width, o.xy[1] / world.height
        if test["where"] == "centre":
            return _beyond(1 / 6 - max(abs(x - 0.5), abs(y - 0.5)), 0.035)
        parts = {"left": 0.5 - x, "right": x - 0.5, "top": 0.5 - y, "bottom": y - 0.5}
        return min(_beyond(parts[word], 0.035) for word in test["where"].split())
    if kind == "colour":
        return _beyond(o.colours[test["name"]] - 0.45, 0.07)
    if kind == "light":
        sign = _beyond(float(o.sunny) - 0.5, 0.15) if o.sunny is not None else _beyond((o.grey or 0.0) - 55, 7)
        return sign if test["lit"] else -sign
    if kind == "cut":
        sign = 1 if o.clipped else (-1 if o.free >= 1 else 0)
        return sign if test["cut"] else -sign
    return _relation(test, k, world)


def _relation(test: dict[str, Any], k: int, world: _World) -> Sign:
    fits = _fits(test["of"], world)
    meant = [j for j, sign in fits.items() if sign > 0 and j != k]
    wanted = test["of"]["number"]
    whole = sum(sign > 0 for sign in fits.values())
    counted = whole >= 1 if wanted == "all" else whole == (1 if wanted == "one" else wanted)
    clear = counted and 0 not in fits.values()
    signs = [_related(test, k, j, world) for j in (meant if clear else [j for j in fits if fits[j] >= 0 and j != k])]
    if not signs:
        return -1
    return min(signs) if clear else min(0, max(signs))


def _related(test: dict[str, Any], k: int, j: int, world: _World) -> Sign:
    a, b = world.objects[k], world.objects[j]
    part = a.owner == j
    if test["test"] == "partof":
        return 1 if part else -1
    if test["test"] == "side" and not part:
        return -1
    if test["test"] == "beside" and (part or b.owner == k):
        return -1
    if b.share < 1:
        return 0
    offset = a.xy - b.xy
    if test["where"] not in _EIGHT:
        axis = world.axes.get(test["where"])
        if axis is None or np.hypot(axis[0], axis[1]) < 0.2:
            return 0
        down_axis = float(np.dot(offset, np.array(axis, np.float64)) / np.hypot(axis[0], axis[1]))
        return _beyond(down_axis, world.lead())
    if np.hypot(*offset) <= world.lead():
        return 0
    angle = np.degrees(np.arctan2(offset[1], offset[0])) % 360
    off = abs((angle - _EIGHT[test["where"]] + 180) % 360 - 180)
    return _beyond((30 if " " in test["where"] else 45) - off, 4)


def _rank(test: dict[str, Any], k: int, base: dict[int, Sign], number: Any, world: _World) -> Sign:
    """Whether `k` has the rank that is asked for, among all that may pass the other tests."""
    meant: list[int] = []
    if test["test"] == "closest":
        fits = _fits(test["of"], world)
        meant = [j for j, sign in fits.items() if sign > 0]
        if not any(sign >= 0 for sign in fits.values()) or k in meant:
            return -1
        if 0 in fits.values() or (test["of"]["number"] == "one" and len(meant) != 1):
            return 0
    if base[k] < 0:
        return -1
    others = [j for j in base if j != k and base[j] >= 0 and j not in meant]
    ahead = [(base[j], _before(test, j, k, meant, world)) for j in others]
    sure = sum(passed > 0 and sign > 0 for passed, sign in ahead)
    may = sum(sign >= 0 for _, sign in ahead)
    first = test.get("rank", 1)
    last = first + (number - 1 if isinstance(number, int) else 0)
    if sure >= last or may < first - 1:
        return -1
    sign = 1 if sure >= first - 1 and may <= last - 1 and world.objects[k].share == 1 else 0
    if test["test"] == "toward" and number == "one" and sign > 0:
        half = {"test": "place", "where": test["where"]}
        if len(others) >= 2 and any(_test(half, j, world) > 0 for j in others):
            return 0  # another one is on that side too
        if not others and _test(half, k, world) < 0:
            owner = world.objects[k].owner
            side = {"test": "side", "where": test["where"]}
            return -1 if owner is None or _related(side, k, owner, world) <= 0 else 1
    return sign


def _before(test: dict[str, Any], j: int, k: int, meant: list[int], world: _World) -> Sign:
    a, b = world.objects[j], world.objects[k]
    if min(o.share for o in (a, b, *(world.objects[m] for m in meant))) < 1:
        return 0
    if test["test"] == "closest":
        near, far = (min(_gap(x, m, world) for m in meant) for x in (j, k))
        if test["far"]:
            near, far = far, near
        if far > near * 1.12 and far - near > world.lead():
            return 1
        return -1 if near > far * 1.12 and near - far > world.lead() else 0
    by = test["where"] if test["test"] == "toward" else test["by"]
    if by in _EIGHT:
        turn = np.radians(_EIGHT[by])
        return _beyond(float((a.xy - b.xy) @ np.array([np.cos(turn), np.sin(turn)])), world.lead())
    if by in ("largest", "smallest"):
        sign = _ratio(a.size, b.size, 1.12)
        lesser = b if sign > 0 else a
        sign = 0 if lesser.clipped else sign
        return sign if by == "largest" else -sign
    if by in ("nearest", "farthest"):
        if a.away is None or b.away is None:
            return 0
        sign = _ratio(a.away, b.away, 1.02)
        return sign if by == "farthest" else -sign
    sign = _beyond((a.grey or 0.0) - (b.grey or 0.0), 9)
    return sign if by == "brightest" else -sign


def _ratio(a: float, b: float, least: float) -> Sign:
    return 1 if a > b * least else -1 if b > a * least else 0


def _gap(j: int, k: int, world: _World) -> float:
    """Least distance of two things' pixels, by their rims."""
    pair = min(j, k), max(j, k)
    if pair not in world.gaps:
        one, other = (world.objects[n].pixels @ np.array([world.width, 1]) for n in pair)
        few, many = sorted((_rim(world.objects[n].pixels) for n in pair), key=len)
        best = 0.0 if np.isin(one, other).any() else np.inf  # a part lies within its craft, far from its rim
        for start in range(0, len(few) if best else 0, 256):
            offsets = few[start : start + 256, None, :] - many[None, :, :]
            best = min(best, float(np.sqrt((offsets**2).sum(2).min())))
        world.gaps[pair] = max(0.0, best - 1.0)
    return world.gaps[pair]


def _rim(pixels: NDArray[np.intp]) -> NDArray[np.intp]:
    inside = {(int(y), int(x)) for y, x in pixels}
    rim = [(y, x) for y, x in inside if not all(n in inside for n in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)))]
    return np.array(rim, np.intp)


# Colours: hue in degrees and its reach, least and most saturation, least and most value, both 0..1.
_COLOUR = {
    "red": (0, 19, 0.34, 1, 0.2, 1), "orange": (28, 17, 0.38, 1, 0.4, 1), "yellow": (57, 16, 0.3, 1, 0.4, 1),
    "gold": (42, 19, 0.22, 1, 0.28, 1), "green": (117.5, 44.5, 0.22, 1, 0.17, 1), "cyan": (184, 19, 0.22, 1, 0.28, 1),
    "blue": (232, 31, 0.22, 1, 0.13, 1), "purple": (277, 20, 0.19, 1, 0.17, 1), "pink": (322.5, 29.5, 0.15, 1, 0.4, 1),
    "brown": (23, 20, 0.26, 1, 0.11, 0.58), "white": (0, 181, 0, 0.2, 0.68, 1), "grey": (0, 181, 0, 0.22, 0.23, 0.73),
    "black": (0, 181, 0, 1, 0, 0.2),
}  # fmt: skip


def _colours(seen: NDArray[np.float64]) -> dict[str, float]:
    """The share of pixels (N, 3), 0..255, of each colour."""
    rgb = seen / 255
    most, least = rgb.max(1), rgb.min(1)
    spread = most - least
    safe = np.where(spread > 0, spread, 1)
    red, green, blue = rgb.T
    of_others = np.where(most == green, (blue - red) / safe + 2, (red - green) / safe + 4)
    hue = np.where(most == red, (green - blue) / safe % 6, of_others) * 60
    saturation = np.where(most > 0, spread / np.where(most > 0, most, 1), 0)
    shares = {}
    for name, (middle, reach, low_s, high_s, low_v, high_v) in _COLOUR.items():
        near = np.abs((hue - middle + 180) % 360 - 180) <= reach
        fits = near & (saturation >= low_s) & (saturation <= high_s) & (most >= low_v) & (most <= high_v)
        shares[name] = float(fits.mean())
    return shares
