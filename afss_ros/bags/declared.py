"""What a bag's metadata.yaml promises, held against what its files hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import yaml

from afss_ros import plain_yaml
from afss_ros.bags.storage import Topic, three_parts

METADATA = "metadata.yaml"


@dataclass(frozen=True, slots=True)
class Declared:
    """What metadata.yaml says.

    Attributes:
        files: their names, without folders.
        topics: name, type and count of each; None when it says nothing of topics.
        count: of all messages; None when it does not say.
        fault: why it says less than it should; empty when it does not.
    """

    files: tuple[str, ...] = ()
    topics: dict[str, Topic] | None = None
    count: int | None = None
    fault: str = ""

    def differences(self, held: Mapping[str, Topic]) -> list[str]:
        """What it promises of messages and the files do not hold, or hold beside it."""
        found = []
        for topic in (self.topics or {}).values():
            there = held.get(topic.name, Topic(topic.name, topic.msgtype, 0))
            if there.count != topic.count:
                found.append(f"promises {topic.count} messages of {topic.name}, the files hold {there.count}")
            elif there.count and there.msgtype != topic.msgtype:
                found.append(f"says that {topic.name} is {topic.msgtype}, the files say {there.msgtype}")
        if self.topics is not None:
            found += [
                f"does not list {t.name} ({t.msgtype}), of which the files hold {t.count} messages"
                for t in held.values()
                if t.count and t.name not in self.topics
            ]
        total = sum(topic.count for topic in held.values())
        if not found and self.count is not None and self.count != total:
            found.append(f"promises {self.count} messages, the files hold {total}")
        return [f"{METADATA} {difference}" for difference in found]


def read_declared(folder: Path) -> Declared | None:
    """Read the metadata of a bag as leniently as it is written; None where there is none."""
    path = folder / METADATA
    if not path.is_file():
        return None
    try:
        content = plain_yaml.read(path)
        info = content["rosbag2_bagfile_information"]
        # Windows knows both separators.
        files = tuple(PureWindowsPath(str(name)).name for name in info["relative_file_paths"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as err:
        reason = " ".join(str(err).split()) or "it is empty"
        return Declared(
            fault=f"{METADATA} cannot be read ({type(err).__name__}: {reason}); the files are read without it"
        )
    try:
        listed = info.get("topics_with_message_count")
        topics = None if listed is None else _topics(listed)
        count = info.get("message_count")
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        fault = f"{METADATA} does not say which topics there are ({type(err).__name__}: {err})"
        return Declared(files, fault=fault)
    return Declared(files, topics, count if isinstance(count, int) else None)


def _topics(listed: list[dict[str, Any]]) -> dict[str, Topic]:
    found: dict[str, Topic] = {}
    for entry in listed:
        about, count = entry["topic_metadata"], int(entry["message_count"])
        name = str(about["name"])
        count += found[name].count if name in found else 0
        found[name] = Topic(name, three_parts(str(about["type"])), count)
    return found
