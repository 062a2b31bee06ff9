#!/usr/bin/env python3
"""Import what a stage of the bootstrap installed; an environment that cannot is not called ready.

Compiled modules are what breaks: a library that is missing or half written shows when it is loaded, not before.
"""

from __future__ import annotations

import importlib
import sys

ONBOARD = ["numpy", "cv2", "onnxruntime", "rosbags.highlevel", "yaml", "typer", "rclpy", "afss_ros.cli"]
TEST = [*ONBOARD, "pytest", "hypothesis", "lxml.etree", "onnx", "scipy.ndimage", "mypy"]
GROUND = [
    *TEST,
    "faster_coco_eval.faster_eval_api_cpp",
    "matplotlib.pyplot",
    "moderngl",
    "PIL.Image",
    "pycocotools.mask",
    "safetensors",
    "timm",
    "torch",
    "torchvision",
]
MODULES = {
    "onboard": ONBOARD,
    "test": TEST,
    "ground": GROUND,
    "optional": [*GROUND, "bitsandbytes", "rfdetr", "sam2.build_sam", "ultralytics"],
}


def main() -> int:
    for name in MODULES[sys.argv[1]]:
        try:
            importlib.import_module(name)
        except Exception as error:
            return failed(name, error)
    try:
        # The type support, which is compiled here, is loaded with the first message.
        serialise_a_message()
    except Exception as error:
        return failed("vision_msgs", error)
    return 0


def serialise_a_message() -> None:
    from rclpy.serialization import serialize_message
    from vision_msgs.msg import Detection2DArray

    serialize_message(Detection2DArray())


def failed(name: str, error: Exception) -> int:
    reason = str(error).strip().splitlines() or [""]
    print(f"error: {name} was installed, but cannot be imported: {type(error).__name__}: {reason[-1]}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
