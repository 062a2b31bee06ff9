"""Which weights of SAM 2 are tuned, and at which rate each: the decoder, unless more is asked for."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2.network import Sam2

TUNABLE = ("decoder", "prompt", "image", "lora")
"""The mask decoder; the prompt encoder; the image encoder; small matrices beside the image encoder's attention."""
_BLOCK = re.compile(r"\.blocks\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Rates:
    """Peak learning rates of AdamW.

    Attributes:
        decoder: of the decoder, the prompt encoder and LoRA.
        image: of the image encoder's last block.
        layer_decay: factor from each of its blocks to the one before.
        weight_decay: of matrices and kernels; biases and normalisation have none.
    """

    decoder: float = 1e-4
    image: float = 3e-6
    layer_decay: float = 0.9
    weight_decay: float = 0.1


class Tuned:
    """A SAM 2 of which chosen weights learn.

    Args:
        sam2: as `network.load` gives it; its other weights are frozen.
        tune: some of `TUNABLE`.
        rank: of LoRA's matrices (arXiv 2106.09685).

    Attributes:
        encodes: whether the image encoder learns, so that embeddings cannot be kept.
    """

    def __init__(self, sam2: Sam2, tune: Sequence[str], rank: int = 8) -> None:
        if not tune or (unknown := [name for name in tune if name not in TUNABLE]):
            raise GeoError(f"what is tuned is some of {', '.join(TUNABLE)}, got {', '.join(tune) or 'nothing'}")
        if "image" in tune and "lora" in tune:
            raise GeoError("lora stands for a frozen image encoder, image for one that learns; choose one of the two")
        assert not unknown
        self.sam2 = sam2
        self.encodes = bool({"image", "lora"} & set(tune))
        self._adapter = None
        begin = tuple(b for name in tune if name != "lora" for b in sam2.parts[name])
        for name, weight in sam2.module.named_parameters():
            learns = name.startswith(begin)
            if not self.encodes and name.startswith(sam2.projections):
                learns = False  # they see the picture alone; embeddings are kept behind them
            weight.requires_grad_(learns)
        if "lora" in tune:
            peft = _peft()
            config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=sam2.attention, lora_dropout=0.0)
            learning = [w for w in sam2.module.parameters() if w.requires_grad]
            self._adapter = peft.get_peft_model(sam2.module, config)
            for weight in learning:  # which peft has frozen
                weight.requires_grad_(True)

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """Those that learn, by name."""
        return {name: weight for name, weight in self.sam2.module.named_parameters() if weight.requires_grad}

    def state(self) -> dict[str, Tensor]:
        """Copies of those that learn, on the processor."""
        return {name: weight.detach().cpu().clone() for name, weight in self.weights.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`.

        Raises:
            GeoError: the state is of other weights.
        """
        own = self.weights
        if own.keys() != state.keys() or any(own[name].shape != value.shape for name, value in state.items()):
            raise GeoError("the checkpoint's weights are those of another SAM 2; choose another --out")
        with torch.no_grad():
            for name, value in state.items():
                own[name].copy_(value)

    def plain(self) -> nn.Module:
        """The network as its library knows it, LoRA's matrices added into what they stand beside.

        A copy where there are such; else the network itself.
        """
        if self._adapter is None:
            return self.sam2.module
        merged: nn.Module = copy.deepcopy(self._adapter).merge_and_unload()
        return merged

    def groups(self, rates: Rates) -> list[dict[str, Any]]:
        """Groups for an optimiser, one for each rate and decay; `peak` is the rate that a schedule counts from."""
        begin = self.sam2.parts["image"]
        names = list(self.weights)
        blocks = [int(m.group(1)) for n in names if n.startswith(begin[0]) and (m := _BLOCK.search(n))]
        depth = max(blocks, default=-1) + 1
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, weight in self.weights.items():
            rate = rates.decoder
            if name.startswith(begin) and "lora_" not in name:
                found = _BLOCK.search(name)
                # What comes before the first block learns slowest, the neck behind the last as that.
                after = depth - 1 - int(found.group(1)) if found else depth if "embed" in name else 0
                rate = rates.image * rates.layer_decay**after
            groups.setdefault((rate, weight.ndim > 1), []).append(weight)
        return [
            {"params": g, "lr": rate, "peak": rate, "weight_decay": rates.weight_decay if decays else 0.0}
            for (rate, decays), g in groups.items()
        ]


def _peft() -> Any:
    try:
        return importlib.import_module("peft")  # seconds to import
    except ImportError as error:
        raise GeoError(f"LoRA needs the package peft ({error}); pip install peft, or tune decoder,image") from error
