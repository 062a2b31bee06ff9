"""What footprints and roads are worth: buildings' F1, roads' APLS, pixels' IoU."""
