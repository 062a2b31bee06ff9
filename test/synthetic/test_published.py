"""What stands behind a craft on the ground, and what editors print over a picture."""

from __future__ import annotations

import numpy as np
import pytest

from afss_ros.synthetic.captions import captioned
from afss_ros.synthetic.hall import hall


@pytest.mark.parametrize("seed", range(8))
def test_captions_change_some_of_a_copy(seed: int) -> None:
    picture = np.full((72, 128, 3), 90, np.uint8)
    printed = captioned(np.random.default_rng(seed), picture)
    assert (picture == 90).all()
    assert printed.shape == picture.shape and printed.dtype == np.uint8
    assert 0.0 < (printed != 90).any(axis=2).mean() < 0.7


@pytest.mark.parametrize("seed", range(4))
def test_a_hall_is_lit_everywhere_and_not_flat(seed: int) -> None:
    room = hall(np.random.default_rng(seed), 96, 54)
    assert room.shape == (54, 96, 3) and room.dtype == np.float32
    assert room.min() >= 0.0 and np.isfinite(room).all()
    assert room.mean() > 0.01 and room.std() > 0.001
