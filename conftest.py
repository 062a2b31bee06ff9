"""The environment every test runs in: our own prefix on the ament index, ROS on this machine only, fields checked."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# Before anything imports rclpy or starts a process: both read these once.
prefixes = [path for path in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if path]
os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join(dict.fromkeys([*prefixes, sys.prefix]))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Generated messages check the types of their fields only on demand; a wrong one is serialised to garbage otherwise.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ.setdefault("ROS_LOG_DIR", str(Path(tempfile.gettempdir()) / "afss_ros_test_log"))
