"""Students of large frames: trained on tiles at the frames' own scale, judged on whole frames."""

from afss_ros.distill.tiled.frames import label_frame, probabilities

__all__ = ["label_frame", "probabilities"]
