"""What may be told to an execution provider, in one vocabulary for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afss_ros.student.errors import ProviderError

BINDINGS = ("host", "device", "graph")
DEFAULT_CACHE_MIB = 2048
"""Of all engines together; some ten of a student's size."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How a session is to run. What a provider has no means for is refused, not ignored: see `options.of`.

    Attributes:
        device_id: which of several devices of the provider.
        fp16: whether a compiler may compute in half precision.
        workspace_mib: MiB of device memory that the provider may take for its work; 0 is its own default.
        cache_directory: where compiled engines are kept; "" is $AFSS_CACHE_DIR, else ~/.cache/afss_ros.
        cache_mib: of all engines together; 0 keeps none.
        max_cpu_share: largest share of the graph's nodes, 0..1, that may fall to the CPU where another provider was
            asked for.
        binding: where a session's input and outputs lie: "host", "device", or "graph": device memory, and the whole
            run captured as a CUDA graph.
        options: ONNX Runtime's own, over all others, e.g. {"trt_builder_optimization_level": "5"}.
    """

    device_id: int = 0
    fp16: bool = False
    workspace_mib: int = 0
    cache_directory: str = ""
    cache_mib: int = DEFAULT_CACHE_MIB
    max_cpu_share: float = 0.1
    binding: str = "host"
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.binding not in BINDINGS:
            raise ProviderError(f"binding must be one of {', '.join(BINDINGS)}, got {self.binding!r}")
        if not 0.0 <= self.max_cpu_share <= 1.0:
            raise ProviderError(f"max_cpu_share must be in 0..1, got {self.max_cpu_share}")
        for name in ("device_id", "workspace_mib", "cache_mib"):
            if getattr(self, name) < 0:
                raise ProviderError(f"{name} must be 0 or more, got {getattr(self, name)}")


def parse_options(text: str) -> dict[str, str]:
    """Options of a provider, written as one line.

    >>> parse_options("trt_dla_enable=1, trt_dla_core=0")
    {'trt_dla_enable': '1', 'trt_dla_core': '0'}

    Raises:
        ProviderError: an entry is no `name=value`, or a name comes twice.
    """
    options: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (part.strip() for part in entry.partition("="))
        if not equals or not name or name in options:
            raise ProviderError(f"{entry!r} in {text!r} is no option: write name=value, each name once, with commas")
        options[name] = value
    return options
