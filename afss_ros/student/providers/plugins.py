"""Providers that come as a library of their own beside ONNX Runtime, as wheels: `onnxruntime-ep-openvino`."""

from __future__ import annotations

import importlib
import threading

import onnxruntime as ort

from afss_ros.student.errors import ProviderError

PLUGINS = {"openvino": ("onnxruntime_ep_openvino", "onnxruntime-ep-openvino")}
"""Provider -> the module that knows where the library lies, and the wheel that brings it."""
_registered: set[str] = set()
_lock = threading.Lock()


def register(provider: str, name: str) -> None:
    """Load the library of a provider into ONNX Runtime, once a process.

    Args:
        provider: a key of `PLUGINS`.
        name: of the provider in ONNX Runtime.

    Raises:
        ProviderError: the wheel is not installed, or not made for this ONNX Runtime.
    """
    module, wheel = PLUGINS[provider]
    with _lock:
        if name in _registered:
            return
        if not hasattr(ort, "register_execution_provider_library"):
            raise ProviderError(f"onnxruntime {ort.__version__} takes no plugins; install 1.24 or newer")
        try:
            path = importlib.import_module(module).get_library_path()
            ort.register_execution_provider_library(name, path)
        except ImportError as error:
            raise ProviderError(f"{name} is not installed here ({error}); pip install {wheel}") from error
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            raise ProviderError(
                f"{wheel} does not load into onnxruntime {ort.__version__}: {' '.join(str(error).split())}; install a"
                " version of both that go together"
            ) from error
        _registered.add(name)


def is_registered(name: str) -> bool:
    """Whether a provider came as a plugin, and not with ONNX Runtime itself."""
    return name in _registered


def devices(name: str) -> list[ort.OrtEpDevice]:
    """The devices that a registered provider offers, in its order."""
    return [device for device in ort.get_ep_devices() if device.ep_name == name]
