"""Which `.onnx` the parameter `model.path` means."""

from __future__ import annotations

from pathlib import Path

from afss_ros.share import default_student, share


def locate(path: str) -> Path:
    """The file that `path` names: "" for the student that the package ships, a name in its models/, else a path.

    Raises:
        FileNotFoundError: it does not exist, or nothing is shipped.
    """
    if not path:
        return default_student()
    models = share() / "models"
    for candidate in (Path(path).expanduser(), models / path):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"model.path {path!r} is neither a file nor a name in {models}")
