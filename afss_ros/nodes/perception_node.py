"""`python -m afss_ros.nodes.perception_node`: the node of the room `perception`, under its program's name."""

import sys

from afss_ros.nodes.perception.node import main

if __name__ == "__main__":
    sys.exit(main())
