"""What came down: packets in any order, some lost, some damaged, made into frames again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from afss_ros.downlink import space_packet, summary
from afss_ros.downlink.errors import DownlinkError
from afss_ros.downlink.space_packet import COUNTS, Packet
from afss_ros.downlink.summary import Craft, Summary


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """Frames in the order of their stamps.

    Attributes:
        frames: stamp in nanoseconds, and summary.
        lost: packets that the sequence counts tell of and that are not there.
        foreign_bytes: bytes that belong to no whole packet.
        unreadable: packets that came whole and hold no summary.
    """

    frames: tuple[tuple[int, Summary], ...]
    lost: int
    foreign_bytes: int
    unreadable: int

    def sentence(self, name: str) -> str:
        """What came, on one line."""
        missing = [
            f"{count} {what}"
            for count, what in (
                (self.lost, "lost"),
                (self.unreadable, "that hold no summary"),
                (self.foreign_bytes, "bytes of no packet"),
            )
            if count
        ]
        craft = sum(len(told.craft) for _, told in self.frames)
        return f"{name}: {len(self.frames)} frames, {craft} craft" + (f"; {', '.join(missing)}" if missing else "")

    def document(self) -> dict[str, Any]:
        """All of it but the masks, as plain JSON values."""
        return {
            "lost": self.lost, "foreign_bytes": self.foreign_bytes, "unreadable": self.unreadable,
            "frames": [_frame(stamp_ns, told) for stamp_ns, told in self.frames],
        }  # fmt: skip


def receive(stream: bytes) -> Received:
    """Read a stream of packets; those of several applications are counted each by itself."""
    counts: dict[int, list[int]] = {}
    frames: dict[tuple[int, int], Summary] = {}
    foreign = unreadable = 0
    for found in space_packet.read(stream):
        if not isinstance(found, Packet):
            foreign += found
            continue
        counts.setdefault(found.apid, []).append(found.count)
        try:
            frames[found.stamp_ns, found.apid] = summary.decode(found.data)
        except DownlinkError:
            unreadable += 1
    ordered = tuple((stamp_ns, told) for (stamp_ns, _), told in sorted(frames.items(), key=lambda item: item[0]))
    return Received(ordered, sum(_missing(c) for c in counts.values()), foreign, unreadable)


def _missing(counts: Iterable[int]) -> int:
    """How many of a sequence of counts are not there, between the first and the last, in whatever order they came."""
    unwrapped: list[int] = []
    for count in counts:
        before = unwrapped[-1] if unwrapped else count
        unwrapped.append(before + (count - before + COUNTS // 2) % COUNTS - COUNTS // 2)
    return max(unwrapped) - min(unwrapped) + 1 - len(set(unwrapped)) if unwrapped else 0


def _frame(stamp_ns: int, told: Summary) -> dict[str, Any]:
    return {
        "stamp_ns": stamp_ns, "height": told.size[0], "width": told.size[1], "doubt": round(told.doubt, 4),
        "mask_step": told.step if told.labels is not None else None, "left_out": told.left_out,
        "craft": [_craft(c) for c in told.craft],
    }  # fmt: skip


def _craft(craft: Craft) -> dict[str, Any]:
    return {
        "identity": craft.identity, "state": craft.state, "class_id": craft.class_id, "score": round(craft.score, 4),
        "box_xyxy": [round(float(v), 3) for v in craft.box_xyxy], "border": craft.at_border, "shared": craft.shared,
        "direction": None if craft.direction is None else [float(v) for v in craft.direction],
        "covariance_rad2": None if craft.covariance is None else craft.covariance.tolist(),
        "metres": craft.metres, "sigma_m": craft.sigma,
    }  # fmt: skip
