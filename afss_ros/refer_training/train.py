"""The training of a referring network: first its eyes, from masks, then its reader, from what the eyes see.

A directory is all there is of a run: killed, it goes on from there, to the same weights as one that was never killed.
"""

from __future__ import annotations

import io
import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from afss_ros.datasets.files import write_atomically
from afss_ros.refer.errors import ReferError
from afss_ros.refer.vocabulary import Vocabulary
from afss_ros.refer_training import data as sets
from afss_ros.refer_training.data import Example
from afss_ros.refer_training.eyes import MASK_STRIDE, STRIDE
from afss_ros.refer_training.facts import Facts
from afss_ros.refer_training.losses import heat_loss, heat_target, mask_loss, matched, reader_loss
from afss_ros.refer_training.network import ReferNetwork, choose, scaled
from afss_ros.refer_training.recipe import Recipe, parse

_LOG = logging.getLogger(__name__)
LAST, BEST = "last.pt", "best.pt"
_WARMUP = 100
_CLIP = 1.0
_MOST_THINGS = 16
"""Masks that are learned from in one picture and step."""


@dataclass(frozen=True)
class Progress:
    """Told after every step: the part that learns, its step of how many, and the recent loss."""

    part: str
    step: int
    of: int
    loss: float


Report = Callable[[Progress], None]


@dataclass
class Cached:
    """What the eyes saw of one example: facts of the things, and which of the labelled ones each is.

    Attributes:
        same: bool (K, N).
    """

    facts: Facts
    same: Tensor


@dataclass
class Run:
    """All that the next step depends on."""

    recipe: Recipe
    nouns: tuple[str, ...]
    vocabulary: Vocabulary
    network: ReferNetwork
    optimiser: torch.optim.Optimizer
    data: str
    part: str = "eyes"
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.recipe.eyes.steps if self.part == "eyes" else self.recipe.reader.steps

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        buffer = io.BytesIO()
        torch.save(
            {
                "recipe": self.recipe.model_dump(mode="json"),
                "nouns": list(self.nouns),
                "vocabulary": self.vocabulary.to_json(),
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "data": self.data,
                "part": self.part,
                "step": self.step,
                "history": self.history,
            },
            buffer,
        )
        write_atomically(path, buffer.getvalue())


def load(path: Path) -> dict[str, Any]:
    """What `Run.save` wrote.

    Raises:
        ReferError: it is missing or broken.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        saved["recipe"], saved["network"], saved["vocabulary"], saved["nouns"]  # noqa: B018 - all of it is there
    except FileNotFoundError as err:
        raise ReferError(f"{path}: missing; train with `afss refer train CONFIG --out {path.parent}`") from err
    except Exception as err:  # torch raises many kinds for a file that is none of its own
        raise ReferError(f"{path}: is no referring network ({type(err).__name__}); train it again") from err
    return dict(saved)


def restored(path: Path) -> tuple[ReferNetwork, tuple[str, ...], Vocabulary, Recipe, dict[str, Any]]:
    """A trained network in evaluation mode, its names, words and recipe, and all that was saved with it.

    Raises:
        ReferError: see `load`.
    """
    saved = load(path)
    recipe = parse(saved["recipe"], str(path))
    vocabulary, nouns = Vocabulary.from_json(saved["vocabulary"]), tuple(saved["nouns"])
    network = ReferNetwork(recipe, nouns, vocabulary)
    network.load_state_dict(saved["network"])
    return network.eval(), nouns, vocabulary, recipe, saved


def train(recipe: Recipe, out: Path, report: Report = lambda progress: None) -> dict[str, Any]:
    """Train, or go on with, the run in a directory; returns the scores of its weights.

    Raises:
        ReferError: the directory holds a run of another recipe or of other data, or the sets cannot be used.
        DatasetError: a file cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    nouns, examples = sets.load(recipe.data, recipe.data.train_split)
    examples = [example for example in examples if len(example.classes)]
    vocabulary = Vocabulary.of([text for example in examples for text in example.texts])
    with torch.random.fork_rng([]):
        torch.manual_seed(recipe.seed)
        network = ReferNetwork(recipe, nouns, vocabulary)
        optimiser = _optimiser(network.eyes, recipe.eyes.rate)
        run = Run(recipe, nouns, vocabulary, network, optimiser, sets.fingerprint(examples))
        if (out / LAST).exists():
            _go_on(run, out / LAST)
        if run.part == "eyes":
            _learn(run, out, report, lambda step: eyes_step(run, examples, step))
            run.part, run.step = "reader", 0
            run.optimiser = _optimiser(network.reader, recipe.reader.rate)
            run.save(out / LAST)
        if run.step < run.steps:
            cached = look(network, examples)
            _learn(run, out, report, lambda step: reader_step(run, examples, cached, step))
        _, held_out = sets.load(recipe.data, recipe.data.validation_split, nouns)
        scores = validate(network, vocabulary, held_out, recipe.data.validation_sentences)
    run.history.append({"part": "validation", **scores})
    run.save(out / LAST)
    run.save(out / BEST)
    write_atomically(out / "history.json", json.dumps(run.history, indent=1).encode())
    return scores


def _optimiser(part: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(part.parameters(), lr=rate, weight_decay=0.01)


def _go_on(run: Run, path: Path) -> None:
    saved = load(path)
    ours, before = run.recipe.model_dump(mode="json"), parse(saved["recipe"], str(path)).model_dump(mode="json")
    if changed := [key for key in ours if ours[key] != before[key] and key != "checkpoint_seconds"]:
        raise ReferError(f"{path}: a run of another recipe ({', '.join(changed)} differ); choose another --out")
    if saved["data"] != run.data:
        raise ReferError(f"{path}: its sets are not what they were when the run began; choose another --out")
    run.network.load_state_dict(saved["network"])
    run.part, run.step, run.history = saved["part"], saved["step"], saved["history"]
    if run.part == "reader":
        run.optimiser = _optimiser(run.network.reader, run.recipe.reader.rate)
    run.optimiser.load_state_dict(saved["optimiser"])
    _LOG.info("%s: goes on with the %s at step %d", path.parent, run.part, run.step)


def _learn(run: Run, out: Path, report: Report, step: Callable[[int], Tensor]) -> None:
    rate = run.recipe.eyes.rate if run.part == "eyes" else run.recipe.reader.rate
    part: nn.Module = run.network.eyes if run.part == "eyes" else run.network.reader
    recent: list[float] = []
    saved_at = time.monotonic()
    while run.step < run.steps:
        done = run.step / run.steps
        factor = min(1.0, (run.step + 1) / _WARMUP) * (0.02 + 0.98 * (1 + np.cos(np.pi * done)) / 2)
        for group in run.optimiser.param_groups:
            group["lr"] = rate * float(factor)
        part.train()
        loss = step(run.step)
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(part.parameters(), _CLIP)
        if bool(torch.isfinite(norm)):
            run.optimiser.step()
        run.step += 1
        recent = [*recent[-49:], float(loss.detach())]
        mean = sum(recent) / len(recent)
        report(Progress(run.part, run.step, run.steps, mean))
        if run.step % 100 == 0:
            run.history.append({"part": run.part, "step": run.step, "loss": round(mean, 4)})
        if time.monotonic() - saved_at > run.recipe.checkpoint_seconds:
            run.save(out / LAST)
            saved_at = time.monotonic()
    run.save(out / LAST)


def eyes_step(run: Run, examples: list[Example], step: int) -> Tensor:
    """The loss of one batch of pictures, which are turned, mirrored and lit at random."""
    rng = random.Random(f"{run.recipe.seed} eyes {step}")
    chosen = rng.choices(examples, k=run.recipe.eyes.batch)
    side = run.recipe.data.size // STRIDE
    images, masks, classes, cells, known = [], [], [], [], []
    for example in chosen:
        turns, mirror = rng.randrange(4), rng.random() < 0.5
        image, all_masks = example.image, example.masks
        things = rng.sample(range(len(example.classes)), min(_MOST_THINGS, len(example.classes)))
        row, column = np.divmod(example.cells[things], side)
        if mirror:
            image, all_masks, column = image[:, ::-1], all_masks[:, :, ::-1], side - 1 - column
        for _ in range(turns):
            row, column = side - 1 - column, row
        image = np.rot90(image, turns)
        gain, offset = rng.uniform(0.8, 1.2), rng.uniform(-10, 10)
        images.append(np.clip(image * gain + offset, 0, 255).astype(np.uint8))
        turned = np.rot90(all_masks[things], turns, (1, 2))
        pad = _MOST_THINGS - len(things)
        masks.append(np.pad(turned, ((0, pad), (0, 0), (0, 0))))
        classes.append(np.pad(example.classes[things], (0, pad)))
        cells.append(np.pad(row * side + column, (0, pad)))
        known.append([1.0] * len(things) + [0.0] * pad)
    most = max(int(sum(k)) for k in known)
    picture = scaled(torch.from_numpy(np.stack(images))) * 4 - 2
    truth = torch.from_numpy(np.stack(masks)[:, :most].astype(np.float32) / 255)
    where, names = torch.from_numpy(np.stack(cells)[:, :most]), torch.from_numpy(np.stack(classes)[:, :most])
    there = torch.tensor(known)[:, :most]
    eyes = run.network.eyes
    maps = eyes.maps(picture)
    target = heat_target(truth, where, names, there, eyes.classes, side)
    near = torch.tensor([[rng.choice((0, 0, -1, 1)) for _ in range(most * 2)] for _ in chosen])
    row = (torch.div(where, side, rounding_mode="floor") + near[:, :most]).clamp(0, side - 1)
    column = (where % side + near[:, most:]).clamp(0, side - 1)
    logits = eyes.masks(maps, row * side + column, names)
    return heat_loss(maps.heat, target) + 2 * mask_loss(logits, truth, there)


def look(network: ReferNetwork, examples: list[Example]) -> list[Cached]:
    """What the eyes see of every example."""
    network.eval()
    found = []
    with torch.inference_mode():
        for example in examples:
            seen, facts = network.see(torch.from_numpy(example.image[None]))
            truth = torch.from_numpy(example.masks[None].astype(np.float32) / 255)
            there = torch.ones(1, len(example.classes))
            same = matched(seen.masks, seen.classes, facts.valid, truth, torch.from_numpy(example.classes[None]), there)
            found.append(Cached(Facts(*(x[0].clone() for x in facts)), same[0].clone()))
    return found


def _batch(
    run: Run, examples: list[Example], cached: list[Cached], places: list[int], rng: random.Random
) -> tuple[Facts, Tensor, Tensor, Tensor, Tensor]:
    """Facts, tokens, what is meant, whether anything is, and which sentences are asked."""
    facts = Facts(*(torch.stack(rows) for rows in zip(*(cached[p].facts for p in places), strict=True)))
    slots = max(1, int(facts.valid.sum(1).max()))
    order = torch.argsort(facts.valid, dim=1, descending=True, stable=True)[:, :slots]
    facts = _ordered(facts, order)
    count, length = run.recipe.reader.sentences, run.vocabulary.length
    tokens = np.zeros((len(places), count, length), np.int64)
    meant = torch.zeros(len(places), count, slots)
    present, asked = torch.zeros(len(places), count), torch.zeros(len(places), count)
    for row, place in enumerate(places):
        example, same = examples[place], cached[place].same[order[row]]
        for column, number in enumerate(rng.sample(range(len(example.texts)), min(count, len(example.texts)))):
            tokens[row, column] = run.vocabulary.encode(example.texts[number])
            asked[row, column] = 1.0
            present[row, column] = float(bool(example.targets[number]))
            if example.targets[number]:
                meant[row, column] = same[:, list(example.targets[number])].any(1).float()
    longest = int((tokens > 0).sum(2).max())
    return facts, torch.from_numpy(tokens[:, :, : max(1, longest)]), meant, present, asked


def _ordered(facts: Facts, order: Tensor) -> Facts:
    rows = torch.arange(len(order))[:, None]
    pair = facts.pair[rows[:, :, None], order[:, :, None], order[:, None]]
    return Facts(facts.valid[rows, order], facts.classes[rows, order], facts.single[rows, order], pair)


def reader_step(run: Run, examples: list[Example], cached: list[Cached], step: int) -> Tensor:
    """The loss of one batch of sentences about things as the eyes see them."""
    rng = random.Random(f"{run.recipe.seed} reader {step}")
    told = [place for place, example in enumerate(examples) if example.texts]
    places = rng.choices(told, k=run.recipe.reader.scenes)
    facts, tokens, meant, present, asked = _batch(run, examples, cached, places, rng)
    verdict = run.network.reader(facts, tokens)
    loss: Tensor = reader_loss(verdict, meant, present, facts.valid, asked)
    return loss


def validate(network: ReferNetwork, vocabulary: Vocabulary, examples: list[Example], most: int) -> dict[str, float]:
    """mIoU of sentences that mean something, and the share of those that rightly mean nothing, at the masks' size."""
    network.eval()
    overlaps: list[float] = []
    nothing: list[bool] = []
    known = set(vocabulary.words)
    with torch.inference_mode():
        for example in examples:
            if len(overlaps) + len(nothing) >= most:
                break
            kept = [n for n, text in enumerate(example.texts) if set(sets.tokens(text)) <= known]
            kept = [n for n in kept if len(sets.tokens(example.texts[n])) <= vocabulary.length]
            if not kept:
                continue
            seen, facts = network.see(torch.from_numpy(example.image[None]))
            tokens = torch.from_numpy(np.stack([vocabulary.encode(example.texts[n]) for n in kept]))[None]
            chosen, _ = choose(network.reader(facts, tokens))
            sure = (seen.masks[0] > 0.5).float()
            for row, number in enumerate(kept):
                mine = (sure * (chosen[0, row] * facts.valid[0] > 0).float()[:, None, None]).amax(0).numpy() > 0.5
                targets = list(example.targets[number])
                if not targets:
                    nothing.append(not mine.any())
                    continue
                true = (example.masks[targets] > 127).any(0)
                overlaps.append(float((mine & true).sum() / max(1, (mine | true).sum())))
    return {
        "miou": float(np.mean(overlaps)) if overlaps else 0.0,
        "no_target": float(np.mean(nothing)) if nothing else 0.0,
        "sentences": float(len(overlaps) + len(nothing)),
    }


__all__ = ["BEST", "LAST", "MASK_STRIDE", "Progress", "Run", "load", "restored", "train"]
