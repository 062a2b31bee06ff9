"""Play a bag, a video or a folder into perception_node, in recorded time.

    ros2 launch afss_ros replay.launch.py source:=approach.mcap rviz:=true

Every argument of perception.launch.py works here too.
"""

import importlib.util
import sys
from pathlib import Path

# `ros2` may run in a Python that does not see a checkout's environment.
if importlib.util.find_spec("afss_ros") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription

from afss_ros.nodes.launching.launch_file import SHARE, description
from launch import LaunchDescription

ARGUMENTS = [
    DeclareLaunchArgument("source", description="Bag (sqlite3, MCAP), video or folder of images."),
    DeclareLaunchArgument("use_sim_time", default_value="true", description="Live in recorded time: true or false."),
]


def generate_launch_description() -> LaunchDescription:
    return description(ARGUMENTS, [IncludeLaunchDescription(str(SHARE / "launch" / "perception.launch.py"))])
