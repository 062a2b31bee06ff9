"""What every resolver gives: a sentence about a picture in, a mask and a reason out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection

FOUND = "found"
NONE = "none"
AMBIGUOUS = "ambiguous"
UNKNOWN = "unknown"
STATES = (FOUND, NONE, AMBIGUOUS, UNKNOWN)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a sentence means in a picture.

    Attributes:
        state: `FOUND`; `NONE`, there is no such thing; `AMBIGUOUS`, more fit than were asked for, and all of them are
            in the mask; `UNKNOWN`, this resolver cannot tell, for a class or a fact that it does not know.
        mask: bool (H, W), the union of the things.
        detections: the things one by one, each with its mask, the best first.
        score: how sure the answer is, 0..1; of "there is none" too.
        why: a sentence for people.
        count: how many things fit, also where none of them alone is meant.
    """

    state: str
    mask: NDArray[np.bool_]
    detections: tuple[Detection, ...]
    score: float
    why: str
    count: int = 0

    @property
    def found(self) -> bool:
        return self.state == FOUND


class Resolver(Protocol):
    """Anything that answers sentences about pictures."""

    def resolve(self, image: NDArray[np.uint8], text: str) -> Answer:
        """Answer a sentence about an image, uint8 (H, W, 3) RGB.

        Raises:
            SentenceError: the sentence cannot be understood; the word is named.
        """
        ...


@runtime_checkable
class TokenResolver(Resolver, Protocol):
    """A resolver that reads tokens, and so can be asked without any."""

    @property
    def blind(self) -> NDArray[np.int64]:
        """The tokens of no words at all, int64 (L,)."""
        ...

    def encode(self, text: str) -> NDArray[np.int64]:
        """Tokens of a sentence, int64 (L,).

        Raises:
            SentenceError: it cannot be read.
        """
        ...

    def answer(self, image: NDArray[np.uint8], tokens: NDArray[np.int64]) -> Answer:
        """Answer tokens about an image, uint8 (H, W, 3) RGB."""
        ...
