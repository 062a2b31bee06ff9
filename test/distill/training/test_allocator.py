"""Memory that is freed and asked for again costs no page faults any more."""

from __future__ import annotations

import sys

import pytest
from processes import python, run

_PROGRAM = """
import resource
import numpy as np
from afss_ros.distill.training.allocator import keep_memory
if {keep}:
    assert keep_memory()
np.ones(16_000_000, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(16_000_000, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> int:
    program = _PROGRAM.format(keep=keep)
    # Huge pages would make few faults of many, in both.
    settings = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0", "NUMPY_MADVISE_HUGEPAGE": "0"}
    done = run(python("-c", program), changes=settings)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are those of the GNU C library")
def test_kept_memory_is_not_mapped_anew() -> None:
    assert faults(keep=True) < faults(keep=False) / 10
