from __future__ import annotations

from collections.abc import Iterator

import pytest

from afss_ros.synthetic.opengl.renderer import Renderer


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    with Renderer() as shared:
        yield shared
