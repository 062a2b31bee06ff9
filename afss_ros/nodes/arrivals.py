"""Messages that a publisher sent and DDS did not deliver, counted by the sequence numbers of those that came."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Arrivals:
    """The arrivals of one topic, from one publisher at a time.

    Reliable DDS loses what a publisher has dropped from its history before it was acknowledged, and what a subscriber
    has not taken when its own is full; the latter no event reports, but the numbers have a gap.

    Attributes:
        lost: messages that are missing between others.
    """

    lost: int = 0
    _last: int | None = None

    def take(self, number: int | None, *, publishers: int) -> int:
        """Count one arrival; returns how many messages are missing just before it.

        Args:
            number: the publisher's sequence number; None where the middleware gives none, and nothing is known.
            publishers: on the topic now; numbers of several do not make one row.
        """
        before, self._last = self._last, number if publishers <= 1 else None
        if number is None or before is None or self._last is None or number <= before:  # the last: a new publisher
            return 0
        missing = number - before - 1
        self.lost += missing
        return missing
