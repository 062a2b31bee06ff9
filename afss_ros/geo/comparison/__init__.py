"""Does a tuned SAM 2 beat U-Nets? The same blocked split, several seeds, both, and a table.

What to import is in its files.
"""
