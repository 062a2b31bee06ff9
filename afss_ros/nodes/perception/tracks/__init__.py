"""What perception_node says through time: tracks, bearings and positions, as messages; the tracker is `tracking`."""
