"""Files that come with the package: launch, config, models, the demo bag."""

from __future__ import annotations

from pathlib import Path

PACKAGE = "afss_ros"
DEFAULT_STUDENT = "student.onnx"


def share() -> Path:
    """The folder that holds `config/`, `models/` and `demo/`: the checkout, or the share of the install space.

    Found by walking up from this file, which works for a checkout, colcon's layouts and pip's, with or without ament.

    Raises:
        FileNotFoundError: the package is installed without its files.
    """
    here = Path(__file__).resolve()
    for parent in here.parents[1:]:
        for candidate in (parent, parent / "share" / PACKAGE):
            if (candidate / "package.xml").is_file() and (candidate / "config").is_dir():
                return candidate
    raise FileNotFoundError(f"{PACKAGE} is installed at {here.parent} without its share/{PACKAGE}; install it whole")


def default_student() -> Path:
    """The student that comes with the package.

    Raises:
        FileNotFoundError: there is none.
    """
    student = share() / "models" / DEFAULT_STUDENT
    if not student.is_file():
        raise FileNotFoundError(f"{student} is not there: install the package whole, or name a student of your own")
    return student
