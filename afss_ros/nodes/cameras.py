"""Several cameras in one process: a perception_node for each, under the camera's namespace, and one student for all.

Each node is what it would be alone: its topics, parameters, lifecycle and counts. What they share is the process, the
student's session (`student.shared`) and the thread that serves callbacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.parameter import Parameter

NAME = "perception_node"
PARAMETER = "cameras"
_HOLDER = "_perception_node_starts"
_ENTRY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::=(/?[A-Za-z_~][A-Za-z0-9_/~]*))?")


class CameraNameError(ValueError):
    """A list of cameras that cannot be."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: its name, and the topic of its images, if that is not `image` in its namespace."""

    name: str
    topic: str = ""

    def arguments(self, namespace: str) -> list[str]:
        """The ROS arguments of its node, which go before those of the process."""
        words = ["-r", f"__ns:={namespace.rstrip('/')}/{self.name}"]
        if self.topic:
            beside = self.topic.rpartition("/")[0]
            words += ["-r", f"image:={self.topic}"]
            words += ["-r", f"camera_info:={beside}/camera_info" if beside else "camera_info:=camera_info"]
        return ["--ros-args", *words]


def parse(text: str) -> list[Camera]:
    """The cameras of a parameter, between commas or spaces: `left`, or `left:=/stereo/left/image_raw`.

    Raises:
        CameraNameError: one is not of that form, or comes twice.
    """
    found = []
    for entry in text.replace(",", " ").split():
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise CameraNameError(f"cameras holds names, or name:=/topic/of/images, got {entry!r}")
        found.append(Camera(match[1], match[2] or ""))
    names = [camera.name for camera in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CameraNameError(f"cameras holds {', '.join(twice)} more than once")
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the process was asked for: the cameras, the namespace below which they lie, and the parameters given."""

    cameras: tuple[Camera, ...]
    namespace: str
    overrides: tuple[Parameter, ...]


@contextmanager
def asked() -> Iterator[Wanted]:
    """Ask ROS what was given for this process's node, before there is one; its nodes are to be made within the block.

    What is asked is a node of the same name that does nothing, and it goes before another of its name is made: the
    graph knows what a node does by its name, and would forget with the first all that the second one has. Meanwhile a
    third one stays, of another name: with the last node of a process its DDS participant goes, which takes time, and on
    a busy machine has been seen to hang.

    Raises:
        CameraNameError: see `parse`.
    """
    holder = Node(_HOLDER, use_global_arguments=False, enable_rosout=False, start_parameter_services=False)
    try:
        probe = _probe([])
        try:
            given = _overrides(probe)
            namespace = str(probe.get_namespace())
        finally:
            probe.destroy_node()
        entries = given.get(PARAMETER)
        value = entries.value if entries is not None else ""
        if not isinstance(value, str):
            raise CameraNameError(f"cameras is a text, such as 'left right', got {value!r}")
        yield Wanted(tuple(parse(value)), namespace, tuple(given.values()))
    finally:
        holder.destroy_node()


def overrides(wanted: Wanted, camera: Camera) -> list[Parameter]:
    """The parameters of a camera's node: those of all, then those that were given for it alone."""
    probe = _probe(camera.arguments(wanted.namespace))
    try:
        return list({**{p.name: p for p in wanted.overrides}, **_overrides(probe)}.values())
    finally:
        probe.destroy_node()


def _probe(arguments: list[str]) -> Node:
    return Node(NAME, cli_args=arguments, enable_rosout=False, start_parameter_services=False)


def _overrides(node: Node) -> dict[str, Parameter]:
    return dict(getattr(node, "_parameter_overrides", {}))  # rclpy offers no public way to them
