"""Label a bag, or with an empty `bag` the images of a live camera or replay.

    ros2 launch afss_ros labelling.launch.py bag:=flight.mcap out:=labels/flight config:=label.yaml

The launch ends with the node, which ends when the bag is labelled; run it again to go on after a stop. Ctrl-C ends a
live set: what waits is labelled for `drain_s` seconds, then report and exports are written.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("afss_ros"))

ARGUMENTS = [
    DeclareLaunchArgument("bag", default_value="", description="Bag, folder or video. Empty: live images."),
    DeclareLaunchArgument("out", default_value="", description="Data set to make. Empty: as params_file says."),
    DeclareLaunchArgument(
        "config", default_value="", description="Settings of the teacher (YAML). Empty: as params_file."
    ),
    DeclareLaunchArgument(
        "topic", default_value="", description="Image topics of the bag, commas between them. Empty: as params_file."
    ),
    DeclareLaunchArgument(
        "prompt", default_value="", description='What a craft is called: "spacecraft." Empty: as config says.'
    ),
    DeclareLaunchArgument("image", default_value="image", description="Topic of live images (base name)."),
    DeclareLaunchArgument("namespace", default_value="", description="Namespace of the node."),
    DeclareLaunchArgument(
        "params_file",
        default_value=str(SHARE / "config" / "labelling.yaml"),
        description="YAML file with the parameters of labelling_node.",
    ),
]


def labelling(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node, with the paths that were given made absolute."""

    def value(argument: str) -> str:
        return str(LaunchConfiguration(argument).perform(context))

    paths = {name: str(Path(value(name)).expanduser().absolute()) for name in ("bag", "out", "config") if value(name)}
    texts = {name: ParameterValue(value(name), value_type=str) for name in ("topic", "prompt") if value(name)}
    return [
        Node(
            package="afss_ros",
            executable="labelling_node",
            name="labelling_node",
            namespace=value("namespace"),
            parameters=[value("params_file"), paths, texts],
            remappings=[("image", value("image"))],
            # Launch would kill a node that labels what waits, or writes the report, ten seconds after Ctrl-C.
            sigterm_timeout="60",
            sigkill_timeout="3600",
            on_exit=Shutdown(reason="labelling has ended"),
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
            OpaqueFunction(function=labelling),
        ]
    )
