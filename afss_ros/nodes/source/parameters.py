"""The parameters of source_node: one table that declares, describes, checks and reads them."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.node import Node

from afss_ros.nodes.parameter_specs import Spec, Takes, descriptor

SPECS: tuple[Spec, ...] = (
    Spec("source", "", Takes.START, "What to play: a folder of pictures, a video, or a rosbag2 bag. Required."),
    Spec("topic", "", Takes.START, "Image topic of the bag. Empty: the only one, or the only one with a camera_info."),
    Spec("rate", 0.0, Takes.START, "Frames per second. 0: as recorded; pictures at 10.", low=0.0, high=1000.0),
    Spec("loop", False, Takes.START, "Start over at the end, stamps going on."),
    Spec(
        "stamps",
        "recorded",
        Takes.START,
        "Stamps of the messages: recorded, those of the source; now, the time of publishing.",
        choices=("recorded", "now"),
    ),
    Spec("publish_clock", False, Takes.START, "Publish each frame's stamp on /clock, for nodes with use_sim_time."),
    Spec("frame_id", "", Takes.START, "Frame of the messages. Empty: the recorded one, else `camera`."),
    Spec(
        "image_transport",
        "raw",
        Takes.START,
        "raw: sensor_msgs/Image on `image`. compressed: sensor_msgs/CompressedImage on `image`/compressed.",
        choices=("raw", "compressed"),
    ),
    Spec("compressed.format", "jpeg", Takes.START, "Of the compressed images.", choices=("jpeg", "png")),
    Spec("compressed.quality", 90, Takes.START, "Of the JPEGs.", low=1, high=100),
    Spec(
        "reliability",
        "reliable",
        Takes.START,
        "QoS reliability offered. reliable serves best effort subscribers too.",
        choices=("reliable", "best_effort"),
    ),
    Spec("grey_bits", 16, Takes.START, "Bits that a mono16 camera of the bag used, the lowest ones.", low=8, high=16),
    Spec(
        "horizontal_fov",
        0.7,
        Takes.START,
        "Field of view in radians of the pinhole that camera_info describes where the source carries none.",
        low=0.01,
        high=3.1,
    ),
    Spec("wait_for_subscribers", 0, Takes.START, "Subscribers of the images to wait for.", low=0, high=100),
    Spec(
        "lockstep.topic",
        "",
        Takes.START,
        "Send a frame only when a message with the previous frame's stamp has come on this topic. Empty: never wait.",
    ),
    Spec("lockstep.type", "vision_msgs/msg/Detection2DArray", Takes.START, "Type of that topic; it needs a header."),
    Spec("lockstep.timeout", 5.0, Takes.START, "Seconds after which a frame counts as lost.", low=0.01, high=3600.0),
)


class ParameterError(Exception):
    """A parameter value that cannot be; the message names it and the values that can."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """The parameters' values; fields are the names of `SPECS`, dots as underscores."""

    source: str
    topic: str
    rate: float
    loop: bool
    stamps: str
    publish_clock: bool
    frame_id: str
    image_transport: str
    compressed_format: str
    compressed_quality: int
    reliability: str
    grey_bits: int
    horizontal_fov: float
    wait_for_subscribers: int
    lockstep_topic: str
    lockstep_type: str
    lockstep_timeout: float


def declare_and_read(node: Node) -> SourceSettings:
    """Declare every parameter and read its value, fixed from here on.

    Raises:
        ParameterError: a value is not among the choices, or no source is given.
        rclpy.exceptions.ParameterException: a value has the wrong type or lies outside its range.
    """
    values = {}
    for spec in SPECS:
        value = node.declare_parameter(spec.name, spec.default, descriptor(spec)).value
        if spec.choices and value not in spec.choices:
            raise ParameterError(f"{spec.name} must be one of {', '.join(spec.choices)}, got {value!r}")
        values[spec.name.replace(".", "_")] = value
    if not values["source"]:
        raise ParameterError("source is not set; give a folder of pictures, a video, or a rosbag2 bag")
    return SourceSettings(**values)
