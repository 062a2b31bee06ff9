"""The files that come with the package, and which `.onnx` a parameter means."""

from __future__ import annotations

from pathlib import Path

import afss_ros


def share() -> Path:
    """The folder above config/, launch/ and models/: the installed share, or the checkout."""
    checkout = Path(afss_ros.__file__).resolve().parents[1]
    if (checkout / "package.xml").is_file():
        return checkout
    from ament_index_python.packages import get_package_share_directory

    return Path(get_package_share_directory("afss_ros"))


def dds_profile() -> Path:
    """The Fast DDS profile for large images."""
    return share() / "config" / "fastdds.xml"


def student(path: str) -> Path:
    """The file that `path` names: "" for the shipped student, a bare name for a shipped file, else a path.

    Raises:
        FileNotFoundError: it does not exist, or nothing is shipped.
    """
    models = share() / "models"
    if not path:
        shipped = sorted(models.glob("*.onnx"))
        if not shipped:
            raise FileNotFoundError(f"no .onnx in {models}; set model.path to a student")
        return shipped[0]
    for candidate in (Path(path).expanduser(), models / path):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"model.path {path!r} is neither a file nor a name in {models}")
