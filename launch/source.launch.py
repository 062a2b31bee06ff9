"""Publish a bag, a video or a folder of images as a camera.

    ros2 launch afss_ros source.launch.py source:=path/to/images rate:=5.0 loop:=true

With use_sim_time:=true the recorded stamps are kept and drive /clock; otherwise images are stamped when they are sent,
so that ages and latencies mean something.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("afss_ros"))
BOOLEAN = ["true", "false"]

ARGUMENTS = [
    DeclareLaunchArgument("source", description="Bag (sqlite3, MCAP), video or folder of images."),
    DeclareLaunchArgument("rate", default_value="0.0", description="Frames per second. 0: as recorded."),
    DeclareLaunchArgument("loop", default_value="false", choices=BOOLEAN, description="Start over at the end."),
    DeclareLaunchArgument("namespace", default_value="", description="Namespace of the nodes."),
    DeclareLaunchArgument("image", default_value="image", description="Topic of the images (base name)."),
    DeclareLaunchArgument("camera_info", default_value="camera_info", description="Topic of the CameraInfo."),
    DeclareLaunchArgument(
        "image_transport", default_value="", choices=["", "raw", "compressed"], description="Empty means raw."
    ),
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", choices=BOOLEAN, description="Keep recorded stamps and publish /clock."
    ),
]


def source(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node that plays the source as soon as somebody subscribes."""

    def value(argument: str) -> str:
        return str(LaunchConfiguration(argument).perform(context))

    recorded = value("use_sim_time") == "true"
    return [
        Node(
            package="afss_ros",
            executable="source_node",
            name="source_node",
            namespace=value("namespace"),
            parameters=[
                {
                    "source": str(Path(value("source")).expanduser()),
                    "rate": float(value("rate")),
                    "loop": value("loop") == "true",
                    "image_transport": value("image_transport") or "raw",
                    "stamps": "recorded" if recorded else "now",
                    "publish_clock": recorded,
                    "wait_for_subscribers": 1,
                }
            ],
            remappings=[("image", value("image")), ("camera_info", value("camera_info"))],
            output="screen",
            emulate_tty=True,
        )
    ]


def generate_launch_description() -> LaunchDescription:
    profile = str(SHARE / "config" / "fastdds.xml")
    return LaunchDescription(
        [
            *ARGUMENTS,
            # A profile that the user already set stays. Jazzy's Fast DDS reads the first name, later ones the second.
            *(
                SetEnvironmentVariable(name, EnvironmentVariable(name, default_value=profile))
                for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
            ),
            OpaqueFunction(function=source),
        ]
    )
