"""`python -m afss_ros.nodes.labelling_node`: the node of the room `labelling`, under its program's name."""

import sys

from afss_ros.nodes.programs import labelling_node as main

if __name__ == "__main__":
    sys.exit(main())
