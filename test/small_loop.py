"""A loop so small that it ends in seconds, for tests of the loop and of what is built on it."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, Any] = {
    "render": {"size": 96, "motions": ["flyaround"], "recordings": 2, "held_out": 2, "frames": 5, "rate_hz": 1.0},
    "label": {"keep": "", "frames": {"duplicates": -1}},
    "select": {"keep": "detector_score >= 0.05", "duplicates": -1, "darkest": 0, "blur_px": 50, "val": 0.4},
    "train": {
        "data": {"size": 64, "validation_size": 64, "workers": 0, "statistics_images": 4},
        "student": {
            "name": "fpn-mobilenetv4-050",
            "decoder": {"decoder_pyramid_channels": 32, "decoder_segmentation_channels": 32},
        },
        "budget": {"iterations": 4},
        "validate_every": 100,
        "batch": 4,
    },
    "relabel": {"views": "none", "keep": "", "against": False},
    "export": {"size": 64, "allow_unlearned": True},
    "rounds": 2,
    "resamples": 20,
}
