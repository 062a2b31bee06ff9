"""A session's input and outputs in the device's own memory, allocated once: what a CUDA graph asks for.

Bound to the host's memory, ONNX Runtime copies each frame to the device and back by itself, from pages that may be
swapped. Here the copies are ours: through page-locked memory where the provider offers it, by one call where this ONNX
Runtime has one, else as it can. On a provider whose device is the processor the same code runs, which is how it is
tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from afss_ros.student.contract import DTYPES

_MEMORY = {"tensorrt": "cuda", "cuda": "cuda"}
"""What ONNX Runtime calls the memory of a provider's device; the others compute in the processor's."""


class DeviceBoundSession:
    """A session with all its tensors bound to device memory.

    Not thread-safe: `outputs` is overwritten by every `run`.

    Args:
        provider: that it runs on, as in `runtime.PROVIDERS`.
        device_id: which of its devices.
        device: the same as ONNX Runtime lists it, where it does: whose page-locked memory is asked for.
    """

    def __init__(
        self, session: ort.InferenceSession, provider: str, device_id: int = 0, device: Any | None = None
    ) -> None:
        memory = _MEMORY.get(provider, "cpu")
        where = (memory, device_id if memory != "cpu" else 0)
        self._session = session
        self._binding = session.io_binding()
        image = session.get_inputs()[0]
        self._input = ort.OrtValue.ortvalue_from_shape_and_type(image.shape, DTYPES[image.type], *where)
        self._input_name: str = image.name
        self._staged = _page_locked(image.shape, DTYPES[image.type], device)
        self.outputs: dict[str, NDArray[Any]] = {}
        self._on_device: list[ort.OrtValue] = []
        self._on_host: list[ort.OrtValue] = []
        for output in session.get_outputs():
            kind = DTYPES[output.type]
            value = ort.OrtValue.ortvalue_from_shape_and_type(output.shape, kind, *where)
            self._binding.bind_ortvalue_output(output.name, value)
            locked = _page_locked(output.shape, kind, device)
            array = locked[1] if locked else np.zeros(output.shape, kind)
            self._on_device.append(value)
            self._on_host.append(locked[0] if locked else ort.OrtValue.ortvalue_from_numpy(array))
            self.outputs[output.name] = array
        self.page_locked = self._staged is not None
        self._in_one_call = self._copies_in_one_call()

    def run(self, image: NDArray[np.uint8]) -> Mapping[str, NDArray[Any]]:
        """Run the network on `image`, uint8 (H, W, 3), contiguous, of the network's size."""
        if self._staged is None:
            self._input.update_inplace(image[None])
        else:
            value, array = self._staged
            array[0] = image
            self._input.update_inplace(value)
        # Binding is when ONNX Runtime copies a value to where the provider wants it; bound once, the first frame would
        # be seen for ever. What is there already, as on CUDA, is not copied, and keeps the address that a graph has.
        self._binding.bind_ortvalue_input(self._input_name, self._input)
        self._binding.synchronize_inputs()
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        self._fetch()
        return self.outputs

    def _fetch(self) -> None:
        if self._in_one_call:
            ort.copy_tensors(self._on_device, self._on_host)
            return
        for value, array in zip(self._on_device, self.outputs.values(), strict=True):
            array[...] = value.numpy()

    def _copies_in_one_call(self) -> bool:
        """Whether this ONNX Runtime copies from this device into memory of ours."""
        try:
            ort.copy_tensors(self._on_device, self._on_host)
        except Exception:  # it has no such call, or knows no way from this device
            return False
        return True


def _page_locked(shape: list[int], kind: type, device: Any | None) -> tuple[ort.OrtValue, NDArray[Any]] | None:
    """Memory that the device can reach by itself, and the same as an array; None where none is offered."""
    try:
        info = device and device.memory_info(ort.OrtDeviceMemoryType.HOST_ACCESSIBLE)
        if not info:
            return None
        value = ort.OrtValue.ortvalue_from_shape_and_type(shape, kind, memory_info=info)
        array = value.numpy()
    except Exception:  # an older ONNX Runtime, or a provider that lists memory which it does not hand out
        return None
    return (value, array) if array.ctypes.data == value.data_ptr() and array.flags.writeable else None
