"""Tensors held twice in memory of ours, and a hash of every piece that says which of the two is right.

A piece is repaired while somebody reads it: only the bits that are wrong change. So nothing waits for a check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.student.errors import StudentError

PIECE_BYTES = 64 * 1024
"""Hashed in a tenth of a millisecond, which a frame may wait for."""
_ALIGNMENT = 64


class DamagedMemoryError(StudentError):
    """Weights in memory are wrong and cannot be made right from their copy."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What was wrong with a piece, and is right again.

    Attributes:
        what: "weights", which answers came from; "copy" or "hash", which none came from.
        tensors: whose bytes differed, as far as that is known.
        bits: how many did.
    """

    what: str
    tensors: tuple[str, ...]
    bits: int

    def __str__(self) -> str:
        where = f" of {', '.join(self.tensors)}" if self.tensors else ""
        return f"{self.bits} flipped bit{'s' if self.bits != 1 else ''} in the {self.what}{where}"


class HeldWeights:
    """Owns copies of tensors.

    Args:
        tensors: by name.

    Attributes:
        arrays: by name, of the same shapes and types, views of the memory that is checked.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._ends = np.cumsum([-(-max(t.nbytes, 1) // _ALIGNMENT) * _ALIGNMENT for t in tensors.values()])
        self._names = tuple(tensors)
        size = int(self._ends[-1]) if tensors else 0
        room = np.zeros(size + _ALIGNMENT, np.uint8)
        first = -room.ctypes.data % _ALIGNMENT
        self._memory = room[first : first + size]
        self.arrays: dict[str, NDArray[Any]] = {}
        for (name, tensor), end in zip(tensors.items(), self._ends, strict=True):
            start = int(end) - -(-max(tensor.nbytes, 1) // _ALIGNMENT) * _ALIGNMENT
            held = self._memory[start : start + tensor.nbytes].view(tensor.dtype).reshape(tensor.shape)
            held[...] = tensor
            self.arrays[name] = held
        self._copy = self._memory.copy()
        self._hashes = [self._hash(self._memory, piece) for piece in range(self.pieces)]

    @property
    def size(self) -> int:
        """Bytes of the tensors."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def pieces(self) -> int:
        """How many pieces there are to check."""
        return -(-len(self._memory) // PIECE_BYTES)

    def check(self, piece: int) -> Repair | None:
        """Hash a piece of the weights and of their copy, and repair what is wrong; None where nothing is.

        Raises:
            DamagedMemoryError: both are wrong, or what was written does not stay.
        """
        ours, copy = self._part(self._memory, piece), self._part(self._copy, piece)
        ours_is_right = self._hash(self._memory, piece) == self._hashes[piece]
        copy_is_right = self._hash(self._copy, piece) == self._hashes[piece]
        if ours_is_right and copy_is_right:
            return None
        differs = ours ^ copy
        if not ours_is_right and not copy_is_right and differs.any():
            raise DamagedMemoryError(
                f"the weights in memory and their copy are both damaged, in {', '.join(self._at(piece, differs))}"
            )
        found = Repair(
            "hash" if not differs.any() else "copy" if ours_is_right else "weights",
            self._at(piece, differs),
            max(int(np.unpackbits(differs).sum()), 1),
        )
        if found.what == "weights":
            # Only what differs is written: an inference may be reading the rest.
            np.copyto(ours, copy, where=differs != 0)
        elif found.what == "copy":
            copy[:] = ours
        else:
            self._hashes[piece] = self._hash(self._memory, piece)
        if self._hash(self._memory, piece) != self._hashes[piece]:
            raise DamagedMemoryError(f"{found}: they were written again and are wrong still; the memory is broken")
        return found

    def _at(self, piece: int, differs: NDArray[np.uint8]) -> tuple[str, ...]:
        places = np.searchsorted(self._ends, np.flatnonzero(differs) + piece * PIECE_BYTES, side="right")
        return tuple(self._names[int(place)] for place in np.unique(places))

    @staticmethod
    def _part(memory: NDArray[np.uint8], piece: int) -> NDArray[np.uint8]:
        return memory[piece * PIECE_BYTES : (piece + 1) * PIECE_BYTES]

    def _hash(self, memory: NDArray[np.uint8], piece: int) -> bytes:
        return hashlib.sha256(self._part(memory, piece).data).digest()
