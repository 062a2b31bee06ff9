"""Training of students on labelled images, and their export to the student contract.

Import the step you need: `recipe`, `training.loop`, `export.to_onnx`; they import torch, this module does not.
"""

from afss_ros.distill.errors import DistillError

__all__ = ["DistillError"]
