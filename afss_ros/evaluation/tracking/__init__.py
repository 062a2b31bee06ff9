"""Tracks, bearings and ranges against the truth of rendered recordings."""
