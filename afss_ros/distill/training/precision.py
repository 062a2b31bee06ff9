"""Which number format a step computes in, on which device."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from afss_ros.distill.errors import DistillError


def resolve(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of autocast for a recipe's `precision`; float32 means no autocast.

    On a CPU, `auto` is float32: a depthwise convolution's gradient in bfloat16 takes ten times as long, tile
    multiplication (AMX) or not, and the encoders that fly are made of them (a step of fpn-efficientnet-lite0 took 1.8
    times as long on a Xeon with AMX, 1.2 times on an EPYC without). A network of dense convolutions may gain by asking.

    Raises:
        DistillError: fp16 on a CPU, whose gradients underflow without hardware help.
    """
    if precision == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        return torch.float32
    if precision == "fp16" and device.type == "cpu":
        raise DistillError("precision fp16 needs a GPU; use bf16, fp32 or auto on a CPU")
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[None]:
    """The context that a forward pass runs in."""
    context: AbstractContextManager[None] = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
    return context
