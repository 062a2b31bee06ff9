"""Teachers by weights: detectors and segmenters of the field, and how their checkpoints are found and loaded."""
