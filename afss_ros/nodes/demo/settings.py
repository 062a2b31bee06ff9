"""What a demo is to do: from the command line, and from a look at the source."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afss_ros.nodes.demo.errors import DemoError
from afss_ros.perception import Frame
from afss_ros.share import share
from afss_ros.sources import Unreadable, open_source

_RAW_LIMIT = 1024 * 1024
"""Pixels above which the camera sends JPEGs: raw pictures would keep the machine busy with copying."""
_STILLS_RATE_HZ = 30.0
"""Upper limit for pictures, which are sent in lockstep: the next one when the one before was answered."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    source: Path
    out: Path
    topic: str | None
    model: str
    provider: str
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How to play the source.

    Attributes:
        length: inputs to expect; None when unknown.
        rate_hz: rate to play at; 0 is the recorded one.
        lockstep: send the next frame only after the result of the one before.
        compressed: send CompressedImage.
        video_rate_hz: frame rate of the overlay video.
    """

    length: int | None
    rate_hz: float
    lockstep: bool
    compressed: bool
    video_rate_hz: float


def parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="demo", description="Play a source through the perception node, over ROS 2, and show what it saw."
    )
    parser.add_argument("--source", type=Path, help="folder of pictures, video or bag (default: the demo bag)")
    parser.add_argument("--topic", help="image topic of the bag, when it has several")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the results (%(default)s)")
    parser.add_argument("--model", default="", help="student .onnx (default: the one that the package ships)")
    parser.add_argument("--provider", default="auto", choices=("auto", "cpu", "cuda", "tensorrt", "openvino"))
    parser.add_argument("--rate", type=float, default=0.0, help="frames per second (default: as recorded)")
    given = parser.parse_args(arguments)
    source = given.source or share() / "demo" / "demo.mcap"
    return Options(source, given.out, given.topic, given.model, given.provider, given.rate)


def plan(options: Options) -> Plan:
    """Look at the source, before any process is started.

    Raises:
        SourceError: it cannot be opened.
        DemoError: not one frame can be read.
    """
    with open_source(options.source, topic=options.topic) as source:
        first, reason = None, "it is empty"
        for item in source:
            if isinstance(item, Unreadable):
                reason = f"{item.name}: {item.reason}"
                continue
            first = item
            break
        if not isinstance(first, Frame):
            raise DemoError(f"{options.source} holds no frame that can be read: {reason}")
        stills = source.rate_hz is None
        return Plan(
            length=source.length,
            rate_hz=options.rate_hz or (_STILLS_RATE_HZ if stills else 0.0),
            lockstep=stills,
            compressed=first.image.shape[0] * first.image.shape[1] > _RAW_LIMIT,
            video_rate_hz=2.0 if stills else min(options.rate_hz or source.rate_hz or 10.0, 60.0),
        )
