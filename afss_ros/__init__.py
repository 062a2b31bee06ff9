"""Spacecraft perception that runs on board, and the loop on the ground that improves it."""

__version__ = "0.1.0"
