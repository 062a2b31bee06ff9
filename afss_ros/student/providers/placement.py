"""Which nodes of a graph run where: not which provider was registered, but what each one took.

ONNX Runtime offers a graph to its providers in order; what none of them takes is the CPU's, without a word, and every
such node costs a copy there and back. From 1.24 on it can be asked what became of each node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import onnxruntime as ort

from afss_ros.student.errors import ProviderError

RECORD = "session.record_ep_graph_assignment_info"
"""Entry of the session's options without which ONNX Runtime does not keep what `read` asks for."""
CAN_TELL = hasattr(ort.InferenceSession, "get_provider_graph_assignment_info")
CANNOT_TELL = f"onnxruntime {ort.__version__} cannot tell, 1.24 or newer can"
CPU = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True)
class Placement:
    """How many nodes of each operator run on each provider.

    Attributes:
        nodes: provider -> operator -> how many.
    """

    nodes: Mapping[str, Mapping[str, int]]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def counts(self) -> dict[str, int]:
        """Nodes of each provider, the largest first."""
        found = {provider: sum(operators.values()) for provider, operators in self.nodes.items()}
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def cpu_share(self) -> float:
        """Share of all nodes that run on the CPU, 0..1."""
        return self.counts.get(CPU, 0) / self.total if self.total else 0.0

    def operators(self, provider: str) -> str:
        """What a provider runs, in words, the most frequent first.

        >>> Placement({"CPUExecutionProvider": {"Cast": 1, "Loop": 2}}).operators("CPUExecutionProvider")
        '2 Loop, 1 Cast'
        """
        found = sorted(self.nodes.get(provider, {}).items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} {operator}" for operator, count in found)

    def __str__(self) -> str:
        return ", ".join(f"{count} of {self.total} nodes on {provider}" for provider, count in self.counts.items())

    def check(self, name: str, wanted: str, max_cpu_share: float) -> None:
        """Compare with the share that may fall to the CPU.

        Raises:
            ProviderError: more does; says how much, what, and what to do.
        """
        if self.cpu_share > max_cpu_share:
            raise ProviderError(
                f"{self.counts[CPU]} of {self.total} nodes of {name} fall from {wanted} to the CPU"
                f" ({self.cpu_share:.1%}, {max_cpu_share:.1%} may): {self.operators(CPU)}; see afss check-model, change"
                " the graph (docs/gpu.md), or raise provider.max_cpu_share"
            )


def read(session: ort.InferenceSession) -> Placement | None:
    """What each provider took of a session's graph; None where this ONNX Runtime cannot tell."""
    if not CAN_TELL:
        return None
    nodes: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        nodes.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return Placement(nodes)
