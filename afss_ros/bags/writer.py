"""Write a rosbag2 bag that appears under its name only when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, WriterError

from afss_ros.bags.checked_writer import CheckedWriter
from afss_ros.bags.errors import BagError
from afss_ros.bags.types import serialize, typestore
from afss_ros.put import put

_NO_LIMIT = QosTime(0, 0)
_LATEST_NS = 2**63 - 1
LATCHED = Qos(
    history=QosHistory.KEEP_LAST,
    depth=1,
    reliability=QosReliability.RELIABLE,
    durability=QosDurability.TRANSIENT_LOCAL,
    deadline=_NO_LIMIT,
    lifespan=_NO_LIMIT,
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=_NO_LIMIT,
    avoid_ros_namespace_conventions=False,
)
"""The offered QoS to store with topics such as label_info, so that a player offers it to late joiners too."""


class BagWriter:
    """A bag being written.

    A path that ends in `.mcap` becomes one MCAP file, as Foxglove opens it; any other path becomes a rosbag2
    directory, MCAP or sqlite3, as `ros2 bag` records it. Until `close`, everything lies under a hidden temporary
    name beside the target; leaving the context by an exception discards it, so no half-written bag is ever met. MCAP
    files carry checksums of their chunks and of their index.

        with BagWriter(Path("out/run.mcap")) as bag:
            bag.write("/camera/image", messages.image(rgb, stamp_ns), stamp_ns)
    """

    def __init__(self, path: Path | str, *, storage: str = "mcap", compress: bool = True, overwrite: bool = True):
        """Start a bag.

        Args:
            path: `<name>.mcap` for a single file, or a directory.
            storage: `mcap` or `sqlite3`; a single file is always MCAP.
            compress: zstd chunks, which every MCAP reader knows; sqlite3 bags are never compressed.
            overwrite: replace what already has this name, at close.

        Raises:
            BagError: unknown storage, or the target exists and must not be replaced.
        """
        plugins = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
        self.path = Path(path)
        self._single = self.path.suffix == ".mcap"
        if storage not in plugins or (self._single and storage != "mcap"):
            raise BagError(f"cannot write {self.path} as {storage!r}: only a directory may be sqlite3")
        self._check_replaceable(overwrite)
        self._temporary = self.path.parent / f".{self.path.name}.{os.getpid()}.partial"
        self._remove(self._temporary)
        # rosbags names the storage file after the directory, hence the inner one with the final name.
        self._inner = self._temporary / (self.path.stem if self._single else self.path.name)
        self._writer = CheckedWriter(self._inner, version=9, storage_plugin=plugins[storage])
        if compress and storage == "mcap":
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        try:
            self._writer.open()
        except OSError as err:
            raise BagError(f"cannot create a bag at {self.path}: {err}") from err
        self._connections: dict[str, Connection] = {}
        self.count = 0
        """Messages written so far."""

    def add_topic(self, topic: str, msgtype: str, *, qos: Sequence[Qos] = ()) -> None:
        """Declare a topic before its first message, so that it is in the bag even when it stays silent.

        Raises:
            BagError: the topic has another type already, or nothing is known of the type.
        """
        known = self._connections.get(topic)
        if known is not None:
            if known.msgtype != msgtype:
                raise BagError(f"topic {topic} of {self.path} holds {known.msgtype}, not {msgtype}")
            return
        if msgtype not in typestore().fielddefs:
            raise BagError(f"no definition of {msgtype} for topic {topic}; known are ROS 2 Jazzy's and vision_msgs'")
        self._connections[topic] = self._writer.add_connection(
            topic, msgtype, typestore=typestore(), offered_qos_profiles=qos
        )

    def write(self, topic: str, message: Any, stamp_ns: int) -> None:
        """Append a rosbags message; see `write_raw`."""
        msgtype: str = message.__msgtype__
        self.add_topic(topic, msgtype)
        self.write_raw(topic, msgtype, serialize(message), stamp_ns)

    def write_raw(self, topic: str, msgtype: str, cdr: bytes | memoryview, stamp_ns: int) -> None:
        """Append a message that is already serialized (CDR with its 4-byte header).

        Args:
            stamp_ns: when it was recorded, in nanoseconds. A bag knows no time before 1970: what is said to be of then,
                by a clock that was never set, is written at 0, and the message keeps its own stamp.
        """
        self.add_topic(topic, msgtype)
        try:
            self._writer.write(self._connections[topic], min(max(stamp_ns, 0), _LATEST_NS), cdr)
        except (WriterError, OSError) as err:
            raise BagError(f"cannot write to {self.path}: {err}") from err
        self.count += 1

    def close(self) -> None:
        """Finish the bag and give it its name."""
        try:
            self._writer.close()
            finished = self._inner / f"{self._inner.name}.mcap" if self._single else self._inner
            if self.path.is_dir():
                self.path.replace(self._temporary / "replaced")
            put(finished, self.path)
        except OSError as err:
            self._abort()
            raise BagError(f"cannot finish the bag {self.path}: {err}") from err
        finally:
            self._remove(self._temporary)

    def discard(self) -> None:
        """Give up: leave nothing behind."""
        self._abort()
        self._remove(self._temporary)

    def _abort(self) -> None:
        with suppress(OSError):  # a full disk refuses the rest of the file once more
            self._writer.abort()

    def _check_replaceable(self, overwrite: bool) -> None:
        if not self.path.exists():
            return
        is_bag = (self.path / "metadata.yaml").exists() if self.path.is_dir() else self._single
        if not overwrite or not is_bag:
            kind = "bag" if is_bag else "file or folder that is not a bag"
            raise BagError(f"{self.path} exists already, a {kind}; remove it, or choose another name")

    @staticmethod
    def _remove(path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
