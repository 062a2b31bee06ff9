"""CCSDS space packets (CCSDS 133.0-B-2): telemetry with a time as secondary header and a checksum at the end.

The checksum is the CRC of CCSDS 232.0-B (polynomial 0x1021, start 0xFFFF), as packet error control of ECSS-E-ST-70-41C.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from afss_ros.downlink import time_code
from afss_ros.downlink.errors import DownlinkError

HEADER = 6
OVERHEAD = HEADER + time_code.LENGTH + 2
"""Bytes of a packet beside what it carries."""
MOST_APID = 2039
"""Those above are reserved."""
COUNTS = 2**14
"""After which a sequence count begins anew."""
_SECONDARY, _WHOLE = 1 << 11, 0b11 << 14


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that came down whole.

    Attributes:
        apid: of the application.
        count: its place in the sequence of that application's packets, modulo `COUNTS`.
        stamp_ns: nanoseconds since 1970.
        data: what it carries.
    """

    apid: int
    count: int
    stamp_ns: int
    data: bytes


def encode(packet: Packet) -> bytes:
    """The bytes of a packet.

    Raises:
        DownlinkError: a field is out of range.
    """
    if not 0 <= packet.apid <= MOST_APID:
        raise DownlinkError(f"an APID is 0..{MOST_APID}, got {packet.apid}")
    body = time_code.encode(packet.stamp_ns) + packet.data
    if not packet.data or len(body) + 2 > 2**16:
        raise DownlinkError(f"a packet carries 1..{2**16 - 2 - time_code.LENGTH} bytes, got {len(packet.data)}")
    header = struct.pack(">HHH", _SECONDARY | packet.apid, _WHOLE | packet.count % COUNTS, len(body) + 1)
    return header + body + struct.pack(">H", crc(header + body))


def read(stream: bytes) -> Iterator[Packet | int]:
    """The packets of a stream in the order in which they lie, and, as an integer, how many bytes between are none.

    What is damaged is passed over, byte by byte, up to the next whole packet.
    """
    at = skipped = 0
    while at < len(stream):
        found = _at(stream, at)
        if found is None:
            at, skipped = at + 1, skipped + 1
            continue
        if skipped:
            yield skipped
            skipped = 0
        packet, at = found
        yield packet
    if skipped:
        yield skipped


def _at(stream: bytes, at: int) -> tuple[Packet, int] | None:
    if len(stream) - at <= OVERHEAD:
        return None
    first, second, length = struct.unpack_from(">HHH", stream, at)
    end = at + HEADER + length + 1
    # Version 0, telemetry, with a secondary header, unsegmented.
    if first >> 11 != 1 or second >> 14 != 3 or length + 1 <= time_code.LENGTH + 2 or end > len(stream):
        return None
    if crc(stream[at:end]):
        return None
    body = stream[at + HEADER : end - 2]
    try:
        stamp_ns = time_code.decode(body)
    except DownlinkError:
        return None
    return Packet(first & 0x7FF, second & 0x3FFF, stamp_ns, body[time_code.LENGTH :]), end


def crc(data: bytes) -> int:
    """The checksum of bytes; 0 of bytes that end in theirs."""
    return binascii.crc_hqx(data, 0xFFFF)
