"""Ground from above: large rasters and vectors on a map, and the scores of footprints and roads.

Needs the extra `geo`; nothing of it flies. What to import is in its files.
"""
