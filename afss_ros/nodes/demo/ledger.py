"""Where every frame of a demo went, and whether it adds up. Plain numbers; no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counts of one demo.

    Attributes:
        sent: frames that the source published.
        unreadable: inputs of the source that were no frames, and so were not sent.
        received, processed, overwritten, bad: as the perception node counts them.
        recorded: messages in the bag by what they are: `image`, `detections`.
    """

    sent: int
    received: int
    processed: int
    overwritten: int
    bad: int
    unreadable: int = 0
    recorded: Mapping[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Frames that were sent and never reached the node."""
        return self.sent - self.received

    def discrepancies(self) -> list[str]:
        """What does not add up; empty when every frame is accounted for.

        >>> Ledger(sent=5, received=5, processed=3, overwritten=1, bad=0).discrepancies()
        ['received 5 is not processed 3 + overwritten 1 + bad 0 = 4']
        """
        found = []
        if self.sent == 0:
            found.append("the source sent no frame")
        if self.received > self.sent:
            found.append(f"received {self.received} is more than sent {self.sent}")
        accounted = self.processed + self.overwritten + self.bad
        if accounted != self.received:
            found.append(
                f"received {self.received} is not processed {self.processed} + overwritten {self.overwritten}"
                f" + bad {self.bad} = {accounted}"
            )
        for what, expected in (("image", self.sent), ("detections", self.processed)):
            count = self.recorded.get(what, expected)
            if count != expected:
                found.append(f"the bag holds {count} messages of {what} instead of {expected}")
        return found


def summary(ledger: Ledger, report: Mapping[str, str], fps: float) -> dict[str, Any]:
    """What summary.json says.

    Args:
        report: key and value of the perception node's last /diagnostics status.
        fps: frames processed per second, from the first output to the last.
    """
    latency: dict[str, dict[str, float]] = {}
    for key, value in report.items():
        parts = key.split(".")
        if len(parts) == 3 and parts[0] == "latency_ms":
            latency.setdefault(parts[1], {})[parts[2]] = float(value)
    return {
        "frames": {
            "sent": ledger.sent,
            "received": ledger.received,
            "processed": ledger.processed,
            "overwritten": ledger.overwritten,
            "bad": ledger.bad,
        },
        "fps": round(fps, 2),
        "latency_ms": latency,
        "provider": report.get("provider", ""),
        "model": {"path": report.get("model.path", ""), "sha256": report.get("model.sha256", "")},
    }
