"""Whether the student that flies is itself still, looked at between frames."""
