"""The demo: a source and the perception node as real processes; a bag, pictures and figures of what they did."""

from afss_ros.nodes.demo.program import main

__all__ = ["main"]
