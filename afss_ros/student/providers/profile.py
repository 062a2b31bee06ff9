"""How long each provider and operator takes, from ONNX Runtime's own profile of some runs."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.student.errors import StudentError
from afss_ros.student.providers.settings import ProviderSettings
from afss_ros.student.runtime import open_session, session_options

_SUFFIX = "_kernel_time"


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one run.

    Attributes:
        providers: by provider.
        operators: by provider and operator.
    """

    providers: dict[str, float]
    operators: dict[tuple[str, str], float]


def read(path: Path) -> Times:
    """Sum up the profile of equal runs: for every node the median over the runs, so that a first one does not count.

    Raises:
        StudentError: it is no profile of ONNX Runtime.
    """
    taken: dict[tuple[str, str, str], list[float]] = {}
    try:
        for event in json.loads(path.read_text()):
            if event.get("cat") == "Node" and event["name"].endswith(_SUFFIX):
                told = event["args"]
                node = (told["provider"], told["op_name"], event["name"])
                taken.setdefault(node, []).append(event["dur"] / 1e3)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudentError(f"{path} is no profile of ONNX Runtime: {error}") from error
    providers: dict[str, float] = {}
    operators: dict[tuple[str, str], float] = {}
    for (provider, operator, _), times in taken.items():
        ms = float(np.median(times))
        providers[provider] = providers.get(provider, 0.0) + ms
        operators[provider, operator] = operators.get((provider, operator), 0.0) + ms
    return Times(_longest_first(providers), _longest_first(operators))


def measure(
    path: Path, *, provider: str, settings: ProviderSettings | None = None, threads: int = 0, runs: int = 10
) -> Times:
    """Run a model on black images, and tell what takes how long.

    Raises:
        ProviderError, StudentError: see `runtime.open_session`.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session, _, _ = open_session(
            path.read_bytes(), name=path.name, provider=provider, settings=settings, options=options
        )
        black = {tensor.name: np.zeros(tensor.shape, np.uint8) for tensor in session.get_inputs()}
        for _ in range(runs):
            session.run(None, black)
        return read(Path(session.end_profiling()))


def _longest_first(times: dict[Any, float]) -> dict[Any, float]:
    return dict(sorted(times.items(), key=lambda item: -item[1]))
