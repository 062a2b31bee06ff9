"""Label maps as run lengths: small enough for a radio, and undone by anything that can count.

Two bytes `R1`; height, width and the number n of different labels, as variable-length integers; the labels, a byte
each, rising; then the runs, row after row of pixels without regard to where rows end, each one such integer:
(length - 1) * 2**b + place of its label, where b is the least with 2**b >= n. A variable-length integer has seven bits
a byte, the lowest first, and the highest bit of a byte says that more follow (as LEB128).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.images.errors import ImageError

FORMAT = "mono8; runs"
"""What CompressedImage.format says of it."""
_MAGIC = b"R1"
_MOST_PIXELS = 2**28


def encode(labels: NDArray[np.uint8]) -> bytes:
    """The runs of a label map, uint8 (H, W)."""
    if labels.ndim != 2 or labels.dtype != np.uint8 or not labels.size:
        raise ImageError(f"runs are made of a label map, uint8 (H, W), got {labels.dtype} {labels.shape}")
    flat = labels.reshape(-1)
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(starts, flat.size))
    present, places = np.unique(flat[starts], return_inverse=True)
    values = ((lengths.astype(np.int64) - 1) << _bits(len(present))) | places.reshape(-1).astype(np.int64)
    head = _integers(np.array([*labels.shape, len(present)], np.int64))
    return _MAGIC + head + present.astype(np.uint8).tobytes() + _integers(values)


def decode(data: bytes, most_pixels: int = _MOST_PIXELS) -> NDArray[np.uint8]:
    """The label map, uint8 (H, W), of what `encode` made.

    Raises:
        ImageError: it is not of that form, or not all of it, or has more than `most_pixels`.
    """
    if data[:2] != _MAGIC:
        raise ImageError(f"no runs: they begin with {_MAGIC!r}, this with {data[:2]!r}")
    (height, width, count), rest = _read(data[2:], 3)
    if not 0 < height * width <= most_pixels or not 0 < count <= 256 or len(rest) < count:
        raise ImageError(f"no runs of a picture: {width}x{height} with {count} labels")
    present = np.frombuffer(rest[:count], np.uint8)
    values = np.array(_read(rest[count:], None)[0], np.int64)
    bits = _bits(count)
    lengths, places = (values >> bits) + np.int64(1), values & np.int64((1 << bits) - 1)
    if int(lengths.sum()) != height * width or (places >= count).any() or (lengths > _MOST_PIXELS).any():
        raise ImageError(f"the runs fill {int(lengths.sum())} pixels of {width}x{height}: some of them are missing")
    return np.asarray(np.repeat(present[places], lengths).reshape(height, width), np.uint8)


def is_runs(data: bytes) -> bool:
    """Whether bytes begin as runs do."""
    return data[:2] == _MAGIC


def _bits(count: int) -> int:
    return int(count - 1).bit_length()


def _integers(values: NDArray[np.int64]) -> bytes:
    # A column for each byte that an integer may need; those that it does not are left out.
    shifts = np.arange(5, dtype=np.int64) * np.int64(7)
    rest = values[:, None] >> shifts[None]
    wanted = np.concatenate([np.ones((len(values), 1), bool), rest[:, 1:] > 0], 1)
    more = np.concatenate([rest[:, 1:] > 0, np.zeros((len(values), 1), bool)], 1)
    octets = (rest & np.int64(0x7F)).astype(np.uint8) | (more.astype(np.uint8) << 7)
    return bytes(octets[wanted].tobytes())


def _read(data: bytes, count: int | None) -> tuple[list[int], bytes]:
    """That many integers from the beginning, or all; and what follows them."""
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    if count is not None:
        ends = ends[:count]
    used = int(ends[-1]) + 1 if len(ends) else 0
    if (count is not None and len(ends) < count) or (count is None and used < len(octets)):
        raise ImageError("the runs are cut off")
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    if len(ends) and int((ends - starts).max()) > 4:
        raise ImageError("the runs hold a number that no picture has")
    place = np.arange(used) - np.repeat(starts, ends - starts + 1)
    parts = (octets[:used].astype(np.int64) & 0x7F) << (7 * place)
    return (np.add.reduceat(parts, starts).tolist() if len(ends) else []), data[used:]
