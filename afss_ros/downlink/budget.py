"""A link that carries so many bits a second: what is most doubtful goes first, and what does not fit is dropped."""

from __future__ import annotations

from dataclasses import dataclass

from afss_ros.downlink.errors import DownlinkError
from afss_ros.downlink.space_packet import COUNTS, MOST_APID, OVERHEAD, Packet, encode

_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class _Waiting:
    doubt: float
    number: int
    stamp_ns: int
    data: bytes


class Downlink:
    """Summaries in, space packets out, as fast as the link is.

    What waits is bounded: of more, the least doubtful is dropped, and the oldest of equals. A frame is sent once. The
    sequence count is given when a packet leaves, so that a gap in it means one that was lost on the way.

    Args:
        apid: of the packets, 0..2039.
        bits_per_second: of the link; 0 for no limit.
        most_waiting: summaries that wait at a time.
    """

    def __init__(self, apid: int, bits_per_second: float = 0.0, most_waiting: int = _MOST_WAITING) -> None:
        if not 0 <= apid <= MOST_APID:
            raise DownlinkError(f"an APID is 0..{MOST_APID}, got {apid}")
        if not 0 <= bits_per_second < float("inf"):
            raise DownlinkError(f"a link carries 0, without a limit, or more bits a second, got {bits_per_second}")
        self.apid = apid
        self.bits_per_second = bits_per_second
        self._most_waiting = most_waiting
        self._waiting: list[_Waiting] = []
        self._saved_bits = 0.0
        self._now_s: float | None = None
        self._offered = 0
        self.sent = self.dropped = 0

    @property
    def waiting(self) -> int:
        """Summaries that were neither sent nor dropped yet."""
        return len(self._waiting)

    def offer(self, data: bytes, stamp_ns: int, doubt: float) -> None:
        """Let a summary wait for its turn."""
        self._offered += 1
        self._waiting.append(_Waiting(doubt, self._offered, stamp_ns, data))
        # Of equal doubt, what is newest.
        self._waiting.sort(key=lambda w: (-w.doubt, -w.number))
        self.dropped += len(self._waiting[self._most_waiting :])
        del self._waiting[self._most_waiting :]

    def due(self, now_s: float) -> list[bytes]:
        """The packets that the link has room for by `now_s`, seconds of any steady clock."""
        elapsed = max(now_s - self._now_s, 0.0) if self._now_s is not None else 1.0
        self._now_s = now_s
        largest = max((8 * (len(w.data) + OVERHEAD) for w in self._waiting), default=0)
        # What nobody used is kept for a second, or for one packet on a link that takes longer for it.
        most = max(self.bits_per_second, float(largest))
        self._saved_bits = min(self._saved_bits + elapsed * self.bits_per_second, most)
        packets: list[bytes] = []
        while self._waiting:
            first = self._waiting[0]
            bits = 8 * (len(first.data) + OVERHEAD)
            if self.bits_per_second and bits > self._saved_bits:
                break
            self._waiting.pop(0)
            self._saved_bits -= bits if self.bits_per_second else 0
            packets.append(encode(Packet(self.apid, self.sent % COUNTS, first.stamp_ns, first.data)))
            self.sent += 1
        return packets
