"""The structure of a JPEG (ISO/IEC 10918-1): whether it is whole, without decoding it.

Decoders fill what is missing with grey and say nothing, or a line on stderr. Here the markers are walked, the restart
markers counted, the scans of a progressive JPEG held against what they must refine, and where the decoded picture ends
in the grey that decoders fill with, the last bits are held against what such grey is coded as. What is not noticed: a
hole after which the decoder still has enough bits for the rest of the picture.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\xff\xd8"
_SOI, _EOI, _SOS, _DHT, _DRI, _APP1 = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD, 0xE1
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = 0xC2
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_GREY = 128
_LEAST_TAIL = 4
_LAST_BYTES = 64


@dataclass(slots=True)
class _Scan:
    components: list[tuple[int, int, int]]  # component, DC table, AC table
    first: int
    last: int
    low: int
    pixels: bytes


@dataclass(slots=True)
class Jpeg:
    """What the markers say.

    Attributes:
        fault: why it is not whole, as far as its structure tells; empty when it is.
        width, height: in pixels, as stored.
        exif: what follows "Exif" in its first such segment.
    """

    fault: str = ""
    width: int = 0
    height: int = 0
    exif: bytes = b""
    _frame: int = 0
    _sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    _tables: dict[int, dict[int, str]] = field(default_factory=dict)
    _interval: int = 0
    _scans: list[_Scan] = field(default_factory=list)

    def ends_in_filling(self, image: NDArray[np.uint8]) -> bool:
        """Whether the decoder ran out of bits: `image`, uint8 (H, W, 3) as decoded, ends in grey that is not coded."""
        if self._frame not in _SEQUENTIAL or len(self._scans) != 1 or self._interval or image.shape[0] != self.height:
            return False
        wide, high = self._unit
        columns, rows = -(-self.width // wide), -(-self.height // high)
        # The last unit without its border, where upsampled colour mixes with the neighbour's.
        tail = image[(rows - 1) * high + 1 :, (columns - 1) * wide + 1 :]
        return min(tail.shape[:2]) >= _LEAST_TAIL and bool((tail == _GREY).all()) and not self._ends_in_coded_grey()

    @property
    def _unit(self) -> tuple[int, int]:
        """Width and height in pixels of what is coded at a time (MCU)."""
        if len(self._sampling) == 1:
            return 8, 8
        return 8 * max(h for h, _ in self._sampling.values()), 8 * max(v for _, v in self._sampling.values())

    def _ends_in_coded_grey(self) -> bool:
        """Whether the last bits are those of a unit of one colour: a mean for each component, and nothing else."""
        scan, pattern = self._scans[0], ""
        for component, dc, ac in scan.components:
            across, down = self._sampling.get(component, (1, 1)) if len(scan.components) > 1 else (1, 1)
            means, end = self._tables.get(dc, {}), self._tables.get(0x10 | ac, {}).get(0)
            if 0 not in means or end is None:
                return True  # standard tables that are not in the file; no judgement
            changes = "|".join(f"{code}[01]{{{size}}}" for size, code in means.items() if size < 16)
            pattern += f"(?:{changes}){end}(?:{means[0]}{end}){{{across * down - 1}}}"
        data = scan.pixels[-_LAST_BYTES:].replace(b"\xff\x00", b"\xff")
        return re.search(f"{pattern}1{{0,7}}$", "".join(f"{byte:08b}" for byte in data)) is not None

    def _judge(self) -> None:
        if not self._scans or not self._sampling:
            self.fault = "it has no pixels"
            return
        if self.width < 1 or self.height < 1:
            return
        wide, high = self._unit
        units = -(-self.width // wide) * -(-self.height // high)
        blocks = sum(h * v for h, v in self._sampling.values()) if len(self._sampling) > 1 else 1
        held = sum(len(scan.pixels) for scan in self._scans)
        if self._frame in _SEQUENTIAL and held * 4 < units * blocks:  # a block takes two bits at least
            self.fault = f"{held} bytes cannot hold {self.width}x{self.height} pixels"
        elif self._frame == _PROGRESSIVE:
            self._judge_scans()
        if not self.fault and self._interval and len(self._scans) == 1:
            found = [marker[0] - 0xD0 for marker in _RESTART.findall(self._scans[0].pixels)]
            expected = -(-units // self._interval) - 1
            # Some encoders write one more, behind the last unit.
            if found not in ([n % 8 for n in range(expected)], [n % 8 for n in range(expected + 1)]):
                self.fault = f"{len(found)} of {expected} restart markers are there, or not in their order"

    def _judge_scans(self) -> None:
        """Whether the scans bring what they began down to its last bit; what is all zero need not be there at all."""
        low: dict[tuple[int, int], int] = {}
        for scan in self._scans:
            for component, _, _ in scan.components:
                low.update({(component, k): scan.low for k in range(scan.first, scan.last + 1)})
        if any(low.values()) or any((component, 0) not in low for component in self._sampling):
            self.fault = f"scans are missing behind the {len(self._scans)} that are there"


def read_jpeg(raw: bytes) -> Jpeg:
    """Walk the markers of a JPEG from its start; what follows its end marker is not looked at."""
    found = Jpeg()
    at = len(MAGIC)
    while True:
        marker = _MARKER.match(raw, at)
        if marker is None:
            found.fault = _lacking(raw, at)
            return found
        kind, at = raw[marker.end() - 1], marker.end()
        if kind == _EOI:
            found._judge()
            return found
        if kind in (_SOI, 0x01):
            continue
        size = int.from_bytes(raw[at : at + 2], "big")
        segment = raw[at + 2 : at + size]
        if size < 2 or len(segment) < size - 2:
            found.fault = _lacking(raw, at)
            return found
        at += size
        try:
            if kind == _SOS:
                end = _NEXT_MARKER.search(raw, at)
                stop = end.start() if end is not None else len(raw)
                found._scans.append(_read_scan(segment, raw[at:stop]))
                at = stop
            else:
                _read_segment(found, kind, segment)
        except (struct.error, IndexError):
            found.fault = f"a segment of it (marker 0x{kind:02x}) cannot be read"
            return found


def _lacking(raw: bytes, at: int) -> str:
    if at >= len(raw) - 1:
        return f"it is truncated: {len(raw)} bytes without its end marker"
    if raw.find(b"\xff\xd9", at) < 0:
        return f"it is truncated: {len(raw)} bytes without its end marker, and broken at byte {at}"
    return f"there is no marker at byte {at}, where one should be"


def _read_segment(found: Jpeg, kind: int, segment: bytes) -> None:
    if kind in _FRAMES:
        found._frame = kind
        found.height, found.width, count = struct.unpack_from(">HHB", segment, 1)
        parts = [segment[6 + 3 * i : 9 + 3 * i] for i in range(count)]
        found._sampling = {part[0]: (part[1] >> 4 or 1, part[1] & 15 or 1) for part in parts}
    elif kind == _DHT:
        _read_tables(found._tables, segment)
    elif kind == _DRI:
        (found._interval,) = struct.unpack_from(">H", segment)
    elif kind == _APP1 and segment.startswith(b"Exif\x00\x00") and not found.exif:
        found.exif = segment[6:]


def _read_scan(segment: bytes, pixels: bytes) -> _Scan:
    count = segment[0]
    components = [(segment[1 + 2 * i], segment[2 + 2 * i] >> 4, segment[2 + 2 * i] & 15) for i in range(count)]
    first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
    return _Scan(components, first, last, bits & 15, pixels)


def _read_tables(tables: dict[int, dict[int, str]], segment: bytes) -> None:
    """Huffman codes, as texts of bits, by table (class in the upper four bits) and symbol."""
    at = 0
    while at + 17 <= len(segment):
        counts, symbols = segment[at + 1 : at + 17], at + 17
        codes: dict[int, str] = {}
        code = 0
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                codes[segment[symbols]] = f"{code:0{length}b}"
                symbols += 1
                code += 1
            code <<= 1
        tables[segment[at]] = codes
        at = symbols
