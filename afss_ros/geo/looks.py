"""Every tile of a raster through a network, in order: each pixel read once, made 8 bits once, ahead of the networks.

A tile is put together from pieces: the columns up to where the next tile starts, of all rows of the tile. One thread
reads pieces, in order and through one file handle, because GDAL's cache of unpacked blocks belongs to a handle. Rows
that the next row of tiles shows again are kept in 8 bits. As many threads as there are networks look; whoever iterates
takes the answers in the tiles' order, so that what comes out does not depend on how many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import rasterio
from numpy.typing import NDArray

from afss_ros.geo.grid import Window
from afss_ros.geo.raster import CACHE_MB, Block, Raster
from afss_ros.geo.stretch import Stretch
from afss_ros.student.tiling import Axis, weights

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""A picture uint8 (h, w, 3) to probabilities float32 (classes, h, w)."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Columns of a row of tiles.

    Attributes:
        picture: uint8 (tile, width, 3), 0 where there is no data.
        valid: bool (tile, width).
    """

    picture: NDArray[np.uint8]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a network says of a tile.

    Attributes:
        row, col: number of the tile.
        weighted: float32 (classes, tile, tile), probabilities times their share; None where the tile has no data.
        valid: bool (tile, width), of the columns up to the next tile.
    """

    row: int
    col: int
    weighted: NDArray[np.float32] | None
    valid: NDArray[np.bool_]


class Pieces:
    """Reads a raster's rows of tiles piece by piece, from some row on; for one thread.

    Args:
        raster: open; closed by whoever opened it.
        chosen: numbers of its bands.
        tone: to 8 bits.
        rows, cols: the tiles.
        first: row of tiles to begin with.
    """

    def __init__(
        self, raster: Raster, chosen: Sequence[int], tone: Stretch, rows: Axis, cols: Axis, first: int = 0
    ) -> None:
        self._raster, self._chosen, self._tone = raster, list(chosen), tone
        self._rows, self._cols, self._first = rows, cols, first
        ends = [*cols.starts[1:], cols.length]
        self._spans = [(start, end - start) for start, end in zip(cols.starts, ends, strict=True)]
        self._kept: list[Piece | None] = [None] * len(self._spans)
        tallest = max((b - a for a, b in pairwise(rows.starts)), default=rows.tile)
        self._at_once = not raster.columns_are_cheap(max(tallest, rows.tile), CACHE_MB // 2)
        self._fresh: deque[Piece] = deque()

    def next_of(self, row: int, col: int) -> Piece:
        """The piece `col` of the row of tiles `row`; asked for one after the other, as the tiles are.

        Raises:
            GeoError: the file is damaged there.
        """
        tile, start = self._rows.tile, self._rows.starts[row]
        known = 0 if row == self._first else self._rows.starts[row - 1] + tile - start
        if self._at_once and col == 0:
            self._fresh.extend(self._whole_rows(start + known, tile - known))
        left, width = self._spans[col]
        new = self._fresh.popleft() if self._at_once else self._read(Window(start + known, left, tile - known, width))
        old = self._kept[col]
        if known and old is not None:
            new = Piece(np.concatenate([old.picture, new.picture]), np.concatenate([old.valid, new.valid]))
        if row + 1 < len(self._rows.starts):
            again = self._rows.starts[row + 1] - start
            self._kept[col] = Piece(new.picture[again:].copy(), new.valid[again:].copy()) if again < tile else None
        return new

    def _read(self, window: Window) -> Piece:
        return self._shown(self._raster.read(window, self._chosen))

    def _shown(self, block: Block) -> Piece:
        return Piece(self._tone(block), block.valid)

    def _whole_rows(self, row: int, height: int) -> Iterator[Piece]:
        """New rows of every piece: where the file's blocks are whole rows, columns cost as much as the rows."""
        size = self._raster.dtype.itemsize * len(self._chosen) * self._cols.length
        some = max(1, CACHE_MB * (1 << 20) // 4 // size)
        bands = [
            self._read(Window(at, 0, min(some, row + height - at), self._cols.length))
            for at in range(row, row + height, some)
        ]
        for left, width in self._spans:
            part = slice(left, left + width)
            yield Piece(
                np.concatenate([band.picture[:, part] for band in bands]),
                np.concatenate([band.valid[:, part] for band in bands]),
            )


@contextmanager
def looks(
    opened: Callable[[], Raster],
    chosen: Sequence[int],
    tone: Stretch,
    networks: Sequence[Network],
    rows: Axis,
    cols: Axis,
    first: int,
    end: int,
) -> Iterator[Iterator[Answer]]:
    """What networks say of the tiles of the rows `first` to `end` - 1, row by row.

    Args:
        opened: opens the raster.
        networks: equal ones, each used by one thread at a time.
    """
    reader = ThreadPoolExecutor(1, "afss-geo-read")
    lookers = ThreadPoolExecutor(len(networks), "afss-geo")
    with opened() as raster:
        try:
            pieces = Pieces(raster, chosen, tone, rows, cols, first)
            yield _answers(pieces, reader, lookers, networks, rows, cols, range(first, end))
        finally:
            for pool in (reader, lookers):
                pool.shutdown(wait=False, cancel_futures=True)
            for pool in (reader, lookers):
                pool.shutdown()


def _answers(
    pieces: Pieces,
    reader: ThreadPoolExecutor,
    lookers: ThreadPoolExecutor,
    networks: Sequence[Network],
    rows: Axis,
    cols: Axis,
    numbers: range,
) -> Iterator[Answer]:
    free = deque(networks)
    down, across = weights(rows), weights(cols)
    tile = cols.tile

    def read(row: int, col: int) -> Piece:
        with rasterio.Env():
            return pieces.next_of(row, col)

    def look(row: int, col: int, parts: Sequence[Future[Piece]]) -> Answer:
        got = [part.result() for part in parts]
        valid = got[0].valid
        if not any(piece.valid[:, : tile - at].any() for piece, at in zip(got, _offsets(got), strict=True)):
            return Answer(row, col, None, valid)
        picture = np.concatenate([piece.picture for piece in got], axis=1)[:, :tile]
        network = free.popleft()  # there are as many as threads
        try:
            found = network(np.ascontiguousarray(picture))
        finally:
            free.append(network)
        return Answer(row, col, found * (down[row][:, None] * across[col][None, :]), valid)

    waiting: deque[Future[Answer]] = deque()
    for row in numbers:
        # One piece after the other, only as far as the next tile needs: what is read ahead takes memory.
        ahead: deque[Future[Piece]] = deque()
        asked = 0
        for col, start in enumerate(cols.starts):
            while asked < len(cols.starts) and cols.starts[asked] < start + tile:
                ahead.append(reader.submit(read, row, asked))
                asked += 1
            waiting.append(lookers.submit(look, row, col, tuple(ahead)))
            ahead.popleft()
            if len(waiting) > 2 * len(networks):
                yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _offsets(pieces: Sequence[Piece]) -> list[int]:
    """First column of each piece in the tile."""
    ends = np.cumsum([piece.valid.shape[1] for piece in pieces])
    return [0, *ends[:-1].tolist()]
