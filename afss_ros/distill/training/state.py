"""Everything that the next training step depends on, and its way to disk and back."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from afss_ros import datasets
from afss_ros.distill.data.batches import BatchStream, read_sets, statistics, validation_samples
from afss_ros.distill.data.survey import require_craft, survey
from afss_ros.distill.data.weights import require_score
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe, parse
from afss_ros.distill.training import checkpoint, precision, schedule
from afss_ros.distill.training.averaging import Average
from afss_ros.distill.training.freeze import freeze
from afss_ros.distill.training.learning import unlearned, warnings_of
from afss_ros.distill.training.processes import Place
from afss_ros.distill.training.soft import SoftTeacher
from afss_ros.distill.training.task import Statistics, Task

_LOG = logging.getLogger(__name__)
HEADS = ("box.", "craft.")
"""What weights to start from may lack, or have for nothing: label maps do without."""


class RunState:
    """Everything that the next step depends on."""

    def __init__(self, recipe: Recipe, place: Place, samples: Sequence[datasets.Sample], task: Task) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.place = place
        self.task = task
        self.samples = samples
        require_score(samples, recipe.distillation.weight_by)
        self.survey = survey(samples, recipe.student.parts)
        if recipe.distillation.teacher is None:
            require_craft(self.survey, recipe.data.train)
        self.validation = validation_samples(recipe.data, recipe.student.parts)
        self.teacher = SoftTeacher.of(recipe, place.device)
        self.before = SoftTeacher.before(recipe, place.device) if task.learns_label_maps else None
        network, known, before = _initial_network(recipe, task)
        self.unlearned = unlearned(self.survey, recipe, before)
        if task.learns_label_maps and place.writes:
            for sentence in warnings_of(self.survey, recipe, self.unlearned, before):
                _LOG.warning("%s", sentence)
        self.network: nn.Module = network.to(place.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.frozen = freeze(self.network, recipe.optimiser.frozen)
        self.average = Average(self.network, recipe.optimiser.ema)
        self.optimiser = torch.optim.AdamW(parameter_groups(self.network, recipe), fused=True)
        self.dtype = precision.resolve(recipe.precision, place.device)
        self.scaler = torch.amp.GradScaler(place.device.type, enabled=self.dtype == torch.float16)
        # Weights that learned something know one range of values; what starts from noise is best served by the data's.
        self.statistics = known or statistics(samples, recipe.data.statistics_images)
        self.step = 0
        self.seconds = 0.0
        self.threads = 0
        self.best = -1.0
        self.history: list[dict[str, Any]] = []
        self.stream = BatchStream(len(samples), recipe.batch, recipe.seed, 0, place.rank, place.world)

    @classmethod
    def begin(cls, recipe: Recipe, run: Path, place: Place, task: Task) -> RunState:
        """The state of a new run, or of the one that `run` holds.

        Raises:
            DistillError: `run` holds a run of another recipe, or the recipe cannot be carried out.
        """
        state = cls(recipe, place, read_sets(recipe.data.train, recipe.data.train_split, recipe.student.parts), task)
        if (run / "last.pt").exists():
            state._restore(checkpoint.load(run / "last.pt"), run)
        return state

    @property
    def done(self) -> float:
        """The share of the budget that is used up."""
        steps = self.stream.steps_per_epoch
        seconds = self.place.agree(self.seconds)
        return schedule.progress(self.recipe.budget, step=self.step, steps_per_epoch=steps, seconds=seconds)

    def save(self, run: Path) -> None:
        """Write `last.pt`."""
        checkpoint.save(
            run / "last.pt",
            {
                "recipe": self.recipe.model_dump(mode="json"),
                "network": self.network.state_dict(),
                "average": self.average.network.state_dict(),
                "average_updates": self.average.updates,
                "optimiser": self.optimiser.state_dict(),
                "scaler": self.scaler.state_dict(),
                "statistics": self.statistics,
                "step": self.step,
                "seconds": self.seconds,
                "threads": self.threads,
                "best": self.best,
                "history": self.history,
                "rng": torch.get_rng_state(),
                "data": _fingerprint(self.samples),
            },
        )

    def _restore(self, saved: dict[str, Any], run: Path) -> None:
        ours = self.recipe.model_dump(mode="json")
        # Parsed again, a recipe from before a key existed has that key's default, which is what it was trained with.
        before = parse(saved["recipe"], where=f"the recipe in {run}").model_dump(mode="json")
        changed = [k for k in ours if ours[k] != before[k] and k not in ("checkpoint_minutes", "note")]
        if changed:
            raise DistillError(
                f"{run}: holds a run of another recipe ({', '.join(changed)} differ); choose another --out"
            )
        begun_with, now = saved.get("data"), _fingerprint(self.samples)
        if begun_with not in (None, now):
            _LOG.warning(
                "%s: its sets are not what they were when this run was begun (%s samples, now %s): it goes on with"
                " other data, and gives other weights than a run that begins with these", run, begun_with[0], now[0],
            )  # fmt: skip
        self.network.load_state_dict(saved["network"])
        self.average.network.load_state_dict(saved["average"])
        self.average.updates = saved["average_updates"]
        self.optimiser.load_state_dict(saved["optimiser"])
        self.scaler.load_state_dict(saved["scaler"])
        self.statistics = saved["statistics"]
        self.step, self.seconds, self.best = saved["step"], saved["seconds"], saved["best"]
        self.threads = saved.get("threads", 0)
        self.history = saved["history"]
        torch.set_rng_state(saved["rng"])
        _LOG.info("%s: continues at step %d", run, self.step)


def _fingerprint(samples: Sequence[datasets.Sample]) -> list[Any]:
    """How many samples there are, and a hash of their keys and of what is known of them."""
    facts = ((s.key, s.labels is None, None if s.instances is None else len(s.instances), s.parts) for s in samples)
    return [len(samples), hashlib.sha256(repr(list(facts)).encode(errors="backslashreplace")).hexdigest()]


def _initial_network(recipe: Recipe, task: Task) -> tuple[nn.Module, Statistics | None, checkpoint.Trained | None]:
    """The network before its first step, the normalisation that its weights were trained with, and what they come
    from, if they were."""
    if recipe.student.initial is None:
        return task.build(recipe.student), task.own_statistics(recipe.student), None
    trained = checkpoint.load_best(recipe.student.initial)
    network = task.build(recipe.student.model_copy(update={"encoder_weights": None}))
    try:
        mismatch = network.load_state_dict(trained.weights, strict=False)
    except RuntimeError as err:
        raise DistillError(f"{recipe.student.initial}: its weights do not fit {recipe.student.name}: {err}") from err
    if foreign := [k for k in (*mismatch.missing_keys, *mismatch.unexpected_keys) if not k.startswith(HEADS)]:
        raise DistillError(
            f"{recipe.student.initial}: its weights do not fit {recipe.student.name}: {_some(foreign)} on one side only"
        )
    if mismatch.missing_keys:
        _LOG.warning("%s: holds no %s; they start from noise", recipe.student.initial, _some(mismatch.missing_keys))
    return network, (tuple(trained.mean), tuple(trained.std)), trained


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Parameters in groups of one peak rate and one decay each: encoder or not, weight or (bias, normalisation)."""
    options = recipe.optimiser
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        groups.setdefault((name.startswith("encoder."), parameter.ndim > 1), []).append(parameter)
    rates = {True: options.encoder_lr or options.lr, False: options.lr}
    return [
        {
            "params": g,
            "lr": rates[encoder],
            "peak": rates[encoder],
            "weight_decay": options.weight_decay if decays else 0.0,
        }
        for (encoder, decays), g in groups.items()
    ]
