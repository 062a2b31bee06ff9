"""Which `.onnx` a parameter means."""

from __future__ import annotations

from pathlib import Path

import afss_ros


def shipped_models() -> Path:
    """The folder of the students that come with the package: installed share, or the checkout."""
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory("afss_ros")) / "models"
    except (ImportError, LookupError, OSError):  # no ament, not installed in it, or AMENT_PREFIX_PATH not set
        return Path(afss_ros.__file__).resolve().parents[1] / "models"


def locate(path: str) -> Path:
    """The file that `path` names: "" for the shipped student, a bare name for a shipped file, else a path.

    Raises:
        FileNotFoundError: it does not exist, or nothing is shipped.
    """
    if not path:
        shipped = sorted(shipped_models().glob("*.onnx"))
        if not shipped:
            raise FileNotFoundError(f"no .onnx in {shipped_models()}; set model.path to a student")
        return shipped[0]
    for candidate in (Path(path).expanduser(), shipped_models() / path):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"model.path {path!r} is neither a file nor a name in {shipped_models()}")
