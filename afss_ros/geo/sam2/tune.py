"""SAM 2 tuned on a set of chips: a run's folder that any process can go on with, to the same weights.

Nothing random is kept between steps: what step 100 draws follows from the seed and 100. So `last.pt` is weights,
optimiser and a number. A step asks about some objects of one chip, again and again while it corrects; each answer's
gradient is taken at once, so memory holds one, however many objects and corrections there are.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from afss_ros import datasets
from afss_ros.datasets.files import write_atomically
from afss_ros.datasets.form import Sample
from afss_ros.datasets.rle import box_of
from afss_ros.distill.training import checkpoint, precision, schedule
from afss_ros.distill.training.conditions import alone
from afss_ros.distill.training.processes import Place
from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2 import losses, prompts
from afss_ros.geo.sam2.embeddings import Embeddings
from afss_ros.geo.sam2.examples import Example, Unit, example, fingerprint, objects, read, sides, units
from afss_ros.geo.sam2.network import OFFLINE, Answer, load, question
from afss_ros.geo.sam2.parts import Tuned
from afss_ros.geo.sam2.settings import Settings
from afss_ros.geo.sam2.tuned import FACTS, MODEL
from afss_ros.teacher.models.checkpoints import Access
from afss_ros.threads import limited

_LOG = logging.getLogger(__name__)
_STRONGEST = 32.0
"""Of the logits that are shown to SAM 2 as an earlier mask, as in Meta's predictor."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is, told after every step; scores after a validation alone."""

    step: int
    steps: int
    loss: float
    scores: dict[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]


def tune(
    sets: Sequence[Path], run: Path, settings: Settings, report: Report = lambda progress: None, *,
    cache: Path | None = None, keep_embeddings: bool = True, access: Access = OFFLINE, device: str = "auto",
) -> dict[str, float]:  # fmt: skip
    """Tune, or go on tuning, in the folder `run`, and return the best weights' scores on validation.

    Args:
        sets: of `afss geo chip` and `afss geo split`, with the splits train and val.
        cache: folder of embeddings; `run`/embeddings when None.
        keep_embeddings: on disk; else every step encodes its picture.

    Raises:
        GeoError: the sets have nothing to learn from, or the run is one of other settings.
        TeacherError: the checkpoint cannot be loaded.
        DatasetError, DistillError: files cannot be read or written, or another process tunes here.
    """
    place = Place.of(device)
    if place.world > 1:
        raise GeoError("tune-sam2 runs on one device; start it without torchrun")
    with alone(run), ExitStack() as scope:
        scope.enter_context(torch.random.fork_rng([place.device] if place.device.type == "cuda" else []))
        state = _State(sets, run, settings, access, place.device)
        state.threads = scope.enter_context(limited(before=state.threads))
        folder = (cache or run / "embeddings") if keep_embeddings and not state.tuned.encodes else None
        embeddings = Embeddings(state.tuned.sam2, folder)
        if not state.tuned.encodes:
            first = example(state.training[0], Unit(0, 0, 0)).picture
            embeddings.require_room(first, len(state.training) * settings.turns + len(state.validation))
        try:
            _loop(state, embeddings, report)
        except OSError as error:
            raise GeoError(f"{error.filename or run}: {error.strerror or error}; make room and run it again") from error
        return state.scores


class _State:
    """Everything that the next step depends on."""

    def __init__(
        self, sets: Sequence[Path], run: Path, settings: Settings, access: Access, device: torch.device
    ) -> None:
        torch.manual_seed(settings.seed)  # LoRA starts from noise
        self.run, self.settings, self.device = run, settings, device
        self.training = read(sets, "train")
        self.validation = _spread(read(sets, "val"), settings.validation_samples)
        self.sides = sides(self.training)
        self.units = units(self.training, settings.objects, empty=settings.bare_ground > 0)
        self.every = max(1, round(settings.validate_every * len(self.units) / settings.batch))
        self.steps = settings.iterations or max(1, round(settings.epochs * len(self.units) / settings.batch))
        sam2 = load(settings.checkpoint, settings.revision, access)
        sam2.module.to(device)
        self.facts = {"checkpoint": sam2.provenance, "library": sam2.library, **_shown(sets, self.training)}
        self.tuned = Tuned(sam2, settings.tune, settings.rank)
        if not self.tuned.encodes and "decoder" in settings.tune:
            _LOG.info(
                "the image encoder is frozen, and so are the decoder's %s, which see the picture alone: embeddings are"
                " computed once",
                " and ".join(name.rstrip(".").rpartition(".")[2] for name in sam2.projections),
            )
        self.dtype = precision.resolve(settings.precision, device)
        self.optimiser = torch.optim.AdamW(self.tuned.groups(settings.rates))
        self.step, self.seconds, self.threads, self.best = 0, 0.0, 0, -1.0
        self.scores: dict[str, float] = {}
        self.history: list[dict[str, Any]] = []
        self.recent: list[float] = []
        self.data = fingerprint(self.training)
        if (run / "last.pt").exists():
            self._restore(checkpoint.load(run / "last.pt"))

    def save(self) -> None:
        """Write `last.pt`."""
        checkpoint.save(
            self.run / "last.pt",
            {
                "settings": self.settings.to_json(),
                "checkpoint": self.facts["checkpoint"],
                "weights": self.tuned.state(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "threads": self.threads,
                "best": self.best,
                "scores": self.scores,
                "history": self.history,
                "recent": self.recent,
                "data": self.data,
            },
        )

    def _restore(self, saved: dict[str, Any]) -> None:
        ours = self.settings.to_json()
        free = ("checkpoint_minutes", "checkpoint", "revision")  # the weights' hash says which they are
        changed = [k for k in ours if k not in free and ours[k] != saved["settings"].get(k)]
        if saved["checkpoint"].get("sha256") != self.facts["checkpoint"].get("sha256"):
            changed.append("checkpoint")
        if changed:
            raise GeoError(
                f"{self.run}: holds a run of other settings ({', '.join(changed)} differ); choose another --out"
            )
        if saved["data"] != self.data:
            raise GeoError(f"{self.run}: its sets are not what they were when it was begun; choose another --out")
        self.tuned.restore(saved["weights"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.seconds, self.threads = saved["step"], saved["seconds"], saved["threads"]
        self.best, self.scores = saved["best"], saved["scores"]
        self.history, self.recent = saved["history"], saved["recent"]
        _LOG.info("%s: goes on at step %d", self.run, self.step)


def _loop(state: _State, embeddings: Embeddings, report: Report) -> None:
    settings = state.settings
    saved_at = time.perf_counter()
    while state.step < state.steps:
        began = time.perf_counter()
        factor = schedule.rate((state.step + 1) / state.steps, warmup=settings.warmup, floor=settings.floor)
        for group in state.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        state.tuned.sam2.module.train()
        state.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for number in range(settings.batch):
            total += _learn(state, embeddings, state.step * settings.batch + number) / settings.batch
        weights = [w for w in state.tuned.weights.values() if w.grad is not None]
        norm = nn.utils.clip_grad_norm_(weights, settings.clip)
        if bool(torch.isfinite(norm)):
            state.optimiser.step()
        else:
            _LOG.warning("step %d: the gradient is not finite; skipped", state.step)
        state.step += 1
        state.seconds += time.perf_counter() - began
        state.recent = [*state.recent[-49:], total]
        loss = sum(state.recent) / len(state.recent)
        scores: dict[str, float] = {}
        if state.step % state.every == 0 or state.step == state.steps:
            scores = _validate(state, embeddings, loss)
        if scores or time.perf_counter() - saved_at > 60 * settings.checkpoint_minutes:
            state.save()
            saved_at = time.perf_counter()
        report(Progress(state.step, state.steps, loss, scores))


def _learn(state: _State, embeddings: Embeddings, number: int) -> float:
    """Add the gradient of one unit, and return its loss."""
    settings, tuned = state.settings, state.tuned
    epoch, place = divmod(number, len(state.units))
    unit = state.units[int(np.random.default_rng([settings.seed, 1, epoch]).permutation(len(state.units))[place])]
    sample = state.training[unit.sample]
    rng = np.random.default_rng([settings.seed, 2, number])
    order = np.random.default_rng([settings.seed, 3, epoch, unit.sample]).permutation(len(objects(sample))).tolist()
    shown = example(sample, unit, order, int(rng.integers(settings.turns)))
    shown, boxes = with_bare_ground(shown, state.sides, round(settings.bare_ground * settings.objects), rng)
    if not len(boxes):
        return 0.0
    learning: list[Tensor] = []
    if tuned.encodes:
        with precision.autocast(state.dtype, state.device):
            learning = tuned.sam2.embed(tuned.sam2.pixels(shown.picture).to(state.device))
        # Answers' gradients gather here, and go through the encoder once.
        features = [f.detach().float().requires_grad_() for f in learning]
    else:
        features = embeddings(shown.picture)
    loss = 0.0
    rounds = 1 + int(rng.integers(settings.corrections + 1))
    by_box = bool(rng.random() < settings.box_share)
    for answer, terms in dialogue(tuned, features, shown, boxes, rounds, by_box, rng, state.dtype):
        value = torch.stack(list(terms.values())).sum() / rounds
        (value / settings.batch).backward()  # type: ignore[no-untyped-call]
        loss += float(value.detach())
        del answer, terms, value
    if learning:
        torch.autograd.backward(learning, [torch.zeros_like(f) if g.grad is None else g.grad.to(f.dtype)
                                           for f, g in zip(learning, features, strict=True)])  # fmt: skip
    return loss


def dialogue(
    tuned: Tuned, features: Sequence[Tensor], shown: Example, boxes: NDArray[np.float32], rounds: int, by_box: bool,
    rng: np.random.Generator, dtype: torch.dtype = torch.float32,
) -> Any:  # fmt: skip
    """Ask, compare, correct: yields the answer and its losses, `rounds` times."""
    size = shown.picture.shape[:2]
    device = features[0].device
    truth, known = torch.from_numpy(shown.masks).to(device), torch.from_numpy(shown.known).to(device)
    if by_box:
        asked = prompts.of_boxes(prompts.jittered(boxes, size, rng))
    else:
        points = prompts.inside(shown.masks, rng)
        empty = ~shown.masks.any(axis=(1, 2))
        points[empty] = (boxes[empty, :2] + boxes[empty, 2:]) / 2
        asked = prompts.of_points(points)
    before: Tensor | None = None
    for _ in range(rounds):
        with precision.autocast(dtype, device):
            answer = question(tuned.sam2, features, asked, size, before, several=before is None and not by_box)
        whole = answer.at(size)
        yield answer, losses.terms(whole, answer.ious.float(), answer.objects.float(), truth, known)
        best = answer.ious.argmax(dim=1)
        rows = torch.arange(len(best), device=device)
        before = answer.logits.detach()[rows, best][:, None].float().clamp(-_STRONGEST, _STRONGEST)
        found = (whole.detach()[rows, best] > 0).cpu().numpy()
        asked = asked.with_more(prompts.corrections(shown.masks, found, rng, shown.known))


def with_bare_ground(
    shown: Example, drawn_from: NDArray[np.float64], count: int, rng: np.random.Generator
) -> tuple[Example, NDArray[np.float32]]:
    """The example with up to `count` empty masks more, and the boxes (P, 4) of all: tight, or on bare ground."""
    bare = prompts.bare_ground(shown.taken, drawn_from, count, rng)
    own = np.array([box_of(mask) for mask in shown.masks], np.float32).reshape(-1, 4)
    masks = np.concatenate([shown.masks, np.zeros((len(bare), *shown.taken.shape), bool)])
    return Example(shown.picture, masks, shown.taken, shown.known), np.concatenate([own, bare])


def _validate(state: _State, embeddings: Embeddings, loss: float) -> dict[str, float]:
    scores = validate(state.tuned, state.validation, embeddings, state.settings, state.sides)
    state.history.append({"step": state.step, "minutes": round(state.seconds / 60, 2), "loss": loss, **scores})
    _LOG.info("step %d: loss %.3f, %s", state.step, loss, ", ".join(f"{k} {v:.3f}" for k, v in scores.items()))
    write_atomically(state.run / "history.json", json.dumps(state.history, indent=1).encode())
    if scores["truth_box_iou"] > state.best:
        state.best, state.scores = scores["truth_box_iou"], scores
        _publish(state)
    return scores


def validate(
    tuned: Tuned, samples: Sequence[Sample], embeddings: Embeddings, settings: Settings, drawn_from: NDArray[np.float64]
) -> dict[str, float]:
    """How good the answers are on chips that nobody learned from; the same questions at every call.

    Returns:
        `truth_box_iou`: mean IoU of the object's own box, jittered, which is more than anybody has at prediction;
        `truth_point_iou`: of one point inside; `object_accuracy`: how often the object score is right, of objects and
        of bare ground alike, 0.5 being a guess.
    """
    sam2 = tuned.sam2
    sam2.module.eval()
    device = next(sam2.module.parameters()).device
    by_box: list[float] = []
    by_point: list[float] = []
    there: list[float] = []
    bare: list[float] = []
    with torch.no_grad():
        for unit in units(samples, settings.objects):
            rng = np.random.default_rng([settings.seed, 4, unit.sample, unit.first])
            shown, boxes = with_bare_ground(
                example(samples[unit.sample], unit),
                drawn_from,
                max(1, round(settings.bare_ground * settings.objects)),
                rng,
            )
            if not len(boxes):
                continue
            size = shown.picture.shape[:2]
            features = embeddings(shown.picture)
            truth, known = torch.from_numpy(shown.masks).to(device), torch.from_numpy(shown.known).to(device)
            full = shown.masks.any(axis=(1, 2))
            answer = question(sam2, features, prompts.of_boxes(prompts.jittered(boxes, size, rng)), size)
            by_box += _ious(answer, truth, known, size)[full].tolist()
            right = (answer.objects > 0).cpu().numpy() == full
            there += right[full].tolist()
            bare += right[~full].tolist()
            if full.any():
                points = prompts.of_points(prompts.inside(shown.masks[full], rng))
                answer = question(sam2, features, points, size, several=True)
                by_point += _ious(answer, truth[torch.from_numpy(full).to(device)], known, size).tolist()
    if not by_box:
        raise GeoError("the validation chips have no object; split the set in other blocks (afss geo split --seed)")
    accuracy = np.mean([np.mean(side) for side in (there, bare) if side])
    return {
        "truth_box_iou": float(np.mean(by_box)),
        "truth_point_iou": float(np.mean(by_point)),
        "object_accuracy": float(accuracy),
    }


def _ious(answer: Answer, truth: Tensor, known: Tensor, size: tuple[int, int]) -> NDArray[np.float64]:
    """Of each question's mask that the network itself takes for best, float64 (P,)."""
    found = losses.actual_iou(answer.at(size) > 0, truth, known)
    best = answer.ious.argmax(dim=1, keepdim=True)
    return found.gather(1, best)[:, 0].double().cpu().numpy()


def _publish(state: _State) -> None:
    """Write the network as its library reads it, with what refinement must know beside it, whole or not at all."""
    final, temporary, old = (state.run / name for name in (MODEL, f".{MODEL}.new", f".{MODEL}.old"))
    for left in (temporary, old):
        shutil.rmtree(left, ignore_errors=True)
    state.tuned.sam2.save(temporary, state.tuned.plain())
    facts = {**state.facts, "settings": state.settings.to_json(), "step": state.step, "scores": state.scores}
    write_atomically(temporary / FACTS, json.dumps(facts, indent=1).encode())
    if final.exists():
        final.rename(old)
    temporary.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _shown(sets: Sequence[Path], samples: Sequence[Sample]) -> dict[str, Any]:
    """How the pictures of the sets came about, which must be so at prediction too."""
    found = [datasets.load(root).provenance.get("geo") for root in sets]
    known = [geo for geo in found if isinstance(geo, dict) and "stretch" in geo]
    if any(geo["stretch"] != known[0]["stretch"] or geo.get("bands") != known[0].get("bands") for geo in known):
        raise GeoError(
            "the sets are stretched differently, or of other bands; cut them with one stretch: afss geo chip --stretch"
        )
    sizes = [max(s.width, s.height) for s in samples]
    return {"size": int(np.median(sizes)), "geo": known[0] if known else None}


def _spread(samples: list[Sample], most: int) -> list[Sample]:
    if len(samples) <= most:
        return samples
    return [samples[round(i * (len(samples) - 1) / max(1, most - 1))] for i in range(most)]
