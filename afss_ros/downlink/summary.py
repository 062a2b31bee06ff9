"""A frame in under a kilobyte: craft with bearing, covariance and range, and as much of the mask as there is room for.

Big endian. A head of 10 bytes; 32 bytes for each craft; then the label map, thinned out to every step-th pixel, as runs
(`images.runs`), deflated. `_HEAD` and `_CRAFT` say which field has which form, docs/downlink.md what each is.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from afss_ros.downlink import space_packet
from afss_ros.downlink.errors import DownlinkError
from afss_ros.images import ImageError, runs

Array = NDArray[np.float64]
VERSION = 1
LIMIT = 1000 - space_packet.OVERHEAD
"""Bytes of a summary, so that its packet is under a kilobyte."""
MOST_CRAFT = 16
STATES = ("tentative", "confirmed", "coasting", "lost")
_BORDER, _SHARED, _BEARING, _RANGE = 4, 8, 16, 32
_HEAD = struct.Struct(">BBHHBBH")
"""Version, doubt in 255ths, width, height, craft, step of the mask or 0 without, craft left out."""
_CRAFT = struct.Struct(">HBBB4Hii2hbfH")
"""Identity; state and flags; class; score in 255ths; sides of the box in 65535ths of the picture; azimuth and elevation
in 2**-31 half turns; logarithms of the two deviations and their correlation; metres; logarithm of their deviation."""
_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_DEFLATED = 10
"""Deflated, no mask is smaller than this share of its runs; those of craft are a third of them."""
_TURN = 2.0**31 / np.pi
_LOG = 1000.0
"""Steps of the logarithm of a deviation: a thousandth."""


@dataclass(frozen=True, slots=True, eq=False)
class Craft:
    """One craft.

    Attributes:
        identity: number of its track, modulo 65536; 0 without.
        state: one of `STATES`.
        class_id: of LabelInfo.
        score: 0..1.
        box_xyxy: float64 (4,), pixels.
        at_border, shared: see `tracking.Track`.
        direction: float64 (3,), unit vector in the camera's optical frame, and covariance (3, 3) of it, rad²; or None.
        metres, sigma: its range and standard deviation; or None.
    """

    identity: int
    state: str
    class_id: int
    score: float
    box_xyxy: Array
    at_border: bool = False
    shared: bool = False
    direction: Array | None = None
    covariance: Array | None = None
    metres: float | None = None
    sigma: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What is told of one frame.

    Attributes:
        size: height, width of the picture.
        doubt: 0..1, the strongest reason to doubt it.
        craft: in the order of their importance: the first `MOST_CRAFT` are sent.
        labels: uint8 (H, W), the label map; of one that was sent, every `step`-th pixel of it. None without.
        step: from one pixel of `labels` to the next.
        left_out: craft beyond those.
    """

    size: tuple[int, int]
    doubt: float
    craft: tuple[Craft, ...] = field(default=())
    labels: NDArray[np.uint8] | None = None
    step: int = 1
    left_out: int = 0


def encode(summary: Summary, limit: int = LIMIT) -> bytes:
    """The bytes of a summary, `limit` of them at most; the mask is thinned out until it fits, or left out.

    Raises:
        DownlinkError: it does not fit even so, or the picture is too large.
    """
    height, width = summary.size
    if not (0 < height < 2**16 and 0 < width < 2**16):
        raise DownlinkError(f"a picture has 1..65535 pixels a side, got {width}x{height}")
    room = (limit - _HEAD.size) // _CRAFT.size
    if room < 0:
        raise DownlinkError(f"a summary has {_HEAD.size} bytes at least, and the limit is {limit}")
    sent = summary.craft[: min(MOST_CRAFT, room)]
    craft = b"".join(_packed(c, summary.size) for c in sent)
    step, mask = _mask(summary.labels, limit - _HEAD.size - len(craft))
    left_out = min(summary.left_out + len(summary.craft) - len(sent), 2**16 - 1)
    return _HEAD.pack(VERSION, _share(summary.doubt), width, height, len(sent), step, left_out) + craft + mask


def decode(data: bytes) -> Summary:
    """The summary of its bytes.

    Raises:
        DownlinkError: they are none.
    """
    if len(data) < _HEAD.size or data[0] != VERSION:
        raise DownlinkError(f"no summary of version {VERSION}: {data[: _HEAD.size].hex()}")
    _, doubt, width, height, count, step, left_out = _HEAD.unpack_from(data)
    end = _HEAD.size + count * _CRAFT.size
    if len(data) < end:
        raise DownlinkError(f"a summary of {count} craft has {end} bytes at least, this one {len(data)}")
    craft = [_unpacked(_CRAFT.unpack_from(data, at), (height, width)) for at in range(_HEAD.size, end, _CRAFT.size)]
    labels = None
    if step:
        try:
            labels = runs.decode(zlib.decompressobj(-15).decompress(data[end:], 2**22), width * height)
        except (zlib.error, ImageError) as error:
            raise DownlinkError(f"the mask cannot be read: {error}") from error
    return Summary((height, width), doubt / 255, tuple(craft), labels, step or 1, left_out)


def _mask(labels: NDArray[np.uint8] | None, room: int) -> tuple[int, bytes]:
    """The step and the bytes of the finest mask that has room."""
    for step in _STEPS if labels is not None else ():
        assert labels is not None
        plain = runs.encode(thinned(labels, step))
        if len(plain) > _DEFLATED * room:
            continue  # noise takes long to deflate, and in vain
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = deflate.compress(plain) + deflate.flush()
        if len(data) <= room:
            return step, data
    return 0, b""


def thinned(labels: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Every `step`-th pixel of a map, from the middle of the first `step`."""
    return np.ascontiguousarray(
        labels[min(step // 2, labels.shape[0] - 1) :: step, min(step // 2, labels.shape[1] - 1) :: step]
    )


def _packed(craft: Craft, size: tuple[int, int]) -> bytes:
    flags = STATES.index(craft.state)
    flags |= (_BORDER if craft.at_border else 0) | (_SHARED if craft.shared else 0)
    azimuth = elevation = correlation = 0
    deviations = [0, 0]
    if craft.direction is not None and craft.covariance is not None:
        flags |= _BEARING
        x, y, z = craft.direction
        azimuth, elevation = _angle(np.arctan2(x, z)), _angle(np.arctan2(-y, np.hypot(x, z)))
        basis = across(craft.direction)
        spread = basis @ craft.covariance @ basis.T
        deviations = [_logarithm(float(np.sqrt(max(spread[i, i], 0.0)))) for i in (0, 1)]
        product = float(np.sqrt(spread[0, 0] * spread[1, 1]))
        correlation = round(127 * float(np.clip(spread[0, 1] / product, -0.99, 0.99))) if product > 0 else 0
    metres, sigma = 0.0, 0
    if craft.metres is not None and craft.sigma is not None:
        flags |= _RANGE
        metres, sigma = craft.metres, _logarithm(craft.sigma) & 0xFFFF
    scale = np.array([size[1], size[0]] * 2, np.float64)
    box = [int(v) for v in np.rint(65535 * np.clip(craft.box_xyxy / scale, 0, 1))]
    return _CRAFT.pack(
        craft.identity % 2**16, flags, craft.class_id & 0xFF, _share(craft.score), *box, azimuth, elevation,
        *deviations, correlation, metres, sigma,
    )  # fmt: skip


def _unpacked(values: tuple[float, ...], size: tuple[int, int]) -> Craft:
    identity, flags, class_id, score = (int(v) for v in values[:4])
    box = np.array(values[4:8], np.float64) / 65535 * np.array([size[1], size[0]] * 2)
    direction = covariance = metres = sigma = None
    if flags & _BEARING:
        azimuth, elevation = (v / _TURN for v in values[8:10])
        flat = np.cos(elevation)
        direction = np.array([np.sin(azimuth) * flat, -np.sin(elevation), np.cos(azimuth) * flat])
        a, b = (float(np.exp(v / _LOG)) for v in values[10:12])
        shared = values[12] / 127 * a * b
        basis = across(direction)
        covariance = basis.T @ np.array([[a * a, shared], [shared, b * b]]) @ basis
    if flags & _RANGE:
        signed = int(values[14]) - (2**16 if values[14] >= 2**15 else 0)
        metres, sigma = float(values[13]), float(np.exp(signed / _LOG))
    return Craft(
        identity, STATES[flags & 3], class_id, score / 255, box, bool(flags & _BORDER), bool(flags & _SHARED),
        direction, covariance, metres, sigma,
    )  # fmt: skip


def across(direction: Array) -> Array:
    """Two unit vectors (2, 3) across a direction: towards larger azimuth, and towards larger elevation."""
    x, y, z = direction
    flat = max(float(np.hypot(x, z)), 1e-12)
    return np.array([[z / flat, 0.0, -x / flat], [x * y / flat, -flat, y * z / flat]])


def _angle(value: float) -> int:
    return int(np.clip(round(float(value) * _TURN), -(2**31), 2**31 - 1))


def _logarithm(value: float) -> int:
    return int(np.clip(round(_LOG * float(np.log(max(value, 1e-14)))), -(2**15), 2**15 - 1))


def _share(value: float) -> int:
    return int(np.clip(round(255 * value), 0, 255))
