"""What the launch files decide, without launch: words for booleans, whose an argument is, which parameters apply.

The launch files run in whatever Python `ros2` has, which need not see our pip packages: only the standard library and
PyYAML are imported here.
"""

from afss_ros.nodes.launching.arguments import boolean, number, source_path
from afss_ros.nodes.launching.errors import LaunchError
from afss_ros.nodes.launching.parameter_file import ParameterFile, full_name
from afss_ros.nodes.launching.scope import forget_used, mark_used

__all__ = [
    "LaunchError",
    "ParameterFile",
    "boolean",
    "forget_used",
    "full_name",
    "mark_used",
    "number",
    "source_path",
]
