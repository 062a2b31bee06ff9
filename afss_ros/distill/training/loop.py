"""The training loop: a recipe and a directory in, checkpoints, curves and sheets out.

Run it again on the same directory and it continues where it was; with a budget of iterations or epochs, to the same
weights as a run that was never interrupted.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from afss_ros import datasets
from afss_ros.datasets.files import write_atomically
from afss_ros.distill import recipe as recipes
from afss_ros.distill.data.batches import batches_of, training_loader
from afss_ros.distill.data.normalisation import Normalise
from afss_ros.distill.losses.partial import in_doubt
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint, pictures, precision, schedule
from afss_ros.distill.training.allocator import kept_memory
from afss_ros.distill.training.conditions import outer_conditions
from afss_ros.distill.training.freeze import hold
from afss_ros.distill.training.processes import join
from afss_ros.distill.training.state import RunState
from afss_ros.distill.training.stopping import Request, StoppedError, listening
from afss_ros.distill.training.task import Segmentation, Task
from afss_ros.threads import limited

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """Where a run is, told after every step: share of the budget, step, mean recent loss, images per second, scores."""

    done: float
    step: int
    loss: float
    images_per_second: float
    scores: dict[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]


def train(
    recipe: Recipe, run: Path, report: Report | None = None, *, device: str = "auto", task: Task | None = None
) -> checkpoint.Trained:
    """Train, or continue, the run in directory `run`, and return its best weights.

    Args:
        task: the kind of student; a segmentation network when not given.

    Raises:
        DistillError: the run belongs to another recipe, or the recipe cannot be carried out.
        DatasetError: a data set cannot be read.
        StoppedError: somebody asked for it by Ctrl-C or SIGTERM; `last.pt` holds every step that was made.
    """
    run.mkdir(parents=True, exist_ok=True)
    with join(device) as place, ExitStack() as scope:
        on_gpu = place.device.type == "cuda"
        scope.enter_context(torch.random.fork_rng([place.device] if on_gpu else []))
        if not on_gpu:
            scope.enter_context(kept_memory())
        state = RunState.begin(recipe, run, place, task or Segmentation())
        if place.writes:
            write_atomically(run / "recipe.yaml", recipes.dump(recipe).encode())
        state.threads = scope.enter_context(limited(before=state.threads))
        _LOG.debug("%d threads", state.threads)
        scope.enter_context(outer_conditions(recipe, run))
        request = scope.enter_context(listening())
        stream = replace(state.stream, start=state.step)
        batches = scope.enter_context(batches_of(training_loader(state.samples, recipe, stream, state.task.example)))
        board = None
        if place.writes:
            board = scope.enter_context(SummaryWriter(str(run / "tensorboard"), purge_step=state.step + 1))
        _loop(state, run, batches, board, report or (lambda progress: None), request)
    return checkpoint.load_best(run)


def _loop(
    state: RunState,
    run: Path,
    batches: Iterator[Mapping[str, Any]],
    board: SummaryWriter | None,
    report: Report,
    request: Request,
) -> None:
    recipe, place = state.recipe, state.place
    normalise = Normalise(*state.statistics).to(place.device)
    network = state.network
    shared: nn.Module = place.share(network)
    forward: Any = torch.compile(shared) if recipe.compile else shared
    every = max(1, round(recipe.validate_every * state.stream.steps_per_epoch))
    recent: list[float] = []
    saved_at = state.seconds
    done = state.done
    while done < 1:
        began = time.perf_counter()
        try:
            batch = next(batches)
        except RuntimeError:
            if not request.number:  # else Ctrl-C has ended the processes that load, too
                raise
            _stop(state, run, request.number)
        terms = _step(state, forward, normalise, batch, done)
        state.step += 1
        state.seconds += time.perf_counter() - began
        done = state.done
        recent = [*recent[-49:], sum(terms.values())]
        loss = sum(recent) / len(recent)
        speed = recipe.batch * place.world / (time.perf_counter() - began)
        scores: dict[str, float] = {}
        if place.writes and board is not None:
            if state.step % 20 == 0:
                for name, value in {**terms, "total": loss}.items():
                    board.add_scalar(f"loss/{name}", value, state.step)
                board.add_scalar("rate", state.optimiser.param_groups[0]["lr"], state.step)
            if state.step % every == 0 or done >= 1:
                scores = _validate(state, normalise, run, loss, board)
                state.save(run)
                saved_at = state.seconds
            elif state.seconds - saved_at > 60 * recipe.checkpoint_minutes:
                state.save(run)
                saved_at = state.seconds
            report(Progress(done, state.step, loss, speed, scores))
        if done < 1 and (number := int(place.agree(request.number))):
            _stop(state, run, number)


def _stop(state: RunState, run: Path, number: int) -> NoReturn:
    """Keep what there is, and leave."""
    if state.place.writes:
        state.save(run)
    raise StoppedError(f"stopped at step {state.step}; {run} holds it, and the same command goes on", number)


def _step(
    state: RunState, forward: Any, normalise: Normalise, batch: Mapping[str, Any], done: float
) -> dict[str, float]:
    options, place = state.recipe.optimiser, state.place
    factor = schedule.rate(done, warmup=options.warmup, floor=options.floor)
    for group in state.optimiser.param_groups:
        group["lr"] = group["peak"] * factor
    state.network.train()
    hold(state.frozen)
    image = normalise(batch["image"].to(place.device, non_blocking=True))
    with precision.autocast(state.dtype, place.device):
        found = forward(image)
    soft = None if state.teacher is None else state.teacher(batch["image"], state.dtype)
    # Most sets tell every part of every image: nothing is in doubt, and nothing to be asked of the first weights.
    before = None
    if state.before is not None and bool(in_doubt(batch["labels"]).any()):
        before = state.before(batch["image"], state.dtype)
    terms = state.task.losses(found, batch, state.recipe, soft, before)
    total = torch.stack(list(terms.values())).sum()
    state.optimiser.zero_grad(set_to_none=True)
    state.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
    state.scaler.unscale_(state.optimiser)
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), options.clip)
    if bool(torch.isfinite(norm)) or state.scaler.is_enabled():
        state.scaler.step(state.optimiser)
        state.average.update(state.network)
    else:
        _LOG.warning("step %d: the gradient is not finite; skipped", state.step)
    state.scaler.update()
    return {name: float(term.detach()) for name, term in terms.items()}


def _validate(state: RunState, normalise: Normalise, run: Path, loss: float, board: SummaryWriter) -> dict[str, float]:
    recipe = state.recipe
    network = state.average.network if recipe.optimiser.ema else state.network
    scores, shown = state.task.validate(network, normalise, state.validation, recipe, state.dtype)
    entry = {"step": state.step, "minutes": round(state.seconds / 60, 2), "loss": loss, **scores}
    state.history.append(entry)
    _LOG.info("step %d: %s", state.step, ", ".join(f"{k} {v:.3f}" for k, v in scores.items()))
    for name, value in scores.items():
        board.add_scalar(f"validation/{name}", value, state.step)
    if scores["score"] > state.best:
        state.best = scores["score"]
        checkpoint.save_best(run, _trained(state, network, scores))
    write_atomically(run / "history.json", json.dumps(state.history, indent=1).encode())
    (run / "sheets").mkdir(exist_ok=True)
    pictures.write_sheet(run / "sheets" / f"step-{state.step:06d}.jpg", shown)
    pictures.write_curves(run / "curves.png", state.history)
    return scores


def _trained(state: RunState, network: nn.Module, scores: dict[str, float]) -> checkpoint.Trained:
    mean, std = state.statistics
    return checkpoint.Trained(
        recipe=state.recipe.model_dump(mode="json"),
        weights=network.state_dict(),
        mean=mean,
        std=std,
        metrics=scores,
        step=state.step,
        samples=len(state.samples),
        provenance={str(p): datasets.load(p).provenance for p in state.recipe.data.train},
        unlearned=state.unlearned,
    )
