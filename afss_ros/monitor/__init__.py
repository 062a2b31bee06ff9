"""Whether a picture is one that a student can be believed on: faults of the camera, and scenes unlike its training.

The student's own consistency (`student.doubt`) tells how sure it is of what it says; what is here looks at the picture
alone, at a 160-pixel copy of it, in a fraction of a millisecond. See docs/monitor.md.
"""

from afss_ros.monitor.limits import Limits, load_limits
from afss_ros.monitor.monitor import REASONS, UNUSABLE, Monitor, Verdict

__all__ = ["REASONS", "UNUSABLE", "Limits", "Monitor", "Verdict", "load_limits"]
