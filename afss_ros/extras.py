"""What is missing of an extra of this package, in words: the packages by name, and the command that brings them.

The truth about what an extra needs is the metadata of the installed package, which setup.py wrote; here is no list.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from afss_ros.share import PACKAGE, share

_ROOT = Path(__file__).resolve().parents[1]


def explained(error: ImportError, extra: str) -> str | None:
    """Say what an import that failed asks for; None where it is a defect of this package, to be shown as one.

    Args:
        error: what the import raised.
        extra: what the program needs beside what every program does: `cpu` on board, `ground` on the ground.
    """
    module = _culprit(error)
    if not module or module == PACKAGE:
        return None
    if module in sys.stdlib_module_names:
        return f"this Python ({sys.executable}) was built without its module {module}; use another one"
    if not isinstance(error, ModuleNotFoundError) or find_spec(module) is not None:
        return f"{module} is installed but cannot be imported: {str(error).strip()}"
    if module in _ros_packages():
        return f"the ROS package {module} is not there; {_ros_cure(module)}"
    names = missing(extra)
    if not names or _normalised(module) in _requirements(None):
        names = [module, *names]
    return f"not installed: {', '.join(names)}; get what is missing with: {_cure(extra)}"


def missing(extra: str) -> list[str]:
    """Return the names of the distributions that an extra names and that are not here, as setup.py orders them."""
    return [name for name in _requirements(extra) if not _is_there(name)]


def _culprit(error: ImportError) -> str:
    """The top-level package that could not be imported."""
    if error.name:
        return error.name.partition(".")[0]
    modules = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    modules = [name for name in modules if name.partition(".")[0] != "importlib"]
    return modules[-1].partition(".")[0] if modules else ""


def _requirements(extra: str | None) -> list[str]:
    """The normalised names of what the package needs with an extra, or always; nothing where it is not installed."""
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for line in lines:
        marker = re.search(r"""extra\s*==\s*["']([^"']+)""", line)
        if (marker.group(1) if marker else None) == extra:
            found.append(_normalised(re.split(r"[\s;<>=!~\[(]", line)[0]))
    return found


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_there(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        # onnxruntime-gpu has another name and the same module; some of Debian's packages carry no metadata.
        return find_spec(name.replace("-", "_")) is not None
    return True


def _cure(extra: str) -> str:
    if "AFSS_ROS_IMAGE" in os.environ:
        return f"docker build --target ground -t {PACKAGE}:ground . (an image is not added to; see docs/docker.md)"
    prefix = Path(sys.prefix)
    if any(prefix.glob(".bootstrap-*")) and (_ROOT / "Makefile").is_file():
        where = "" if Path.cwd() == _ROOT else f" -C {_ROOT}"
        return f"make{where} setup" + ("" if prefix == _ROOT / ".venv" else f" VENV={prefix}")
    if "ROS_DISTRO" in os.environ and sys.prefix == sys.base_prefix:
        # pip would put a second NumPy and OpenCV over those that the distribution's cv_bridge was built against.
        return f"make setup, in a checkout of {PACKAGE} (it makes .venv there; see docs/install.md)"
    return f"{sys.executable} -m pip install '{PACKAGE}[{extra}]'"


def _ros_packages() -> set[str]:
    manifest = share() / "package.xml"
    keys = {str(element.text) for element in ElementTree.parse(manifest).getroot().findall("exec_depend")}
    return {key for key in keys if not key.startswith("python3-")}


def _ros_cure(module: str) -> str:
    distribution = os.environ.get("ROS_DISTRO")
    if distribution is None:
        return f"source ROS 2 (. /opt/ros/<distribution>/setup.bash), or run make demo in a checkout of {PACKAGE}"
    return f"get it with: sudo apt install ros-{distribution}-{module.replace('_', '-')}"
