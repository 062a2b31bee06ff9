"""YOLO segmentation: a data.yaml, and a text file of polygons for every image.

    data.yaml                    path, train, val, test (image folders), names {0: spacecraft, ...}
    images/<split>/<key>.jpg
    labels/<split>/<key>.txt     a line an object: class x0 y0 x1 y1 ..., or class cx cy w h for a box; all in 0..1

Polygons are YOLO's only masks, and they are not lossless: holes are lost, pieces of one object are joined by a
line, and edges move by up to a pixel. Keep our own form or COCO as the master.
"""

from afss_ros.datasets.yolo.declaration import recognises
from afss_ros.datasets.yolo.read import load
from afss_ros.datasets.yolo.write import CRAFT, PARTS, polygon, write

__all__ = ["CRAFT", "PARTS", "load", "polygon", "recognises", "write"]
