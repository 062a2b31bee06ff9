from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from afss_ros.synthetic.opengl.renderer import Renderer


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    # Here, so that without moderngl the tests are skipped one by one; a conftest that does not import ends the session.
    from afss_ros.synthetic.opengl.renderer import Renderer

    with Renderer() as shared:
        yield shared
