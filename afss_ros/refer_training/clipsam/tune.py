"""The adaptation of SigLIP and SAM to sentences about pictures, on one GPU.

A directory is all there is of a run: killed, it goes on from there.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.files import alone, write_atomically
from afss_ros.refer.errors import ReferError
from afss_ros.refer_training.clipsam import adapter
from afss_ros.refer_training.clipsam.network import ClipSam, losses
from afss_ros.refer_training.clipsam.recipe import Large
from afss_ros.refer_training.clipsam.sentences import Asked, Pictured, fingerprint, read
from afss_ros.refer_training.schedule import eased
from afss_ros.refer_training.train import DENIED, Progress, Report

_LOG = logging.getLogger(__name__)
_CLIP = 1.0
_RECENT = 50
_STEPS_APART = 1 << 32


@dataclass
class _Run:
    recipe: Large
    network: ClipSam
    optimiser: torch.optim.Optimizer
    data: str
    base: str
    device: torch.device
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        state = {
            "recipe": self.recipe.model_dump(mode="json"),
            "learned": {name: weight.cpu() for name, weight in adapter.learned(self.network).items()},
            "base": self.base,
            "data": self.data,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "history": self.history,
        }
        adapter.save(path, state)


def tune(recipe: Large, out: Path, report: Report = lambda progress: None) -> dict[str, float]:
    """Adapt, or go on with, the run in a directory; returns its scores on the validation split.

    Raises:
        ReferError: a checkpoint cannot be loaded, the directory holds a run of another recipe, of other data or beside
            other checkpoints, or the sets cannot be used.
        DatasetError: a file cannot be read, or another process works there.
    """
    with alone(out), torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network, tokeniser = adapter.build(recipe)
        asked, long = read(recipe.data.sets, recipe.data.train_split, tokeniser)
        if long:
            _LOG.warning("%d sentences are left out: SigLIP does not read so many words at once", long)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if device.type == "cpu":
            _LOG.warning("torch sees no GPU: this runs on the CPU, where only tiny checkpoints end within a lifetime")
        base = adapter.base_sha256(network)
        network.to(device)
        optimiser = torch.optim.AdamW(_learning(network), lr=recipe.learn.rate, weight_decay=0.01)
        run = _Run(recipe, network, optimiser, fingerprint(asked), base, device)
        if (out / adapter.LAST).exists():
            _go_on(run, out / adapter.LAST)
        if run.step < recipe.learn.steps:
            _learn(run, asked, out, report)
        held_out, _ = read(recipe.data.sets, recipe.data.validation_split, tokeniser)
        scores = validate(run.network, held_out[: recipe.data.validation_sentences], recipe, device)
    run.history = [entry for entry in run.history if entry.get("part") != "validation"]
    run.history.append({"part": "validation", **scores})
    run.save(out / adapter.LAST)
    write_atomically(out / "history.json", json.dumps(run.history, indent=1).encode())
    return scores


def _learning(network: ClipSam) -> list[nn.Parameter]:
    return [p for p in network.parameters() if p.requires_grad]


def _go_on(run: _Run, path: Path) -> None:
    saved = adapter.read(path)
    told = run.recipe.model_dump(mode="json")
    if saved["recipe"] != told:
        raise ReferError(f"{path}: is a run of another recipe; choose another --out")
    if saved["data"] != run.data:
        raise ReferError(f"{path}: learned from other sentences than are in the sets now; choose another --out")
    adapter.fill(run.network, saved, path)
    run.optimiser.load_state_dict(saved["optimiser"])
    run.step, run.history = saved["step"], saved["history"]
    _LOG.info("%s: goes on at step %d", path.parent, run.step)


class _Batches:
    """Places of the sentences of every batch that is still to come; each epoch has an order of its own."""

    def __init__(self, count: int, recipe: Large, step: int) -> None:
        self._count, self._recipe = count, recipe
        self._from, self._to = step * recipe.learn.accumulate, recipe.learn.steps * recipe.learn.accumulate

    def __len__(self) -> int:
        return self._to - self._from

    def __iter__(self) -> Iterator[list[int]]:
        size, epoch, order = self._recipe.learn.batch, -1, list[int]()
        for number in range(self._from, self._to):
            batch = []
            for place in range(number * size, (number + 1) * size):
                if place // self._count != epoch:
                    epoch = place // self._count
                    order = list(range(self._count))
                    random.Random(f"{self._recipe.seed} epoch {epoch}").shuffle(order)
                batch.append(order[place % self._count])
            yield batch


def _learn(run: _Run, asked: Sequence[Asked], out: Path, report: Report) -> None:
    learn, data = run.recipe.learn, run.recipe.data
    batches = iter(
        DataLoader(
            Pictured(asked, data.size),
            batch_sampler=_Batches(len(asked), run.recipe, run.step),
            num_workers=data.workers,
            pin_memory=run.device.type == "cuda",
        )
    )
    recent: list[float] = []
    saved_at = time.monotonic()
    run.network.train()
    while run.step < learn.steps:
        torch.manual_seed(run.recipe.seed * _STEPS_APART + run.step)
        for group in run.optimiser.param_groups:
            group["lr"] = learn.rate * eased(run.step, learn.steps, learn.warm_up)
        run.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(learn.accumulate):
            with told_plainly():
                images, tokens, masks = next(batches)
            loss = _loss(run, images, tokens, masks) / learn.accumulate
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        norm = nn.utils.clip_grad_norm_(_learning(run.network), _CLIP)
        if bool(torch.isfinite(norm)):
            run.optimiser.step()
        run.step += 1
        recent = [*recent[1 - _RECENT :], total]
        mean = sum(recent) / len(recent)
        report(Progress("adapter", run.step, learn.steps, mean))
        if run.step % 100 == 0:
            run.history.append({"part": "adapter", "step": run.step, "loss": round(mean, 4)})
        if time.monotonic() - saved_at > run.recipe.checkpoint_seconds:
            run.save(out / adapter.LAST)
            saved_at = time.monotonic()
    run.save(out / adapter.LAST)


@contextmanager
def told_plainly() -> Iterator[None]:
    """What went wrong in a process that reads pictures, without the traceback that torch puts around it."""
    try:
        yield
    except (ReferError, DatasetError) as err:
        last = str(err).strip().splitlines()[-1]
        raise type(err)(last.removeprefix(f"{type(err).__module__}.{type(err).__qualname__}: ")) from None


def _loss(run: _Run, images: Tensor, tokens: Tensor, masks: Tensor) -> Tensor:
    images, tokens, masks = (part.to(run.device, non_blocking=True) for part in (images, tokens, masks))
    with adapter.autocast(run.recipe, run.device):
        drawn = run.network(images, tokens)
    return losses(type(drawn)(drawn.mask.float(), drawn.presence.float()), masks, run.recipe.learn.dice)


def validate(network: ClipSam, asked: Sequence[Asked], recipe: Large, device: torch.device) -> dict[str, float]:
    """Put the border of presence where a few in a hundred sentences that mean something are denied it, and measure.

    Returns:
        At the masks' size: mIoU of sentences that mean something, the share of them that is answered, and that of those
        which mean nothing and are told so.
    """
    network.eval()
    network.shift.zero_()
    rows: list[tuple[bool, float, float, bool]] = []
    loader = DataLoader(Pictured(asked, recipe.data.size), recipe.learn.batch, num_workers=recipe.data.workers)
    with torch.inference_mode(), adapter.autocast(recipe, device):
        batches = iter(loader)
        for _ in range(len(loader)):
            with told_plainly():
                images, tokens, masks = next(batches)
            drawn = network(images.to(device), tokens.to(device))
            logits = nn.functional.interpolate(drawn.mask.float()[:, None], size=masks.shape[1:], mode="bilinear")
            found, true = (logits[:, 0] > 0).cpu(), masks > 0.5
            both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2)).clamp(min=1)
            there, presence = true.flatten(1).any(1), drawn.presence.float().cpu()
            any_found = found.flatten(1).any(1)
            rows += list(
                zip(there.tolist(), presence.tolist(), (both / either).tolist(), any_found.tolist(), strict=True)
            )
    present = [presence for there, presence, _, _ in rows if there]
    border = float(np.quantile(present, DENIED)) if present else 0.0
    network.shift.fill_(border)
    overlaps = [iou if presence > border else 0.0 for there, presence, iou, _ in rows if there]
    answered = [presence > border and drew for there, presence, _, drew in rows if there]
    nothing = [not (presence > border and drew) for there, presence, _, drew in rows if not there]
    return {
        "miou": float(np.mean(overlaps)) if overlaps else 0.0,
        "target": float(np.mean(answered)) if answered else 0.0,
        "no_target": float(np.mean(nothing)) if nothing else 0.0,
        "sentences": float(len(rows)),
    }
