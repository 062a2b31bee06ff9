"""The drawn set and the small recipe of test/distill, and one thread: two small cores share a machine here."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
