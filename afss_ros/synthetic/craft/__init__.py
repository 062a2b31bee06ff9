"""Spacecraft drawn from a grammar."""

from afss_ros.synthetic.craft.model import Craft, Model

__all__ = ["Craft", "Model"]
