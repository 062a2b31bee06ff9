"""COCO instances: `images`, `annotations`, `categories`. Boxes are xywh with corners at pixel edges, masks are RLE."""

from afss_ros.datasets.coco.find import find, is_coco, recognises
from afss_ros.datasets.coco.read import load, load_folder
from afss_ros.datasets.coco.write import from_samples, known_instances, write

__all__ = ["find", "from_samples", "is_coco", "known_instances", "load", "load_folder", "recognises", "write"]
