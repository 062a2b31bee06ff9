"""While training, memory that is freed and asked for again costs no page faults; afterwards it is given back."""

from __future__ import annotations

import sys

import pytest
from processes import python, run

_PROGRAM = """
import resource
from contextlib import nullcontext
import numpy as np
from resident import resident_bytes
from afss_ros.distill.training.allocator import kept_memory
with kept_memory() if {keep} else nullcontext(True) as taken:
    assert taken
    np.ones(16_000_000, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(16_000_000, np.uint8)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    held = resident_bytes()
print(faults, held - resident_bytes())
"""


def measured(*, keep: bool) -> tuple[int, int]:
    """Page faults of twenty blocks of 16 MB, and bytes that the process gives back at the end."""
    program = _PROGRAM.format(keep=keep)
    # Huge pages would make few faults of many, in both.
    settings = {
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=0", "NUMPY_MADVISE_HUGEPAGE": "0", "PYTHONPATH": ":".join(sys.path),
    }  # fmt: skip
    done = run(python("-c", program), changes=settings)
    assert done.returncode == 0, done.stderr
    faults, given_back = done.stdout.split()
    return int(faults), int(given_back)


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are those of the GNU C library")
def test_kept_memory_is_not_mapped_anew_and_goes_back_at_the_end() -> None:
    kept, given_back = measured(keep=True)
    assert kept < measured(keep=False)[0] / 10
    assert given_back > 15_000_000
