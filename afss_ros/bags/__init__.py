"""rosbag2 bags, sqlite3 and MCAP, read and written without ROS."""

from afss_ros.bags import messages
from afss_ros.bags.errors import BagError
from afss_ros.bags.reader import BagReader
from afss_ros.bags.spool import Budget, Spool
from afss_ros.bags.storage import BagMessage, Topic
from afss_ros.bags.types import new_typestore, serialize, typestore
from afss_ros.bags.writer import LATCHED, BagWriter

__all__ = [
    "LATCHED",
    "BagError",
    "BagMessage",
    "BagReader",
    "BagWriter",
    "Budget",
    "Spool",
    "Topic",
    "messages",
    "new_typestore",
    "serialize",
    "typestore",
]
