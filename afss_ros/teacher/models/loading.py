"""How models of `transformers` are loaded and run here: local files, safetensors, bf16 where it pays, no gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Checkpoint
from afss_ros.threads import current, limited


def device() -> str:
    """Where models run: `cuda` where there is one, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_model(kind: str, checkpoint: Checkpoint) -> Any:
    """Load a model of the class `transformers.<kind>`, ready for inference.

    Raises:
        TeacherError: this transformers has no such class, or the folder is no such model.
    """
    return _load(kind, checkpoint, use_safetensors=True).to(device()).eval()


def load_processor(kind: str, checkpoint: Checkpoint) -> Any:
    """Load the processor that belongs to a model; errors as `load_model`."""
    return _load(kind, checkpoint)


def _load(kind: str, checkpoint: Checkpoint, **options: Any) -> Any:
    loader = getattr(transformers, kind, None)
    if loader is None:
        raise TeacherError(
            f"transformers {transformers.__version__} has no {kind}; upgrade it: pip install -U transformers"
        )
    try:
        return loader.from_pretrained(checkpoint.path, local_files_only=True, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise TeacherError(f"{checkpoint.path} cannot be loaded as {kind}: {error}") from error


@contextmanager
def inference() -> Iterator[None]:
    """No gradients, and no more threads than the work around it has chosen, which may have been before torch came."""
    with torch.inference_mode(), limited(current() or torch.get_num_threads()):
        yield


def precision_of(wanted: str) -> str:
    """The precision to compute in, `fp32` or `bf16`; `auto` is bf16 where this machine is faster with it.

    That is any GPU, and a CPU with bf16 instructions (AVX512-BF16, AMX). Boxes move by a fraction of a pixel.

    Raises:
        TeacherError: `wanted` is none of the three.
    """
    if wanted not in ("auto", "fp32", "bf16"):
        raise TeacherError(f"precision must be auto, fp32 or bf16, got '{wanted}'")
    if wanted != "auto":
        return wanted
    return "bf16" if device() == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported() else "fp32"


def computing(precision: str) -> Any:
    """A context in which matrix products and convolutions are computed in `precision`, weights staying as they are."""
    return torch.autocast(device(), torch.bfloat16, enabled=precision == "bf16")


def by_size(images: Sequence[NDArray[np.uint8]]) -> list[list[int]]:
    """Indices of images that can share a batch: padding one size to another changes what a detector sees."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(image.shape, []).append(index)
    return list(groups.values())


def to_numpy(tensor: Any) -> NDArray[np.float32]:
    """A tensor on any device, of any float type, as float32."""
    return np.asarray(tensor.detach().float().cpu().numpy(), np.float32)
