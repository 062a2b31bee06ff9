"""Labelled images on their way into training: crops, augmentation, classes, batches, and what validates."""
