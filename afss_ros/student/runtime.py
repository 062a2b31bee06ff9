"""The ONNX Runtime session of a student: which provider runs it, and never another one in silence.

ONNX Runtime falls back to the CPU with a line on stderr when CUDA or TensorRT cannot start (onnxruntime #23372); here
the provider that a session really got is compared with the one asked for, and a difference is an error.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from afss_ros.student.contract import BATCH_AXIS, DTYPES
from afss_ros.student.errors import ProviderError, StudentError
from afss_ros.student.onnx_bytes import read_facts
from afss_ros.student.providers import batches, placement, plugins
from afss_ros.student.providers import options as told
from afss_ros.student.providers.settings import ProviderSettings

_log = logging.getLogger(__name__)

PROVIDERS: dict[str, str] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
AUTO_ORDER = ("tensorrt", "cuda", "cpu")
"""What `auto` tries, best first."""
BEHIND = {"tensorrt": ("cuda",)}
"""Who takes what a provider leaves, before the CPU does."""

_GPU_CURE = (
    "install the GPU build instead of the CPU one (pip uninstall onnxruntime; pip install onnxruntime-gpu) with the"
    " CUDA and cuDNN that it names, or ask for provider 'cpu'"
)
_SIGNATURE = re.compile(r"^/\S+\.(?:cc|h):\d+ .*?\([^()]*(?:\([^()]*\)[^()]*)*\)(?: const)? ")


def open_session(
    model: bytes,
    *,
    name: str,
    provider: str = "auto",
    threads: int = 0,
    extra_options: Mapping[str, str] | None = None,
    settings: ProviderSettings | None = None,
    options: ort.SessionOptions | None = None,
    batch: bool = False,
) -> tuple[ort.InferenceSession, str, dict[str, str]]:
    """Start a session on the provider asked for.

    Args:
        model: the content of the `.onnx`.
        name: of the file, for messages.
        provider: "auto", "cuda", "tensorrt", "openvino" or "cpu".
        threads: of the CPU work; 0 lets ONNX Runtime take all physical cores.
        extra_options: of the provider, over those of `settings`; they belong to one provider, so not to "auto".
        settings: of the provider. "auto" passes over a provider that has no means for one of them, but for the CPU,
            which comes last and does without.
        options: of the session, for one that is to be profiled; else `session_options`.
        batch: leave a batch axis that is free as it is, on a provider that gains by it and with tensors bound to the
            host's memory; else it is 1.

    Returns:
        The session, the provider that it runs on, and for "auto" why each better provider was passed over.

    Raises:
        ProviderError: the provider does not exist, is not installed, did not start, or leaves too much to the CPU.
        StudentError: the bytes are no model that ONNX Runtime can run.
    """
    if provider != "auto" and provider not in PROVIDERS:
        raise ProviderError(f"provider must be one of auto, {', '.join(PROVIDERS)}, got {provider!r}")
    refuse_external_data(model, name)
    settings = settings or ProviderSettings()
    settings = replace(settings, options={**settings.options, **(extra_options or {})})
    if provider == "auto" and settings.options:
        raise ProviderError(f"options {sorted(settings.options)} belong to one provider; name it instead of 'auto'")
    passed_over: dict[str, str] = {}
    for candidate in AUTO_ORDER if provider == "auto" else (provider,):
        try:
            asked = ProviderSettings() if (provider, candidate) == ("auto", "cpu") else settings
            free = batch and candidate in batches.GAIN and asked.binding == "host"
            session = _start(model, name, candidate, options or session_options(threads, free_batch=free), asked)
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
    model: bytes, name: str, provider: str, options: ort.SessionOptions, settings: ProviderSettings
) -> ort.InferenceSession:
    wanted = PROVIDERS[provider]
    told.refuse_unheeded(provider, settings)
    available = ort.get_available_providers()
    # Before its options are made: they make its cache.
    if wanted not in available and provider not in plugins.PLUGINS:
        raise ProviderError(f"this onnxruntime has no {wanted} (it has {', '.join(available)}); {_cures(provider)}")
    own = told.of(provider, settings, model)
    session = _session(model, name, provider, options, settings, own)
    got = session.get_providers()[0]
    if got != wanted:
        raise ProviderError(f"{wanted} was asked for, but the session fell back to {got}; {_cures(provider)}")
    # Without this a failure in mid-flight would move the session to the CPU in silence.
    session.disable_fallback()
    if provider != "cpu" and (placed := placement.read(session)) is not None:
        placed.check(name, wanted, settings.max_cpu_share)
    return session


def _session(
    model: bytes,
    name: str,
    provider: str,
    options: ort.SessionOptions,
    settings: ProviderSettings,
    own: Mapping[str, str],
) -> ort.InferenceSession:
    wanted = PROVIDERS[provider]
    given: dict[str, Any] = {}
    available = ort.get_available_providers()
    if provider in plugins.PLUGINS and (plugins.is_registered(wanted) or wanted not in available):
        plugins.register(provider, wanted)
        options.add_provider_for_devices([plugin_device(provider, settings.device_id)], dict(own))
    else:
        behind = [b for b in BEHIND.get(provider, ()) if PROVIDERS[b] in available]
        given["providers"] = [wanted, *(PROVIDERS[b] for b in behind)]
        rest = replace(settings, fp16=False, options={})
        given["provider_options"] = [dict(own), *(told.of(b, rest, model) for b in behind)]
    try:
        return ort.InferenceSession(model, options, **given)
    # ONNX Runtime's exceptions share no base but Exception: Fail, InvalidProtobuf, InvalidGraph, NotImplemented, ...
    except Exception as err:
        if provider != "cpu":
            raise ProviderError(f"{wanted} did not start: {_reason(err)}; {_cures(provider)}") from err
        raise StudentError(
            f"{name} is not a model that ONNX Runtime {ort.__version__} can run: {_reason(err)}; {_cure(err, model)}"
        ) from err


def plugin_device(provider: str, device_id: int) -> Any:
    """The device of a plugin's provider.

    Raises:
        ProviderError: there are not so many.
    """
    found = plugins.devices(PROVIDERS[provider])
    if device_id >= len(found):
        raise ProviderError(
            f"{PROVIDERS[provider]} has {len(found)} devices here, device_id {device_id} is none of them"
        )
    return found[device_id]


def page_locked_device(provider: str, device_id: int) -> Any | None:
    """The device of a provider as ONNX Runtime lists it, to ask it for page-locked memory; None where it lists none."""
    found = plugins.devices(PROVIDERS[provider]) if hasattr(ort, "get_ep_devices") else []
    return found[device_id] if device_id < len(found) else None


def _cures(provider: str) -> str:
    if provider in plugins.PLUGINS:
        return f"pip install {plugins.PLUGINS[provider][1]}, or ask for provider 'cpu'"
    return _GPU_CURE


def session_options(threads: int, *, free_batch: bool = False) -> ort.SessionOptions:
    """One graph, run in order, by `threads` threads that sleep instead of spinning between frames.

    With a batch of 1 whatever the graph leaves free, unless `free_batch`: fixed shapes are bound, planned and compiled
    once.
    """
    options = ort.SessionOptions()
    if not free_batch:
        options.add_free_dimension_override_by_name(BATCH_AXIS, 1)
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Spinning threads starve the camera driver and DDS on a shared CPU and make latency jitter.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry(placement.RECORD, "1")
    options.log_severity_level = 3
    return options


def provider_options(provider: str, model: bytes) -> dict[str, str]:
    """Options of one provider for one model where nothing else is asked for."""
    return told.of(provider, ProviderSettings(), model)


class Session(Protocol):
    """What a student runs on."""

    def run(self, image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """Run the network on `image`, uint8 (H, W, 3), contiguous, of its size: outputs by name, each a batch of 1."""


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
            array = np.zeros(output.shape, DTYPES[output.type])
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
