"""Stamps as CCSDS day segmented time (CDS, CCSDS 301.0-B-4, 3.3): days since 1958, milliseconds of day, picoseconds.

As ROS's clocks do, it counts no leap seconds. Eleven bytes with the preamble, exact to the nanosecond, so that what
comes down finds its picture.
"""

from __future__ import annotations

import struct

from afss_ros.downlink.errors import DownlinkError

LENGTH = 11
_PREAMBLE = 0b0_100_0_0_10
"""No second octet, CDS, epoch 1958-01-01, 16 bits of days, 32 bits of picoseconds of the millisecond."""
_DAYS_TO_1970 = 4383
_DAY_NS = 86_400 * 10**9


def encode(stamp_ns: int) -> bytes:
    """The time code of nanoseconds since 1970.

    Raises:
        DownlinkError: it lies before 1958 or after 2137.
    """
    days, rest = divmod(stamp_ns, _DAY_NS)
    days += _DAYS_TO_1970
    if not 0 <= days < 2**16:
        raise DownlinkError(f"stamp {stamp_ns} ns is not between 1958 and 2137, which is all that a CDS time holds")
    milliseconds, nanoseconds = divmod(rest, 10**6)
    return struct.pack(">BHII", _PREAMBLE, days, milliseconds, nanoseconds * 1000)


def decode(code: bytes) -> int:
    """Nanoseconds since 1970 of a time code.

    Raises:
        DownlinkError: it is none, or of another form.
    """
    if len(code) < LENGTH or code[0] != _PREAMBLE:
        raise DownlinkError(f"no CDS time with picoseconds: {code[:LENGTH].hex()}")
    _, days, milliseconds, picoseconds = struct.unpack(">BHII", code[:LENGTH])
    return int((days - _DAYS_TO_1970) * _DAY_NS + milliseconds * 10**6 + round(picoseconds / 1000))
