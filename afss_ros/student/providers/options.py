"""The settings of a provider in ONNX Runtime's own words, and the folder of what TensorRT compiled.

TensorRT compiles a model for minutes; its engines are kept, so that only the first start on a machine pays. Its own key
to them knows names, not weights (onnxruntime #6455, #32254): a new student would be answered by the old one's engine.
So each model, under each ONNX Runtime and each set of options, has a folder of its own; TensorRT's version and the GPU
are in the names of the files.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import onnxruntime as ort

from afss_ros.student import engine_cache
from afss_ros.student.errors import ProviderError
from afss_ros.student.providers.settings import ProviderSettings

_MIB = 1024**2
_HAS: dict[str, tuple[str, ...]] = {
    "tensorrt": ("device_id", "fp16", "workspace_mib", "binding"),
    "cuda": ("device_id", "workspace_mib", "binding"),
    "openvino": ("device_id",),
    "cpu": (),
}
"""Which settings a provider has means for."""
_CURES = {
    "fp16": "compute in half precision on tensorrt, or export a student of half precision",
    "device_id": "leave it 0",
    "workspace_mib": "leave it 0",
    "binding": "bind to the host's memory: binding host",
}


def of(provider: str, settings: ProviderSettings, model: bytes) -> dict[str, str]:
    """Options of one provider for one model.

    Args:
        provider: as in `runtime.PROVIDERS`.

    Raises:
        ProviderError: it has no means for one of the settings.
    """
    refuse_unheeded(provider, settings)
    made: dict[str, str] = {}
    if provider == "tensorrt":
        made = _tensorrt(settings) | _cache(settings, model)
    elif provider == "cuda":
        made = _cuda(settings)
    return made | dict(settings.options)


def refuse_unheeded(provider: str, settings: ProviderSettings) -> None:
    """Refuse what a provider has no means for.

    Raises:
        ProviderError: it names the settings and what to do.
    """
    if lacking := unheeded(provider, settings):
        cures = "; ".join(_CURES[name] for name in lacking)
        raise ProviderError(f"provider {provider} has no means for {', '.join(lacking)}: {cures}")


def unheeded(provider: str, settings: ProviderSettings) -> list[str]:
    """Which settings differ from the default and mean nothing to a provider."""
    default = ProviderSettings()
    # Device memory can be bound wherever there is a device; a CPU's is the host's.
    return [
        name
        for name in _CURES
        if name not in _HAS[provider]
        and getattr(settings, name) != getattr(default, name)
        and not (name == "binding" and settings.binding == "device")
    ]


def _tensorrt(settings: ProviderSettings) -> dict[str, str]:
    made = {"device_id": str(settings.device_id)} if settings.device_id else {}
    if settings.fp16:
        made["trt_fp16_enable"] = "1"
    if settings.workspace_mib:
        made["trt_max_workspace_size"] = str(settings.workspace_mib * _MIB)
    if settings.binding == "graph":
        made["trt_cuda_graph_enable"] = "1"
    return made


def _cuda(settings: ProviderSettings) -> dict[str, str]:
    # The default, EXHAUSTIVE, tries every convolution algorithm at the first frame: seconds for a little speed.
    made = {"cudnn_conv_algo_search": "HEURISTIC"}
    if settings.device_id:
        made["device_id"] = str(settings.device_id)
    if settings.workspace_mib:
        made["gpu_mem_limit"] = str(settings.workspace_mib * _MIB)
    if settings.binding == "graph":
        made["enable_cuda_graph"] = "1"
    return made


def _cache(settings: ProviderSettings, model: bytes) -> dict[str, str]:
    if not settings.cache_mib:
        return {}
    root = settings.cache_directory or os.environ.get("AFSS_CACHE_DIR") or Path.home() / ".cache" / "afss_ros"
    everyone = Path(root) / "tensorrt"
    own = everyone / _key(settings, model)
    engine_cache.make_room(everyone, own, settings.cache_mib * _MIB)
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(own),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(own),
    }


def _key(settings: ProviderSettings, model: bytes) -> str:
    chosen = _tensorrt(settings) | dict(settings.options)
    told = hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:8] if chosen else "default"
    return f"{hashlib.sha256(model).hexdigest()[:32]}-onnxruntime-{ort.__version__}-{told}"
