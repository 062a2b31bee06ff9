"""Read a bag through its index, with rosbags."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from rosbags.interfaces import MessageDefinitionFormat

from afss_ros.bags.errors import BagError
from afss_ros.bags.indexed_mcap import CheckedReader
from afss_ros.bags.salvage_sqlite import has_log
from afss_ros.bags.storage import BagMessage, Topic


class IntactBag:
    """A bag, or one file of it, with its index: read in the order of time. See `Storage`."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            BagError: it has no index, or messages in a log that rosbags does not read.
            Exception: whatever rosbags raises for what it cannot open.
        """
        self._path = path
        if any(has_log(file) for file in (path.glob("*.db3") if path.is_dir() else [path])):
            raise BagError(f"{path} has messages in a write-ahead log")
        self._reader = CheckedReader(path)
        self._reader.open()
        self._mcaps = self._reader.mcaps
        # MCAP without chunks, as rosbag2's `fastwrite` preset records it: rosbags gives up on such a file at the first
        # message that is older than the one before, as they are with several topics.
        if self._reader.message_count > 0 and not all(mcap.chunks for mcap in self._mcaps):
            self._reader.close()
            raise BagError(f"{path} has no index")
        self._failure = ""
        empty = self._reader.message_count == 0
        self.span_ns = (0, 0) if empty else (self._reader.start_time, self._reader.end_time - 1)
        self.topics = {
            name: Topic(name, info.msgtype or info.connections[0].msgtype, info.msgcount)
            for name, info in self._reader.topics.items()
        }
        self.definitions = {
            c.msgtype: c.msgdef.data for c in self._reader.connections if c.msgdef.format == MessageDefinitionFormat.MSG
        }

    @property
    def damages(self) -> list[str]:
        """See `Storage.damages`."""
        return [damage for mcap in self._mcaps for damage in mcap.damages] + ([self._failure] if self._failure else [])

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """See `Storage.messages`."""
        wanted = [c for c in self._reader.connections if c.topic in topics]
        if not wanted:
            return
        read = 0
        try:
            for connection, stamp_ns, cdr in self._reader.messages(wanted):
                yield BagMessage(connection.topic, connection.msgtype, stamp_ns, bytes(cdr))
                read += 1
        except GeneratorExit:
            raise
        except Exception as err:
            self._failure = f"{self._path.name}: {err}, after message {read}"

    def close(self) -> None:
        """See `Storage.close`."""
        self._reader.close()
