from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from once import once
from small_loop import SMALL


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a loop that has run once, from the command line."""
    from afss_ros.cli import main

    def make(root: Path) -> None:
        (root / "loop.yaml").write_text(yaml.safe_dump(SMALL))
        assert main(["loop", str(root / "loop.yaml"), "--out", str(root / "out")]) == 0

    return once(tmp_path_factory, "loop", make) / "out"


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """The same to go on with: other tests count what is in the folder."""
    return Path(shutil.copytree(finished, tmp_path / "copied"))
