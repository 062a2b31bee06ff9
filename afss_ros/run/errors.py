"""What can go wrong in a run."""


class RunError(Exception):
    """A run that cannot start or gave nothing; the message says why and what would help."""
