"""Masks as COCO's compressed run lengths, without pycocotools, which is not on board.

The coding is that of the COCO API's maskApi.c (rleToString): runs column by column, zeros first; from the fourth run
on, the difference to the run two before; each number in groups of 5 bits, least significant first, with a bit that
says whether more follow, shifted into printable ASCII.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ASCII_SHIFT = 48


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's `segmentation` of a mask, bool (H, W): `{"size": [H, W], "counts": str}`."""
    return {"size": [int(n) for n in mask.shape], "counts": _to_string(run_lengths(mask))}


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs of zeros and ones, column by column, zeros first (possibly 0).

    >>> run_lengths(np.array([[1, 0], [1, 1]], bool))
    [0, 2, 1, 1]
    """
    flat = np.ravel(mask, order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths: list[int] = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def _to_string(counts: list[int]) -> str:
    letters = []
    for i, count in enumerate(counts):
        rest = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            group = rest & 0x1F
            rest >>= 5
            # The group's top bit is the sign of what follows, so that short negative differences stay short.
            more = rest != -1 if group & 0x10 else rest != 0
            letters.append(chr((group | (0x20 if more else 0)) + _ASCII_SHIFT))
    return "".join(letters)
