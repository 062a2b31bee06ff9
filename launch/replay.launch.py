"""Play a bag, a video or a folder into perception_node, in recorded time.

    ros2 launch afss_ros replay.launch.py source:=approach.mcap rviz:=true

Every argument of perception.launch.py works here too; `rate` and `loop` are source_node's.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("afss_ros"))
BOOLEAN = ["true", "false"]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            DeclareLaunchArgument("source", description="Bag (sqlite3, MCAP), video or folder of images."),
            DeclareLaunchArgument("rate", default_value="0.0", description="Frames per second. 0: as recorded."),
            DeclareLaunchArgument("loop", default_value="false", choices=BOOLEAN, description="Start over at the end."),
            DeclareLaunchArgument(
                "use_sim_time", default_value="true", choices=BOOLEAN, description="Live in recorded time."
            ),
            IncludeLaunchDescription(str(SHARE / "launch" / "perception.launch.py")),
        ]
    )
