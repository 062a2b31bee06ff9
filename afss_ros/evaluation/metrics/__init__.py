"""The figures themselves: pure functions of label maps, boxes and counts."""
