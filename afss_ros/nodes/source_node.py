"""`python -m afss_ros.nodes.source_node`: the node of the room `source`, under its program's name."""

import sys

from afss_ros.nodes.programs import source_node as main

if __name__ == "__main__":
    sys.exit(main())
