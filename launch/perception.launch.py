"""Bring perception_node up: configured and activated, with the Fast DDS profile for large images.

    ros2 launch afss_ros perception.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info

This launch file is the node's lifecycle manager while `autostart` is true: it asks for configure when the process
starts, and for activate once configure succeeded. With autostart:=false another manager (or `ros2 lifecycle set`) does.

With respawn:=true the node is started anew a second after it has died, and it ends itself when a frame hangs; it then
configures and activates itself, whoever started it.
"""

import importlib.util
import sys
from pathlib import Path

# `ros2` may run in a Python that does not see a checkout's environment.
if importlib.util.find_spec("afss_ros") is None:
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from lifecycle_msgs.msg import Transition

from afss_ros.nodes.launching import LaunchError, boolean, source_path
from afss_ros.nodes.launching.launch_file import (
    SHARE,
    Entities,
    description,
    end_on_failure,
    node_name,
    parameter_file,
    value,
)
from launch import LaunchContext, LaunchDescription

RESPAWN_S = 1.0

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
        choices=["", "auto", "cpu", "cuda", "tensorrt", "openvino"],
        description="ONNX Runtime execution provider. Empty: as params_file says.",
    ),
    DeclareLaunchArgument(
        "tracking", default_value="", description="Follow craft: true or false. Empty: as params_file says."
    ),
    DeclareLaunchArgument(
        "target_length_m",
        default_value="",
        description="Largest dimension of the craft in metres, for its range. Empty: as params_file says.",
    ),
    DeclareLaunchArgument("depth", default_value="depth", description="Topic of depth images, with tracking.depth."),
    DeclareLaunchArgument(
        "cameras",
        default_value="",
        description="Several cameras, a node for each in one process: names, or name:=/topic/of/images. Empty: one.",
    ),
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", description="Take the time from /clock: true or false."
    ),
    DeclareLaunchArgument(
        "autostart", default_value="true", description="Configure and activate the node: true or false."
    ),
    DeclareLaunchArgument(
        "respawn", default_value="false", description="Start the node anew when it dies or hangs: true or false."
    ),
    DeclareLaunchArgument("rviz", default_value="false", description="Start RViz on the outputs: true or false."),
    DeclareLaunchArgument(
        "source", default_value="", description="Bag, video or folder to publish as the camera. Empty: a real camera."
    ),
    DeclareLaunchArgument("rate", default_value="0.0", description="Of source: frames per second. 0: as recorded."),
    DeclareLaunchArgument(
        "loop", default_value="false", description="Of source: start over at its end: true or false."
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="Least severe message that is logged.",
    ),
]


def perception(context: LaunchContext) -> Entities:
    """Return the node and, if it is to start by itself, its lifecycle transitions."""
    given = {
        "model.path": value(context, "model"),
        "model.provider": value(context, "provider"),
        "input.image_transport": value(context, "image_transport"),
    }
    replayed = bool(value(context, "source"))
    autostart = boolean("autostart", value(context, "autostart"))
    respawn = boolean("respawn", value(context, "respawn"))
    cameras = value(context, "cameras")
    # Nodes below the one that launch knows, or started anew: it manages neither, so they see to themselves.
    by_itself = respawn or bool(cameras)
    node = LifecycleNode(
        package="afss_ros",
        executable="perception_node",
        name="perception_node",
        namespace=value(context, "namespace"),
        parameters=[
            parameter_file(context, "perception_node"),
            {name: argument for name, argument in given.items() if argument},
            *tracking(context),
            {"cameras": cameras} if cameras else {},
            # Else the launch file manages the node; two managers would trip over each other.
            {"autostart": autostart and by_itself},
            {"watchdog.exit": True} if respawn else {},
            {"use_sim_time": boolean("use_sim_time", value(context, "use_sim_time"))},
        ],
        remappings=[(topic, value(context, topic)) for topic in ("image", "camera_info", "depth")],
        ros_arguments=["--log-level", value(context, "log_level")],
        # A replay is nothing without the node. A robot's launch goes on: what to do then is not ours to say.
        on_exit=end_on_failure() if replayed and not respawn else None,
        respawn=respawn,
        respawn_delay=RESPAWN_S,
        output="screen",
        emulate_tty=True,
    )
    if by_itself or not autostart:
        return [node]
    return [*start(node), *(end_if_not_configured(node) if replayed else []), node]


def tracking(context: LaunchContext) -> list[dict[str, bool | float]]:
    """Return the parameters of tracking that were given."""
    parameters: list[dict[str, bool | float]] = []
    if wanted := value(context, "tracking"):
        parameters.append({"tracking.enabled": boolean("tracking", wanted)})
    if length := value(context, "target_length_m"):
        try:
            parameters.append({"target.length_m": float(length)})
        except ValueError as error:
            raise LaunchError(f"target_length_m must be a number of metres, got {length!r}") from error
    return parameters


def start(node: LifecycleNode) -> Entities:
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


def end_if_not_configured(node: LifecycleNode) -> Entities:
    """Return the handler that ends the launch when configure fails: a source would wait for the node for ever."""

    def end(context: LaunchContext) -> Entities:
        raise LaunchError(f"{node.node_name} cannot be configured; its last messages say why")

    return [
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state="unconfigured",
                entities=[OpaqueFunction(function=end)],
            )
        )
    ]


def source(context: LaunchContext) -> Entities:
    """Return the camera that plays `source`, if there is one."""
    if not value(context, "source"):
        return []
    passed = ("rate", "loop", "namespace", "image", "camera_info", "image_transport", "use_sim_time")
    arguments = {name: value(context, name) for name in passed} | {"source": source_path(value(context, "source"))}
    return [
        IncludeLaunchDescription(str(SHARE / "launch" / "source.launch.py"), launch_arguments=list(arguments.items()))
    ]


def rviz(context: LaunchContext) -> Entities:
    """Return RViz, if wanted, with the package's view on the topics of these nodes."""
    if not boolean("rviz", value(context, "rviz")):
        return []
    namespace = node_name(context, "perception_node").rpartition("/")[0]
    image = value(context, "image")
    shown_of_node = (f"perception_node/{name}" for name in ("overlay", "mask", "markers"))
    moved = {"/image": image} | {f"/{topic}": topic for topic in shown_of_node}
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            arguments=["-d", str(SHARE / "config" / "perception.rviz")],
            remappings=[
                (shown, topic if topic.startswith("/") else f"{namespace}/{topic}") for shown, topic in moved.items()
            ],
            parameters=[{"use_sim_time": boolean("use_sim_time", value(context, "use_sim_time"))}],
        )
    ]


def everything(context: LaunchContext) -> Entities:
    """Return all of it at once: launch leaves behind what it has started when an argument after that is refused."""
    return [*source(context), *perception(context), *rviz(context)]


def generate_launch_description() -> LaunchDescription:
    return description(ARGUMENTS, [OpaqueFunction(function=everything)])
