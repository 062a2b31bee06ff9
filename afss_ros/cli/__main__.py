"""`python -m afss_ros.cli`, which torchrun needs."""

import sys

from afss_ros.cli import start

sys.exit(start())
