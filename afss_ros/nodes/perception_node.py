"""`python -m afss_ros.nodes.perception_node`: the node of the room `perception`, under its program's name."""

import sys

from afss_ros.nodes.programs import perception_node as main

if __name__ == "__main__":
    sys.exit(main())
