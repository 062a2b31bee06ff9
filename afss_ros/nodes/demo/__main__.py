"""`python -m afss_ros.nodes.demo`."""

import sys

from afss_ros.nodes.demo.program import main

sys.exit(main())
