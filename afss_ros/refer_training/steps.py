"""The losses of one step: a batch of pictures for the eyes, a batch of sentences for the reader."""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from afss_ros.refer_training.data import Example
from afss_ros.refer_training.eyes import EMBEDDED, MASK_STRIDE, STRIDE, Maps
from afss_ros.refer_training.facts import Facts
from afss_ros.refer_training.losses import mask_loss, matched, named_loss, reader_loss
from afss_ros.refer_training.network import ReferNetwork, scaled
from afss_ros.refer_training.run import Run
from afss_ros.refer_training.sight import Remembered
from afss_ros.refer_training.student_eyes import StudentEyes


@dataclass
class Cached:
    """What the eyes saw of one example: facts of the things, and which of the labelled ones each is.

    Attributes:
        same: bool (K, N).
    """

    facts: Facts
    same: Tensor


def eyes_step(run: Run, examples: list[Example], step: int, remembered: Remembered | None = None) -> Tensor:
    """The loss of one batch of pictures, which are turned, mirrored and lit at random.

    Args:
        remembered: what the student that the eyes stand on makes of the examples; then they are left as they are.
    """
    rng = random.Random(f"{run.recipe.seed} eyes {step}")
    places = rng.choices(range(len(examples)), k=run.recipe.eyes.batch)
    eyes = run.network.eyes
    side, half = run.recipe.data.size // STRIDE, run.recipe.data.size // MASK_STRIDE
    images, masks, classes, cells, known = [], [], [], [], []
    most = max(len(examples[place].classes) for place in places)
    for place in places:
        example = examples[place]
        turns, mirror, gain, offset = 0, False, 1.0, 0.0
        if remembered is None:
            turns, mirror, gain, offset = (
                rng.randrange(4),
                rng.random() < 0.5,
                rng.uniform(0.8, 1.2),
                rng.uniform(-10, 10),
            )
        image, all_masks = example.image, example.masks
        things = rng.sample(range(len(example.classes)), len(example.classes))
        row, column = np.divmod(example.cells[things], side)
        if mirror:
            image, all_masks, column = image[:, ::-1], all_masks[:, :, ::-1], side - 1 - column
        for _ in range(turns):
            row, column = side - 1 - column, row
        image = np.rot90(image, turns)
        images.append(np.clip(image * gain + offset, 0, 255).astype(np.uint8))
        turned = coarser(np.rot90(all_masks[things], turns, (1, 2)), half // eyes.coarse)
        pad = most - len(things)
        masks.append(np.pad(turned, ((0, pad), (0, 0), (0, 0))))
        classes.append(np.pad(example.classes[things], (0, pad)))
        cells.append(np.pad(row * side + column, (0, pad)))
        known.append([1.0] * len(things) + [0.0] * pad)
    truth = torch.from_numpy(np.stack(masks)).float() / 255
    where, names = torch.from_numpy(np.stack(cells)), torch.from_numpy(np.stack(classes))
    there = torch.tensor(known)
    small = truth.flatten(2).sum(2) * eyes.coarse**2 < eyes.least
    loss = torch.zeros(())
    if isinstance(eyes, StudentEyes) and remembered is not None:
        levels = remembered.levels(places)
        with torch.autocast("cpu", torch.bfloat16, enabled=run.recipe.eyes.bfloat16):
            maps = Maps(*(part.float() for part in eyes.maps_on(levels)))
        loss = named_loss(maps.pixels[:, EMBEDDED:], truth, names, there)
    else:
        maps = eyes.maps(scaled(torch.from_numpy(np.stack(images))))
    loss = loss + eyes.heat_loss(maps.heat, truth, where, names, there, small)
    learned = torch.argsort((1 - there) * 2 + small.float(), dim=1, stable=True)[:, : eyes.most]
    where, names, there = (x.gather(1, learned) for x in (where, names, there))
    truth = truth[torch.arange(len(truth))[:, None], learned]
    most = where.shape[1]
    near = torch.tensor([[rng.choice((0, 0, -1, 1)) for _ in range(most * 2)] for _ in places])
    down = (torch.div(where, side, rounding_mode="floor") + near[:, :most]).clamp(0, side - 1)
    across = (where % side + near[:, most:]).clamp(0, side - 1)
    logits = eyes.masks(maps, down * side + across, names)
    return loss + 2 * mask_loss(logits, truth, there)


def coarser(masks: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Masks uint8 (N, h, w), shares of 255, with cells that take in several of theirs: (N, side, side)."""
    if masks.shape[1] == side:
        return masks
    found = [cv2.resize(np.ascontiguousarray(m), (side, side), interpolation=cv2.INTER_AREA) for m in masks]
    return np.stack([np.asarray(mask, np.uint8) for mask in found])


def look(network: ReferNetwork, examples: list[Example], remembered: Remembered | None = None) -> list[Cached]:
    """What the eyes see of every example.

    Args:
        remembered: what the student that the eyes stand on makes of the examples.
    """
    network.eval()
    found = []
    with torch.inference_mode():
        for place, example in enumerate(examples):
            levels = None if remembered is None else remembered.levels([place])
            seen, facts = network.see(torch.from_numpy(example.image[None]), levels)
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
        numbers = rng.sample(range(len(example.texts)), len(example.texts))
        numbers.sort(key=lambda number: bool(example.targets[number]))  # those that mean nothing are few: all of them
        for column, number in enumerate(numbers[:count]):
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
