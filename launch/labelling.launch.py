"""Label a bag, or with an empty `bag` the images of a live camera or replay.

    ros2 launch afss_ros labelling.launch.py bag:=flight.mcap out:=labels/flight config:=label.yaml

The launch ends with the node, which ends when the bag is labelled, and with exit code 1 when that failed; run it again
to go on after a stop. Ctrl-C ends a live set: what waits is labelled for `drain_s` seconds, then report and exports are
written.
"""

import importlib.util
import sys
from pathlib import Path

# `ros2` may run in a Python that does not see a checkout's environment.
if importlib.util.find_spec("afss_ros") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch_ros.actions import Node

from afss_ros.nodes.launching.launch_file import SHARE, Entities, description, end_on_failure, parameter_file, value
from launch import LaunchContext, LaunchDescription

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


def labelling(context: LaunchContext) -> Entities:
    """Return the node, with the paths that were given made absolute."""
    names = ("bag", "out", "config", "topic", "prompt")
    given = {name: value(context, name) for name in names if value(context, name)}
    absolute = {
        name: str(Path(given[name]).expanduser().absolute()) for name in ("bag", "out", "config") if name in given
    }
    return [
        Node(
            package="afss_ros",
            executable="labelling_node",
            name="labelling_node",
            namespace=value(context, "namespace"),
            parameters=[parameter_file(context, "labelling_node"), given | absolute],
            remappings=[("image", value(context, "image"))],
            # Launch would kill a node that labels what waits, or writes the report, ten seconds after Ctrl-C.
            sigterm_timeout="60",
            sigkill_timeout="3600",
            on_exit=end_on_failure(then=[Shutdown(reason="labelling has ended")]),
            output="screen",
            emulate_tty=True,
        )
    ]


def generate_launch_description() -> LaunchDescription:
    return description(ARGUMENTS, [OpaqueFunction(function=labelling)])
