"""Publish a bag, a video or a folder of images as a camera.

    ros2 launch afss_ros source.launch.py source:=path/to/images rate:=5.0 loop:=true

With use_sim_time:=true the recorded stamps are kept and drive /clock; otherwise images are stamped when they are sent,
so that ages and latencies mean something. A source that cannot be played ends the launch, with exit code 1.
"""

import importlib.util
import sys
from pathlib import Path

# `ros2` may run in a Python that does not see a checkout's environment.
if importlib.util.find_spec("afss_ros") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

from afss_ros.nodes.launching import boolean, number, source_path
from afss_ros.nodes.launching.launch_file import Entities, description, end_on_failure, value
from launch import LaunchContext, LaunchDescription

ALL_PLAYED, SOME_UNREADABLE = 0, 3

ARGUMENTS = [
    DeclareLaunchArgument("source", description="Bag (sqlite3, MCAP), video or folder of images."),
    DeclareLaunchArgument("rate", default_value="0.0", description="Frames per second. 0: as recorded."),
    DeclareLaunchArgument("loop", default_value="false", description="Start over at the end: true or false."),
    DeclareLaunchArgument("namespace", default_value="", description="Namespace of the nodes."),
    DeclareLaunchArgument("image", default_value="image", description="Topic of the images (base name)."),
    DeclareLaunchArgument("camera_info", default_value="camera_info", description="Topic of the CameraInfo."),
    DeclareLaunchArgument(
        "image_transport", default_value="", choices=["", "raw", "compressed"], description="Empty means raw."
    ),
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", description="Keep recorded stamps and publish /clock: true or false."
    ),
]


def source(context: LaunchContext) -> Entities:
    """Return the node that plays the source as soon as somebody subscribes."""
    recorded = boolean("use_sim_time", value(context, "use_sim_time"))
    return [
        Node(
            package="afss_ros",
            executable="source_node",
            name="source_node",
            namespace=value(context, "namespace"),
            parameters=[
                {
                    "source": source_path(value(context, "source")),
                    "rate": number("rate", value(context, "rate")),
                    "loop": boolean("loop", value(context, "loop")),
                    "image_transport": value(context, "image_transport") or "raw",
                    "stamps": "recorded" if recorded else "now",
                    "publish_clock": recorded,
                    "wait_for_subscribers": 1,
                }
            ],
            remappings=[("image", value(context, "image")), ("camera_info", value(context, "camera_info"))],
            on_exit=end_on_failure(fine=(ALL_PLAYED, SOME_UNREADABLE)),
            output="screen",
            emulate_tty=True,
        )
    ]


def generate_launch_description() -> LaunchDescription:
    return description(ARGUMENTS, [OpaqueFunction(function=source)])
