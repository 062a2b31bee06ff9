"""What `make` promises about the environment that it builds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from package_metadata import ROOT


def test_the_python_that_the_user_chose_reaches_the_bootstrap(tmp_path: Path) -> None:
    result = subprocess.run(
        ["make", "demo", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        env=os.environ | {"PYTHON": "/nowhere/python3.12"},
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert "/nowhere/python3.12" in result.stderr
