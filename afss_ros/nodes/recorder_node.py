"""`python -m afss_ros.nodes.recorder_node`: the node of the room `recorder`, under its program's name."""

import sys

from afss_ros.nodes.programs import recorder_node as main

if __name__ == "__main__":
    sys.exit(main())
