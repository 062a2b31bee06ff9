"""Files that come with the package: launch, config, models, the demo bag."""

from __future__ import annotations

from pathlib import Path

import afss_ros


def share() -> Path:
    """The folder that holds `config/`, `models/` and `demo/`: the checkout, or the share of the install space."""
    checkout = Path(afss_ros.__file__).resolve().parents[1]
    if (checkout / "package.xml").exists():
        return checkout
    try:
        from ament_index_python.packages import get_package_share_directory

        return Path(get_package_share_directory("afss_ros"))
    except (ImportError, LookupError, OSError):  # no ament, not installed in it, or AMENT_PREFIX_PATH not set
        return checkout
