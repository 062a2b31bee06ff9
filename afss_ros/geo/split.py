"""Train, validation and test apart on the ground: whole blocks of chips, and a ring between them if wanted.

Chips drawn one by one have neighbours on both sides of every border: the score then measures memory.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.record import read_lines, to_line
from afss_ros.geo.errors import GeoError
from afss_ros.geo.grid import Grid

GUARD = "guard"
"""Split of the chips that nobody uses, because they touch chips of two."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a split came to.

    Attributes:
        chips: split -> how many.
        blocks: split -> how many.
        touching: split other than train -> how many of its chips touch or overlap a training chip.
    """

    chips: dict[str, int]
    blocks: dict[str, int]
    touching: dict[str, int]


def divide(
    boxes: NDArray[np.float64],
    shares: Mapping[str, float],
    *,
    blocks: int = 10,
    guard: bool = False,
    seed: int = 0,
) -> tuple[list[str], list[str], Report]:
    """Give each chip a split, by the block that its middle lies in.

    Args:
        boxes: float64 (N, 4), x_min, y_min, x_max, y_max of the chips on one map.
        shares: split -> share of the chips, `train` among them; they add up to 1.
        blocks: chips along a block's side.
        guard: whether training chips that touch others' chips go into the split `guard`.
        seed: draws the blocks.

    Returns:
        Split and block name of each chip, and the report.

    Raises:
        GeoError: shares that are none, or fewer blocks than splits.
    """
    if "train" not in shares or min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise GeoError(f"shares must be 0 or more, add up to 1 and name train, got {dict(shares)}")
    if blocks < 1:
        raise GeoError(f"a block has 1 chip or more along its side, got {blocks}")
    if not len(boxes):
        raise GeoError("no chips to split")
    wanted = {name: share for name, share in shares.items() if share > 0}
    side = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    cells = np.floor((middles - middles.min(axis=0)) / (side * blocks) + 1e-9).astype(int)
    names = [f"block_{y}_{x}" for x, y in cells.tolist()]
    sizes = Counter(names)
    if len(sizes) < len(wanted):
        raise GeoError(
            f"{len(boxes)} chips lie in {len(sizes)} blocks of {blocks} x {blocks}, too few for {len(wanted)} splits;"
            f" make blocks smaller (--blocks {max(1, blocks // 2)}), or chips"
        )
    split_of = _draw(sizes, wanted, seed)
    splits = [split_of[name] for name in names]
    if guard:
        near = _touching(boxes, [s == "train" for s in splits], [s != "train" for s in splits])
        splits = [GUARD if i in near else s for i, s in enumerate(splits)]
        if "train" not in splits:
            raise GeoError(
                f"every training chip touches a chip of another split, so the guard leaves none to train on; make"
                f" blocks larger (--blocks {blocks * 2}), or chips smaller"
            )
    training = [s == "train" for s in splits]
    touching = {
        name: len(_touching(boxes, [s == name for s in splits], training)) for name in wanted if name != "train"
    }
    report = Report(dict(Counter(splits)), dict(Counter(split_of.values())), touching)
    return splits, names, report


def split_set(
    root: Path, shares: Mapping[str, float], *, blocks: int = 10, guard: bool = False, seed: int = 0
) -> Report:
    """Split a set of chips on disk: its `samples.jsonl` is written anew, its files stay.

    Raises:
        GeoError: it is no set of chips, or see `divide`.
    """
    path = root / "samples.jsonl"
    if not path.exists():
        raise GeoError(f"{root}: is no data set (no samples.jsonl); make one: afss geo chip")
    records, wrong, _ = read_lines(path)
    if wrong:
        raise GeoError(f"{path}: {wrong[0]}; make the set anew")
    by_map: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        geo = record.get("attributes", {}).get("geo")
        if not isinstance(geo, dict) or "affine" not in geo:
            raise GeoError(f"{path}: {record['key']!r} has no place on the map; make the set with afss geo chip")
        by_map.setdefault(geo["crs"], []).append(index)
    total = Report({}, {}, {})
    for number, indices in enumerate(by_map.values()):
        boxes = np.array([_box(records[i]["attributes"]["geo"]) for i in indices])
        splits, names, report = divide(boxes, shares, blocks=blocks, guard=guard, seed=seed)
        for i, split, name in zip(indices, splits, names, strict=True):
            records[i]["split"], records[i]["sequence"] = split, name if len(by_map) == 1 else f"map{number}_{name}"
        for mine, theirs in zip(_parts(total), _parts(report), strict=True):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
    write_atomically(path, b"".join(to_line(record) for record in records))
    document = {"shares": dict(shares), "blocks": blocks, "guard": guard, "seed": seed, "chips": total.chips,
                "touching": total.touching}  # fmt: skip
    write_atomically(root / "split.json", json.dumps(document, indent=1).encode())
    return total


def _parts(report: Report) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    return report.chips, report.blocks, report.touching


def _box(geo: Mapping[str, object]) -> tuple[float, float, float, float]:
    grid = Grid(str(geo["crs"]), tuple(geo["affine"]), int(geo["height"]), int(geo["width"]))  # type: ignore[arg-type,call-overload]
    return grid.bounds


def _draw(sizes: Mapping[str, int], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Blocks in random order, each to the split that lacks most chips; none is left without a block."""
    order = sorted(sizes)
    np.random.default_rng(seed).shuffle(order)
    total, got = sum(sizes.values()), dict.fromkeys(shares, 0)
    split_of = {}
    empty = sorted(shares, key=lambda name: -shares[name])
    for place, block in enumerate(order):
        if len(order) - place <= len([n for n in empty if not got[n]]):
            name = next(n for n in empty if not got[n])
        else:
            name = max(shares, key=lambda n: shares[n] * total - got[n])
        split_of[block] = name
        got[name] += sizes[block]
    return split_of


def _touching(boxes: NDArray[np.float64], mine: Sequence[bool], others: Sequence[bool]) -> set[int]:
    """Indices of `mine` that touch or overlap one of `others`; a hundredth of a chip's side counts as touching."""
    own, foreign = np.flatnonzero(mine), np.flatnonzero(others)
    if not len(own) or not len(foreign):
        return set()
    slack = 0.01 * np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    grown = shapely.box(
        boxes[own, 0] - slack[0], boxes[own, 1] - slack[1], boxes[own, 2] + slack[0], boxes[own, 3] + slack[1]
    )
    tree = shapely.STRtree(shapely.box(*boxes[foreign].T))
    return {int(own[i]) for i in np.unique(tree.query(grown, "intersects")[0])}
