"""Keep freed memory: what one training step gives back, the next one asks for again."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)

# From malloc.h of the GNU C library; see mallopt(3).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEEPING = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 1 << 26}
_GIVING_BACK = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 1 << 25, _TRIM_THRESHOLD: 1 << 26, _TOP_PAD: 1 << 17}
"""The library's own, its moving thresholds where they end in a process that has freed large blocks."""


@contextmanager
def kept_memory() -> Iterator[bool]:
    """Within, the C library neither maps large blocks one by one nor returns what was freed; then it does again.

    By default every activation of more than a few megabytes is a fresh mapping, zeroed page by page by the kernel, in
    every step: 20 % of the processor time of training fpn-efficientnet-lite0 on a CPU.

    Yields:
        Whether it was taken; other C libraries have no such settings, and lose nothing but that time.
    """
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    if library is None or not hasattr(library, "mallopt"):
        yield False
        return
    taken = all(library.mallopt(option, value) for option, value in _KEEPING.items())
    _LOG.debug("freed memory is kept: %s", taken)
    try:
        yield taken
    finally:
        for option, value in _GIVING_BACK.items():
            library.mallopt(option, value)
        library.malloc_trim(0)
