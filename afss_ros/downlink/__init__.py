"""What goes down a radio: a frame in under a kilobyte, as CCSDS space packets, the most doubtful frame first."""

from afss_ros.downlink.budget import Downlink
from afss_ros.downlink.errors import DownlinkError
from afss_ros.downlink.summary import Craft, Summary

__all__ = ["Craft", "Downlink", "DownlinkError", "Summary"]
