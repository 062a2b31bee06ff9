"""The training of a referring network: first its eyes, from masks, then its reader, from what the eyes see.

A directory is all there is of a run: killed, it goes on from there, to the same weights as one that was never killed.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from afss_ros.datasets.files import alone, write_atomically
from afss_ros.refer.errors import ReferError
from afss_ros.refer.reading import tokens as words_of
from afss_ros.refer.vocabulary import Vocabulary
from afss_ros.refer_training import data as sets
from afss_ros.refer_training.data import Example
from afss_ros.refer_training.facts import Facts
from afss_ros.refer_training.network import ReferNetwork, choose
from afss_ros.refer_training.reader import Verdict
from afss_ros.refer_training.recipe import Recipe, parse
from afss_ros.refer_training.run import BEST, LAST, Run, fill, founded, load
from afss_ros.refer_training.schedule import eased
from afss_ros.refer_training.sight import Remembered, read
from afss_ros.refer_training.steps import eyes_step, look, reader_step
from afss_ros.refer_training.student_eyes import StudentEyes

_LOG = logging.getLogger(__name__)
_WARMUP = 100
_CLIP = 1.0
DENIED = 0.06
"""Of the sentences that mean something, those that may be taken to mean nothing."""


@dataclass(frozen=True)
class Progress:
    """Told after every step: the part that learns, its step of how many, and the recent loss."""

    part: str
    step: int
    of: int
    loss: float


Report = Callable[[Progress], None]


def train(recipe: Recipe, out: Path, report: Report = lambda progress: None) -> dict[str, float]:
    """Train, or go on with, the run in a directory; returns the scores of its weights.

    Raises:
        ReferError: the directory holds a run of another recipe or of other data, or the sets cannot be used.
        DatasetError: a file cannot be read, or another process trains there.
    """
    with alone(out):
        return _train(recipe, out, report)


def _train(recipe: Recipe, out: Path, report: Report) -> dict[str, float]:
    nouns, examples = sets.load(recipe.data, recipe.data.train_split)
    examples = [example for example in examples if len(example.classes)]
    vocabulary = Vocabulary.of([text for example in examples for text in example.texts])
    with torch.random.fork_rng([]), ExitStack() as kept:
        torch.manual_seed(recipe.seed)
        foundation, weights = read(recipe.eyes.student) if recipe.eyes.student else (None, {})
        network = ReferNetwork(recipe, nouns, vocabulary, foundation)
        optimiser = _optimiser(network.eyes, recipe.eyes.rate)
        run = Run(recipe, nouns, vocabulary, network, optimiser, sets.fingerprint(examples), foundation=foundation)
        remembered = None
        if isinstance(network.eyes, StudentEyes):
            network.eyes.sight.fill(weights)
            pictures = [example.image for example in examples]
            remembered = kept.enter_context(Remembered(network.eyes.sight, pictures, out))
        if (out / LAST).exists():
            _go_on(run, out / LAST)
        if run.part == "eyes":
            _learn(run, out, report, lambda step: eyes_step(run, examples, step, remembered))
            network.eyes.together.copy_(torch.from_numpy(sets.together(examples, len(nouns))))
            run.part, run.step = "reader", 0
            run.optimiser = _optimiser(network.reader, recipe.reader.rate)
            run.save(out / LAST)
        if run.step < run.steps:
            cached = look(network, examples, remembered)
            _learn(run, out, report, lambda step: reader_step(run, examples, cached, step))
        _, held_out = sets.load(recipe.data, recipe.data.validation_split, nouns)
        asked = list(questions(network, vocabulary, held_out, recipe.data.validation_sentences))
        calibrate(network, asked)
        scores = validate(network, asked)
    run.history = [entry for entry in run.history if entry["part"] != "validation"]
    run.history.append({"part": "validation", **scores})
    run.save(out / LAST)
    run.save(out / BEST)
    write_atomically(out / "history.json", json.dumps(run.history, indent=1).encode())
    return scores


def _optimiser(part: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW([p for p in part.parameters() if p.requires_grad], lr=rate, weight_decay=0.01)


def _go_on(run: Run, path: Path) -> None:
    saved = load(path)
    ours, theirs = run.recipe.model_dump(mode="json"), parse(saved["recipe"], str(path)).model_dump(mode="json")
    if changed := [key for key in ours if ours[key] != theirs[key] and key != "checkpoint_seconds"]:
        raise ReferError(f"{path}: a run of another recipe ({', '.join(changed)} differ); choose another --out")
    if saved["data"] != run.data:
        raise ReferError(f"{path}: its sets are not what they were when the run began; choose another --out")
    if (before := founded(saved, path)) != run.foundation:
        told = "no student" if before is None else f"the student {before.sha256[:12]}"
        raise ReferError(f"{path}: its eyes stand on {told}, not on {run.recipe.eyes.student}; choose another --out")
    fill(run.network, saved, path)
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
        for group in run.optimiser.param_groups:
            group["lr"] = rate * eased(run.step, run.steps, _WARMUP)
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


@dataclass(frozen=True, eq=False)
class Question:
    """What was asked of one picture.

    Attributes:
        example: the picture.
        kept: numbers of those of its sentences that can be read; may be none.
        tokens: int64 (1, S, L) of them.
        facts: of the things that the eyes see.
        masks: bool (K, h, w) of these things.
    """

    example: Example
    kept: list[int]
    tokens: Tensor
    facts: Facts
    masks: NDArray[np.bool_]


def questions(network: ReferNetwork, vocabulary: Vocabulary, examples: list[Example], most: int) -> Iterator[Question]:
    """What the eyes see of the examples, looked at once, and the sentences about them that can be read.

    Args:
        most: sentences, after which it ends.
    """
    network.eval()
    asked = 0
    for example in examples:
        if asked >= most:
            return
        kept = [n for n, text in enumerate(example.texts) if vocabulary.was_taught(text)]
        kept = [n for n in kept if len(words_of(example.texts[n])) <= vocabulary.length]
        if not kept:
            continue
        asked += len(kept)
        with torch.inference_mode():
            seen, facts = network.see(torch.from_numpy(example.image[None]))
        tokens = torch.from_numpy(np.stack([vocabulary.encode(example.texts[n]) for n in kept]))[None]
        valid = (facts.valid[0] > 0).numpy()
        yield Question(example, kept, tokens, facts, (seen.masks[0] > 0.5).numpy() & valid[:, None, None])


def calibrate(network: ReferNetwork, asked: list[Question]) -> None:
    """Put the border of presence where a few in a hundred sentences that mean something are denied it.

    Sentences that mean nothing are rare, so a network that says of all that they mean something errs seldom: where its
    own even chance lies says nothing of what it can tell apart.
    """
    network.reader.shift.zero_()
    present = []
    for question in asked:
        presence = _verdict(network, question).presence[0]
        present += [presence[row].item() for row, n in enumerate(question.kept) if question.example.targets[n]]
    if present:
        network.reader.shift.fill_(float(np.quantile(present, DENIED)))


def validate(network: ReferNetwork, asked: list[Question]) -> dict[str, float]:
    """At the masks' size: mIoU of sentences that mean something, the share of them that is answered, and that of those
    which mean nothing and are told so.
    """
    overlaps: list[float] = []
    nothing: list[bool] = []
    answered: list[bool] = []
    for question in asked:
        chosen = (choose(_verdict(network, question))[0][0] > 0).numpy()
        for row, number in enumerate(question.kept):
            mine = question.masks[chosen[row]].any(0)
            targets = list(question.example.targets[number])
            if not targets:
                nothing.append(not mine.any())
                continue
            true = (question.example.masks[targets] > 127).any(0)
            answered.append(bool(mine.any()))
            overlaps.append(int((mine & true).sum()) / max(1, int((mine | true).sum())))
    return {
        "miou": float(np.mean(overlaps)) if overlaps else 0.0,
        "target": float(np.mean(answered)) if answered else 0.0,
        "no_target": float(np.mean(nothing)) if nothing else 0.0,
        "sentences": float(len(overlaps) + len(nothing)),
    }


def _verdict(network: ReferNetwork, question: Question) -> Verdict:
    with torch.inference_mode():
        verdict: Verdict = network.reader(question.facts, question.tokens)
    return verdict
