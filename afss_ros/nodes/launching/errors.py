"""What ends a launch."""


class LaunchError(Exception):
    """A launch argument or a process that the launch cannot go on with; launch logs it and exits with 1."""
