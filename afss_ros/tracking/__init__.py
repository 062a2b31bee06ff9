"""Craft through time: identities, bearings, ranges. NumPy on board, nothing of ROS.

`Tracker` gives detections an identity that stays; `bearing` and `ranging` say where a craft is, with a covariance that
a filter can believe. Nothing here waits: what is said of a frame is said with that frame.
"""

from afss_ros.tracking.settings import Settings
from afss_ros.tracking.tracker import Tracker
from afss_ros.tracking.values import Part, State, Track

__all__ = ["Part", "Settings", "State", "Track", "Tracker"]
