"""Spacecraft perception that runs on board, and the loop on the ground that improves it."""

import os

__version__ = "0.1.0"

# Nothing leaves the machine unasked. ONNX Runtime looks up its vendor's host, writes a device id and a queue under the
# home folder, and reads its switch while it is imported: hence here, before any of them is.
for _switch in (
    "ORT_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_TELEMETRY",
    "DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
    "NO_ALBUMENTATIONS_UPDATE",
):
    os.environ.setdefault(_switch, "1")
