"""The ONNX Runtime session of a student: which provider runs it, and never another one in silence.

ONNX Runtime falls back to the CPU with a line on stderr when CUDA or TensorRT cannot start (onnxruntime #23372); here
the provider that a session really got is compared with the one asked for, and a difference is an error.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from afss_ros.student import engine_cache
from afss_ros.student.errors import ProviderError, StudentError
from afss_ros.student.onnx_bytes import read_facts

_log = logging.getLogger(__name__)

PROVIDERS: dict[str, str] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
AUTO_ORDER = ("tensorrt", "cuda", "cpu")
"""What `auto` tries, best first."""

_GPU_CURE = (
    "install the GPU build instead of the CPU one (pip uninstall onnxruntime; pip install onnxruntime-gpu) with the"
    " CUDA and cuDNN that it names, or ask for provider 'cpu'"
)
_SIGNATURE = re.compile(r"^/\S+\.(?:cc|h):\d+ .*?\([^()]*(?:\([^()]*\)[^()]*)*\)(?: const)? ")
_DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}


def open_session(
    model: bytes,
    *,
    name: str,
    provider: str = "auto",
    threads: int = 0,
    extra_options: Mapping[str, str] | None = None,
) -> tuple[ort.InferenceSession, str, dict[str, str]]:
    """Start a session on the provider asked for.

    Args:
        model: the content of the `.onnx`.
        name: of the file, for messages.
        provider: "auto", "cuda", "tensorrt" or "cpu".
        threads: of the CPU work; 0 lets ONNX Runtime take all physical cores.
        extra_options: of the provider, over those of `provider_options`; they belong to one provider, so not to "auto".

    Returns:
        The session, the provider that it runs on, and for "auto" why each better provider was passed over.

    Raises:
        ProviderError: the provider does not exist, is not installed, or did not start.
        StudentError: the bytes are no model that ONNX Runtime can run.
    """
    if provider != "auto" and provider not in PROVIDERS:
        raise ProviderError(f"provider must be one of auto, {', '.join(PROVIDERS)}, got {provider!r}")
    refuse_external_data(model, name)
    if provider == "auto" and extra_options:
        raise ProviderError(f"options {sorted(extra_options)} belong to one provider; name it instead of 'auto'")
    passed_over: dict[str, str] = {}
    for candidate in AUTO_ORDER if provider == "auto" else (provider,):
        try:
            session = _start(model, name, candidate, threads, extra_options or {})
        except ProviderError as err:
            if provider != "auto":
                raise
            passed_over[candidate] = str(err).split("; ")[0]
            continue
        # A build without a provider is no news on a machine without such a device; one that does not start is.
        failed = {n: why for n, why in passed_over.items() if PROVIDERS[n] in ort.get_available_providers()}
        _log.info("%s runs on %s%s", name, candidate, "".join(f"; not on {n}: {why}" for n, why in failed.items()))
        return session, candidate, passed_over
    raise ProviderError(f"no execution provider starts: {passed_over}")


def _start(
    model: bytes, name: str, provider: str, threads: int, extra_options: Mapping[str, str]
) -> ort.InferenceSession:
    wanted = PROVIDERS[provider]
    available = ort.get_available_providers()
    if wanted not in available:
        raise ProviderError(f"this onnxruntime has no {wanted} (it has {', '.join(available)}); {_GPU_CURE}")
    try:
        session = ort.InferenceSession(
            model,
            session_options(threads),
            providers=[wanted],
            provider_options=[{**provider_options(provider, model), **extra_options}],
        )
    # ONNX Runtime's exceptions share no base but Exception: Fail, InvalidProtobuf, InvalidGraph, NotImplemented, ...
    except Exception as err:
        if provider != "cpu":
            raise ProviderError(f"{wanted} did not start: {_reason(err)}; {_GPU_CURE}") from err
        raise StudentError(
            f"{name} is not a model that ONNX Runtime {ort.__version__} can run: {_reason(err)}; {_cure(err, model)}"
        ) from err
    got = session.get_providers()[0]
    if got != wanted:
        raise ProviderError(f"{wanted} was asked for, but the session fell back to {got}; {_GPU_CURE}")
    # Without this a failure in mid-flight would move the session to the CPU in silence.
    session.disable_fallback()
    return session


def session_options(threads: int) -> ort.SessionOptions:
    """One graph, run in order, by `threads` threads that sleep instead of spinning between frames."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Spinning threads starve the camera driver and DDS on a shared CPU and make latency jitter.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def provider_options(provider: str, model: bytes) -> dict[str, str]:
    """Options of one provider for one model.

    TensorRT compiles a model for minutes; its engines are kept under $AFSS_CACHE_DIR (default
    ~/.cache/afss_ros/tensorrt), so that only the first start on a machine pays. Its own key to them knows names, not
    weights (onnxruntime #6455, #32254): a new student would be answered by the old one's engine. So each model, under
    each ONNX Runtime, has a folder of its own; TensorRT's version and the GPU are in the names of the files.
    """
    if provider == "tensorrt":
        everyone = Path(os.environ.get("AFSS_CACHE_DIR", Path.home() / ".cache" / "afss_ros")) / "tensorrt"
        own = everyone / f"{hashlib.sha256(model).hexdigest()[:32]}-onnxruntime-{ort.__version__}"
        engine_cache.make_room(everyone, own)
        return {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(own),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(own),
        }
    if provider == "cuda":
        # The default, EXHAUSTIVE, tries every convolution algorithm at the first frame: seconds for a little speed.
        return {"cudnn_conv_algo_search": "HEURISTIC"}
    return {}


class BoundSession:
    """A session with its outputs bound to memory that is allocated once.

    Not thread-safe: `outputs` is overwritten by every `run`.
    """

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._binding = session.io_binding()
        self._input_name: str = session.get_inputs()[0].name
        self.outputs: dict[str, NDArray[Any]] = {}
        for output in session.get_outputs():
            array = np.zeros(output.shape, _DTYPES[output.type])
            self.outputs[output.name] = array
            self._binding.bind_output(output.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)

    def run(self, image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """Run the network on `image`, uint8 (H, W, 3), contiguous, of the network's size."""
        batch = image[None]
        self._binding.bind_input(self._input_name, "cpu", 0, np.uint8, batch.shape, batch.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return self.outputs


def refuse_external_data(model: bytes, name: str) -> None:
    """What runs is what was hashed: one file. ONNX Runtime would search the working directory for another.

    Raises:
        StudentError: weights of the model lie in another file.
    """
    external = read_facts(model).external
    if external:
        tensor, location = next(iter(external.items()))
        raise StudentError(
            f"{name} keeps {len(external)} of its tensors in another file ({tensor!r} in {location!r}), which is"
            " neither looked for nor hashed; export it as one file: torch.onnx.export(..., external_data=False), or"
            " onnx.save(onnx.load(MODEL), OUT)"
        )


def _reason(err: Exception) -> str:
    """An ONNX Runtime message on one line, whole, without its source file and the function's signature."""
    text = " ".join(str(err).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    return _SIGNATURE.sub("", text, count=1).strip() or type(err).__name__


def _cure(err: Exception, model: bytes) -> str:
    facts, text = read_facts(model), str(err)
    upgrade = "install a newer onnxruntime"
    if "IR version" in text:
        return f"it is of IR version {facts.ir_version}; {upgrade}, or save it with a lower ir_version"
    if "opset" in text.lower():
        opsets = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(facts.opsets.items()))
        return f"it needs opset {opsets or 'none'}; {upgrade}, or export it with a lower opset_version"
    return "export it again, or compare its size and sha256 with the original if it was copied"
