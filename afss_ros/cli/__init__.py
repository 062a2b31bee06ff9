"""`afss`: one command, a subcommand for each step of the loop; one module for each group of them.

Every subcommand is a thin wrapper that imports its step when it is called, so `afss run` works where torch is not
installed, and `afss --help` is instant. Needs typer and rich, which is all that is imported here.
"""

from afss_ros.cli.app import main, start

__all__ = ["main", "start"]
