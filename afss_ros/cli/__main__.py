"""`python -m afss_ros.cli`, which torchrun needs."""

import sys

from afss_ros.cli import main

sys.exit(main())
