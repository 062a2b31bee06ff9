"""What a tracker can be told."""

from __future__ import annotations

from dataclasses import dataclass


class TrackingError(ValueError):
    """Something that cannot be tracked or measured: says what, and what would do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How tracks live.

    Attributes:
        confirm_hits: frames in which a craft must be seen before it is confirmed; a glint has one.
        confirm_within: ... of this many.
        coast_s: seconds that a confirmed craft goes on unseen before it is lost.
        remember_s: seconds that a lost craft's identity waits for it.
        least_score: what is seen with less starts no track, and only feeds one that is there; see `least_score`.
    """

    confirm_hits: int = 3
    confirm_within: int = 5
    coast_s: float = 1.5
    remember_s: float = 20.0
    least_score: float = 0.3

    def __post_init__(self) -> None:
        if not 1 <= self.confirm_hits <= self.confirm_within:
            raise TrackingError(
                f"confirm_hits must lie between 1 and confirm_within, got {self.confirm_hits} of {self.confirm_within}"
            )
        if not (self.coast_s >= 0 and self.remember_s >= 0):
            raise TrackingError(f"times must not be negative, got coast_s {self.coast_s}, remember_s {self.remember_s}")


def least_score(threshold: float) -> float:
    """The score from which a track may start, where detections are told from a threshold on.

    Three faint sightings at one place are better evidence than a bright one, so tracks start below the threshold: of
    0.2, 0.3, 0.4 and 0.5 beside a threshold of 0.5 the second followed craft best on flights of split `val`.
    """
    return 0.6 * threshold
