"""Rendered recordings for the loop: bags to learn from, and bags of other craft turned into a set with truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from afss_ros import datasets
from afss_ros.bags import BagReader
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.labels import PART_IDS
from afss_ros.loop.config import RenderConfig
from afss_ros.sources.bag import choose_topic, decode_message, header_stamp_ns
from afss_ros.synthetic.recording import Recording, record
from afss_ros.synthetic.trajectory import draw_trajectory
from afss_ros.synthetic.truth import MASK_TOPIC


def render(config: RenderConfig, folder: Path, split: str, count: int, frames: int) -> list[Path]:
    """Record `count` trajectories of craft of `split` into `folder`, those that are there already excepted."""
    bags = []
    for number in range(count):
        motion = config.motions[number % len(config.motions)]
        bag = folder / f"{split}_{number:02d}_{motion}.mcap"
        if not bag.exists():
            size = config.size, round(config.size * 3 / 4)
            trajectory = draw_trajectory(motion, frames, *size, config.seed + number, split)
            record(bag, trajectory, Recording(rate_hz=config.rate_hz, seed=config.seed + number))
        bags.append(bag)
    return bags


def write_truth(bags: Sequence[Path], out: Path) -> int:
    """The pictures of rendered bags with their true label maps and craft, each bag a sequence; returns how many."""
    with DatasetWriter(out, provenance={"rendered": [bag.name for bag in bags]}) as writer:
        for path in bags:
            with BagReader(path) as bag:
                masks = {}
                for message in bag.messages([MASK_TOPIC]):
                    content = bag.deserialize(message)
                    size = content.height, content.width
                    masks[header_stamp_ns(content.header)] = np.frombuffer(content.data, np.uint8).reshape(size)
                for index, message in enumerate(bag.messages([choose_topic(bag.topics, None)])):
                    key = f"{path.stem}_{index:06d}"
                    if key in writer:
                        continue
                    content = bag.deserialize(message)
                    labels = masks[header_stamp_ns(content.header)]
                    craft = np.isin(labels, PART_IDS)
                    found = [Instance.from_mask("spacecraft", craft)] if craft.any() else []
                    image = np.ascontiguousarray(decode_message(content, message.msgtype))
                    writer.add(key, image, labels, found, split="test", sequence=path.stem, image_format="png")
    return len(datasets.load(out))
