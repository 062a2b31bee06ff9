"""Settings under which no image can arrive are named with their cure; and what is odd about the images that do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from afss_ros.images import UnsupportedEncoding
from afss_ros.nodes.ignored_settings import ignored_parameters, ignored_qos
from afss_ros.nodes.image_input import COMPRESSED, RAW, Decoder, ImageInput, to_rgb


class Graph:
    """A node in a graph of other people's topics, as far as an `ImageInput` looks at it."""

    def __init__(self, image: str, topics: dict[str, list[str]]) -> None:
        self._image, self._topics = image, topics
        self.warnings: list[str] = []

    def resolve_topic_name(self, name: str) -> str:
        assert name == "image"
        return self._image

    def create_subscription(self, *_args: object, **_options: object) -> object:
        return object()

    def get_publishers_info_by_topic(self, topic: str) -> list[Any]:
        return [SimpleNamespace(topic_type=kind) for kind in self._topics.get(topic, [])]

    def get_logger(self) -> Any:
        return SimpleNamespace(warning=self.warnings.append)


def faults(transport: str, image: str, topics: dict[str, list[str]]) -> tuple[str, list[str]]:
    graph = Graph(image, topics)
    listening = ImageInput(
        graph,
        transport=transport,
        reliability="best_effort",
        on_image=lambda _message: None,
    )
    listening.fault()
    return listening.fault(), graph.warnings


@pytest.mark.parametrize(
    ("transport", "image", "topics"),
    [
        ("raw", "/cam/image", {"/cam/image": [RAW]}),
        ("raw", "/cam/image", {"/cam/image": [RAW], "/cam/image/compressed": [COMPRESSED]}),
        ("compressed", "/cam/image", {"/cam/image/compressed": [COMPRESSED], "/cam/image": [RAW]}),
        ("raw", "/cam/image", {}),
        ("raw", "/cam/image", {"/other/image": [RAW]}),
    ],
)
def test_what_fits_is_no_fault(transport: str, image: str, topics: dict[str, list[str]]) -> None:
    assert faults(transport, image, topics) == ("", [])


@pytest.mark.parametrize(
    ("transport", "image", "topics", "said"),
    [
        (
            "raw",
            "/cam/image/compressed",
            {"/cam/image/compressed": [COMPRESSED]},
            f"/cam/image/compressed carries {COMPRESSED}, and {RAW} is expected; set input.image_transport to"
            " compressed and remap image to /cam/image (the suffix is added)",
        ),
        (
            "raw",
            "/cam/image",
            {"/cam/image/compressed": [COMPRESSED]},
            f"nobody publishes /cam/image, but /cam/image/compressed carries {COMPRESSED}; set input.image_transport to"
            " compressed and remap image to /cam/image (the suffix is added)",
        ),
        (
            "compressed",
            "/cam/image/compressed",
            {"/cam/image/compressed": [COMPRESSED]},
            f"nobody publishes /cam/image/compressed/compressed, but /cam/image/compressed carries {COMPRESSED};"
            " remap image to /cam/image (the suffix is added)",
        ),
        (
            "compressed",
            "/cam/image",
            {"/cam/image": [RAW]},
            f"nobody publishes /cam/image/compressed, but /cam/image carries {RAW}; set input.image_transport to raw"
            " and remap image to /cam/image",
        ),
        (
            "compressed",
            "/cam",
            {"/cam": [COMPRESSED]},
            f"nobody publishes /cam/compressed, but /cam carries {COMPRESSED}; compressed images are looked for at"
            " <image>/compressed: remap the publisher to /cam/compressed",
        ),
        (
            "raw",
            "/cam/image/compressed",
            {"/cam/image": [RAW]},
            f"nobody publishes /cam/image/compressed, but /cam/image carries {RAW}; remap image to /cam/image",
        ),
        (
            "raw",
            "/cam/info",
            {"/cam/info": ["sensor_msgs/msg/CameraInfo"]},
            f"/cam/info carries sensor_msgs/msg/CameraInfo, and {RAW} is expected;"
            " remap image to the topic of a camera",
        ),
    ],
)
def test_what_cannot_arrive_is_named_with_the_cure_and_warned_of_once(
    transport: str, image: str, topics: dict[str, list[str]], said: str
) -> None:
    assert faults(transport, image, topics) == (said, [said])


class Parameters:
    """A node with these parameters, given those."""

    def __init__(self, has: list[str], given: list[str]) -> None:
        self._parameters = dict.fromkeys(has)
        self._parameter_overrides = dict.fromkeys(given)

    def has_parameter(self, name: str) -> bool:
        return name in self._parameters


def test_overrides_without_effect_are_named_with_what_would_have_one() -> None:
    depth, reliability = "qos_overrides./image.subscription.depth", "qos_overrides./image.subscription.reliability"
    node: Any = Parameters(["rate", depth], [depth, reliability, "qos_overrides./imag.subscription.depth", "rat"])
    assert ignored_parameters(node) == {"rat": "rate"}
    assert ignored_qos(node, {reliability: "set input.reliability"}) == [
        f"{reliability} has no effect: set input.reliability",
        f"qos_overrides./imag.subscription.depth has no effect: did you mean {depth}?",
    ]
    other: Any = Parameters([depth], ["qos_overrides./gps.publisher.history"])
    assert ignored_qos(other, {}) == [
        "qos_overrides./gps.publisher.history has no effect: what may be overridden here: /image.subscription"
    ]


def grey(values: list[int]) -> Image:
    data = np.array(values, "<u2").tobytes()
    return Image(height=1, width=len(values), encoding="mono16", step=2 * len(values), data=data)


def test_twelve_bits_in_sixteen_are_said_until_a_brighter_image_comes() -> None:
    bits = 16
    decode = Decoder(lambda: bits)
    assert decode.fault == ""
    decode(grey([0, 4095]))
    assert "no mono16 image so far has a value above 4095" in decode.fault and "input.grey_bits" in decode.fault
    bits = 12
    assert decode(grey([0, 4095]))[0, 1].tolist() == [255, 255, 255]
    assert decode.fault == ""
    bits = 16
    decode(grey([4096, 0]))
    assert decode.fault == ""


def test_depth_is_refused_and_no_bridge_is_asked() -> None:
    with pytest.raises(UnsupportedEncoding, match=r"'16UC1' holds depth \(REP 118\)"):
        to_rgb(Image(height=1, width=1, encoding="16UC1", step=2, data=b"\x01\x02"))
    with pytest.raises(UnsupportedEncoding, match="holds depth"):
        to_rgb(CompressedImage(format="16UC1; compressedDepth png", data=b"\x89PNG\r\n\x1a\n"))
