"""Bring perception_node up: configured and activated, with the Fast DDS profile for large images.

    ros2 launch afss_ros perception.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info

This launch file is the node's lifecycle manager while `autostart` is true: it asks for configure when the process
starts, and for activate once configure succeeded. With autostart:=false another manager (or `ros2 lifecycle set`) does.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from lifecycle_msgs.msg import Transition

from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("afss_ros"))
BOOLEAN = ["true", "false"]

ARGUMENTS = [
    DeclareLaunchArgument("namespace", default_value="", description="Namespace of the nodes."),
    DeclareLaunchArgument(
        "params_file",
        default_value=str(SHARE / "config" / "perception.yaml"),
        description="YAML file with the parameters of perception_node.",
    ),
    DeclareLaunchArgument("image", default_value="image", description="Topic of the camera's images (base name)."),
    DeclareLaunchArgument("camera_info", default_value="camera_info", description="Topic of the camera's CameraInfo."),
    DeclareLaunchArgument(
        "image_transport",
        default_value="",
        choices=["", "raw", "compressed"],
        description="How images arrive. Empty: as params_file says.",
    ),
    DeclareLaunchArgument("model", default_value="", description="Student .onnx. Empty: as params_file says."),
    DeclareLaunchArgument(
        "provider",
        default_value="",
        choices=["", "auto", "cpu", "cuda", "tensorrt"],
        description="ONNX Runtime execution provider. Empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", choices=BOOLEAN, description="Take the time from /clock."
    ),
    DeclareLaunchArgument(
        "autostart", default_value="true", choices=BOOLEAN, description="Configure and activate the node."
    ),
    DeclareLaunchArgument("rviz", default_value="false", choices=BOOLEAN, description="Start RViz on the outputs."),
    DeclareLaunchArgument(
        "source", default_value="", description="Bag, video or folder to publish as the camera. Empty: a real camera."
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="Least severe message that is logged.",
    ),
]


def perception(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the node and, if it is to start by itself, its lifecycle transitions."""
    given = {
        "model.path": value(context, "model"),
        "model.provider": value(context, "provider"),
        "input.image_transport": value(context, "image_transport"),
    }
    node = LifecycleNode(
        package="afss_ros",
        executable="perception_node",
        name="perception_node",
        namespace=value(context, "namespace"),
        parameters=[
            value(context, "params_file"),
            {name: text for name, text in given.items() if text},
            # Here the launch file manages the node; two managers would trip over each other.
            {"autostart": False, "use_sim_time": value(context, "use_sim_time") == "true"},
        ],
        remappings=[("image", value(context, "image")), ("camera_info", value(context, "camera_info"))],
        ros_arguments=["--log-level", value(context, "log_level")],
        output="screen",
        emulate_tty=True,
    )
    return [*(start(node) if value(context, "autostart") == "true" else []), node]


def start(node: LifecycleNode) -> list[LaunchDescriptionEntity]:
    """Return the handlers that configure `node` when its process runs and activate it once, when it is configured."""

    def request(transition_id: int) -> EmitEvent:
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition_id))

    return [
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state="inactive",
                entities=[request(Transition.TRANSITION_ACTIVATE)],
                handle_once=True,
            )
        ),
        RegisterEventHandler(OnProcessStart(target_action=node, on_start=[request(Transition.TRANSITION_CONFIGURE)])),
    ]


def source(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the camera that plays `source`, if there is one."""
    path = value(context, "source")
    if not path:
        return []
    # The other arguments of source.launch.py are taken from this launch file's.
    included = IncludeLaunchDescription(str(SHARE / "launch" / "source.launch.py"), launch_arguments=[("source", path)])
    return [included]


def rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return RViz, if wanted, with the package's view on the topics of these nodes."""
    if value(context, "rviz") != "true":
        return []
    namespace = value(context, "namespace").strip("/")
    image = value(context, "image")
    moved = {"/image": image} | {f"/{topic}": topic for topic in ("perception_node/overlay", "perception_node/mask")}
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            arguments=["-d", str(SHARE / "config" / "perception.rviz")],
            remappings=[
                (shown, topic if topic.startswith("/") else f"/{namespace}/{topic}".replace("//", "/"))
                for shown, topic in moved.items()
            ],
            parameters=[{"use_sim_time": value(context, "use_sim_time") == "true"}],
        )
    ]


def value(context: LaunchContext, argument: str) -> str:
    """Return what the user gave for a launch argument, or its default."""
    return str(LaunchConfiguration(argument).perform(context))


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
            OpaqueFunction(function=perception),
            OpaqueFunction(function=source),
            OpaqueFunction(function=rviz),
        ]
    )
