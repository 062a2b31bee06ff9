"""Message classes from their names, and the little that every stamped message shares on the wire."""

from __future__ import annotations

import struct
from importlib import import_module
from typing import Any

_STAMP = {b"\x00\x00": struct.Struct(">iI"), b"\x00\x01": struct.Struct("<iI")}
"""sec and nanosec of a leading std_msgs/Header, by CDR representation identifier (OMG RTPS 2.5, 10.2.1)."""


class MessageTypeError(Exception):
    """A message type that this process cannot speak."""


def message_class(name: str) -> Any:
    """The Python class of `package/msg/Name`.

    Raises:
        MessageTypeError: the name has another form, or the package is not installed.
    """
    package, _, kind = name.partition("/msg/")
    if not package or not kind:
        raise MessageTypeError(f"{name!r} is no message type; write it as package/msg/Name")
    try:
        return getattr(import_module(f"{package}.msg"), kind)
    except (ImportError, AttributeError) as err:
        raise MessageTypeError(f"message type {name} is not installed here: {err}") from err


def leading_stamp_ns(cdr: bytes) -> int:
    """The stamp, in nanoseconds, of a serialized message that starts with a header.

    Raises:
        MessageTypeError: the bytes are too short, or no plain CDR.
    """
    reader = _STAMP.get(cdr[:2])
    if reader is None or len(cdr) < 4 + reader.size:
        raise MessageTypeError(f"{len(cdr)} bytes starting {cdr[:4].hex(' ')} are no serialized message with a header")
    sec, nanosec = reader.unpack_from(cdr, 4)
    return int(sec) * 1_000_000_000 + int(nanosec)
