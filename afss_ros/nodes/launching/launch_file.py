"""What the package's launch files have in common; the one module that needs launch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, GroupAction, OpaqueFunction, SetEnvironmentVariable
from launch.events.process import ProcessExited
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger, launch_config
from launch.substitutions import EnvironmentVariable, LaunchConfiguration

from afss_ros.nodes.launching.errors import LaunchError
from afss_ros.nodes.launching.parameter_file import ParameterFile, full_name
from afss_ros.nodes.launching.scope import forget_used, mark_used
from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("afss_ros"))
OF_THE_WHOLE_LAUNCH = {"use_sim_time", "log_level"}
"""Arguments that a second include does take over from a first: a graph has one clock."""

Entities = list[LaunchDescriptionEntity]


def value(context: LaunchContext, argument: str) -> str:
    """Return what the user gave for a launch argument, or its default."""
    return str(LaunchConfiguration(argument).perform(context))


def description(arguments: list[DeclareLaunchArgument], entities: Entities) -> LaunchDescription:
    """Return a launch file's description, whose arguments are its own and end with it."""
    declared = LaunchDescription([*arguments, *entities])

    def own() -> list[str]:
        return [a.name for a in declared.get_launch_arguments() if a.name not in OF_THE_WHOLE_LAUNCH]

    def forget(context: LaunchContext) -> Entities:
        for name, used in forget_used(context.launch_configurations, own()).items():
            get_logger("launch.afss_ros").info(
                f"{name}:={used} was for an earlier include; give it to this one too, if it is for both"
            )
        return []

    def mark(context: LaunchContext) -> Entities:
        mark_used(context.launch_configurations, own(), context.argv)
        return []

    profile = str(SHARE / "config" / "fastdds.xml")
    return LaunchDescription(
        [
            # Outside the group, for the camera driver that a launch file starts later. A profile that the user already
            # set stays. Jazzy's Fast DDS reads the first name, later ones the second.
            *(
                SetEnvironmentVariable(name, EnvironmentVariable(name, default_value=profile))
                for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
            ),
            GroupAction([OpaqueFunction(function=forget), *arguments, *entities]),
            OpaqueFunction(function=mark),
        ]
    )


def node_name(context: LaunchContext, name: str) -> str:
    """Return a node's full name, under the argument `namespace` and what the launch files above have pushed."""
    given = value(context, "namespace")
    pushed = "" if given.startswith("/") else context.launch_configurations.get("ros_namespace", "")
    return full_name(f"{pushed}/{given}", name)


def parameter_file(context: LaunchContext, name: str) -> str:
    """Return the path of `params_file` as the node of this name shall read it.

    Raises:
        LaunchError: the file cannot be read, or has nothing for the node.
    """
    path = Path(value(context, "params_file")).expanduser()
    node = node_name(context, name)
    read = ParameterFile.read(path, node)
    for key, meant in read.misspelt.items():
        get_logger("launch.afss_ros").warning(f"params_file {path}: {key} is not this node; did you mean {meant}?")
    if not read.changed:
        return str(path)
    with tempfile.NamedTemporaryFile(
        "w", dir=launch_config.log_dir, prefix=f"{name}_", suffix=".yaml", delete=False
    ) as file:
        file.write(read.text)
    return file.name


def end_on_failure(*, fine: tuple[int, ...] = (0,), then: Entities | None = None) -> Callable[..., Entities | None]:
    """Return an `on_exit` that ends the launch, with exit code 1, when a process ends with none of the `fine` codes."""

    def ended(event: ProcessExited, context: LaunchContext) -> Entities | None:
        if event.returncode in fine or context.is_shutdown:
            return then
        raise LaunchError(f"{event.process_name} ended with exit code {event.returncode}; its last messages say why")

    return ended
