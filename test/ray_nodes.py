"""A Ray cluster of several nodes on this machine, small and silent, for tests: `python ray_nodes.py`.

Says the cluster's address, then obeys lines on standard input: `add` a node (says its id), `kill ID`, `quit`. Nodes
have one processor each, the head has none. The parts of Ray that watch and report are left out: they take longer to
start than all that is tested.
"""

from __future__ import annotations

import os
import sys
from typing import Any

# Read when Ray is imported. A busy machine is slow, not wrong.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_agent_register_timeout_ms": "600000",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_DEDUP_LOGS": "0",
}

SMALL: dict[str, Any] = {"object_store_memory": 80 << 20, "include_log_monitor": False}
ATTEMPTS = 3


def begun(begin: Any) -> Any:
    """Try again where a busy machine was too slow for Ray, which waits for a new node for half a minute."""
    for attempt in range(ATTEMPTS):
        try:
            return begin()
        except Exception as error:
            if "timed out during startup" not in str(error) or attempt == ATTEMPTS - 1:
                raise
    return None


def main() -> None:
    import ray._private.utils
    from ray.cluster_utils import Cluster

    ray._private.utils.get_dashboard_dependency_error = lambda: ImportError("left out")
    cluster = begun(
        lambda: Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "no_monitor": True, **SMALL},
        )
    )
    nodes: dict[str, Any] = {}
    say(cluster.address)
    try:
        for line in sys.stdin:
            word, _, name = line.strip().partition(" ")
            if word == "add":
                node = begun(lambda: cluster.add_node(num_cpus=1, **SMALL))
                nodes[node.node_id] = node
                say(node.node_id)
            elif word == "kill":
                cluster.remove_node(nodes.pop(name), allow_graceful=False)
                say(name)
            else:
                break
    finally:
        cluster.shutdown()


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
