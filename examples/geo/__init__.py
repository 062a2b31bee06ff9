"""From a raster to footprints on a map, by the commands of `afss geo` alone: an example to start from.

make geo-demo
"""
