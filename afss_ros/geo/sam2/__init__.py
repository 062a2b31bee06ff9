"""SAM 2 tuned on the chips of a set, and asked about the objects of a whole raster.

Nothing here downloads unless told to, and nothing of it flies. What to import is in its files.
"""
