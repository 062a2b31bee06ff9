"""How good a resolver is on a set of sentences, by kind, and what it says where nothing is meant.

IoU of a sentence with targets is that of the answer's mask with theirs; where nothing is meant it is 1 for an empty
mask and 0 else. mIoU is its mean over sentences, oIoU the sum of intersections over the sum of unions of sentences with
targets, Pr@x the share of sentences with targets whose IoU is at least x. No-target accuracy is the share of sentences
that mean nothing which are answered with nothing, target accuracy the share of the others which are answered with
something (as in GREx).

The bar is the class word: what somebody reaches who hears the noun alone and sees the true masks. "More than the class
word" are the sentences with targets that are not all things of their noun: there only the rest of the words can help.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.pictures import read_rgb
from afss_ros.datasets.rle import decode
from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer.grammar import GrammarResolver, answer
from afss_ros.refer.network import NetworkResolver
from afss_ros.refer.parse import parse
from afss_ros.refer.resolver import Resolver, TokenResolver
from afss_ros.refer.sets.controls import Ask, of_network, of_resolver
from afss_ros.refer.sets.references import Reference, read_references, read_scenes, scene_from_json
from afss_ros.share import default_student
from afss_ros.student import Student

PRECISION_AT = (0.5, 0.6, 0.7, 0.8, 0.9)
Mask = NDArray[np.bool_]
Answers = Callable[[NDArray[np.uint8], Reference, dict[str, Any]], Mask]


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of some sentences; None where there are none that they are about."""

    sentences: int
    miou: float | None
    oiou: float | None
    precision: dict[str, float]
    no_target_accuracy: float | None
    target_accuracy: float | None
    refused: int
    class_word: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of all sentences, of each kind, of those that need more than the class word, and of the latter those
    with a word that the network was never taught.
    """

    overall: Score
    by_kind: dict[str, Score]
    needs_more: Score | None = None
    untaught: Score | None = None

    def rows(self) -> dict[str, Score]:
        """Title -> figures, as a table has them."""
        rows = {**self.by_kind, "all": self.overall}
        if self.needs_more is not None:
            rows["more than the class word"] = self.needs_more
        if self.untaught is not None:
            rows["... with words never taught"] = self.untaught
        return rows

    def to_json(self) -> str:
        kinds = {kind: asdict(score) for kind, score in self.by_kind.items()}
        more, untaught = (None if s is None else asdict(s) for s in (self.needs_more, self.untaught))
        figures = {"overall": asdict(self.overall), "needs_more": more, "untaught": untaught, "by_kind": kinds}
        return json.dumps(figures, indent=1)


@dataclass(frozen=True, slots=True)
class _One:
    intersection: int
    union: int
    meant: bool
    answered: bool
    refused: bool
    class_word: float = 0.0
    needs_more: bool = False
    untaught: bool = False

    @property
    def iou(self) -> float:
        return self.intersection / self.union if self.union else float(not self.meant)


def answers_of(name: str, model: Path | None, stack: ExitStack) -> Answers:
    """Who answers, by name: a network's .onnx; "grammar", with a student; or a bar: "truth" or "class-word".

    Args:
        model: the grammar's student; None for the one that is shipped.
        stack: closes the student, or the network.

    Raises:
        ReferError: nobody is called so, or the file is no network.
        StudentError: the student cannot be opened.
    """
    if name == "truth":
        return by_truth
    if name == "class-word":
        return by_class_word
    if name.endswith(".onnx"):
        return ByResolver(stack.enter_context(NetworkResolver(Path(name), provider="cpu")))
    if name != "grammar":
        raise ReferError(f"no resolver is called {name!r}; they are grammar, truth, class-word, or a network's .onnx")
    return ByResolver(GrammarResolver(stack.enter_context(Student(model or default_student()))))


@dataclass(frozen=True)
class ByResolver:
    """Answers of a resolver; a sentence that it refuses is answered with nothing."""

    resolver: Resolver

    def __call__(self, image: NDArray[np.uint8], reference: Reference, scene: dict[str, Any]) -> Mask:
        return self.resolver.resolve(image, reference.text).mask

    def was_taught(self, text: str) -> bool:
        """Whether it met every word of a sentence while it was trained."""
        return not isinstance(self.resolver, NetworkResolver) or self.resolver.facts.vocabulary.was_taught(text)


def asker(answers: Answers) -> Ask:
    """Whoever answers, to be asked for controls.

    Raises:
        ReferError: it is a bar that knows the truth.
    """
    if not isinstance(answers, ByResolver):
        raise ReferError("a bar that knows the truth needs no controls; ask the grammar or a network's .onnx")
    resolver = answers.resolver
    return of_network(resolver) if isinstance(resolver, TokenResolver) else of_resolver(resolver)


def by_truth(image: NDArray[np.uint8], reference: Reference, scene: dict[str, Any]) -> Mask:
    """Answers of the grammar on the true masks: what the wording loses, and nothing else."""
    return answer(parse(reference.text, scene["nouns"]), scene_from_json(scene, image)).mask


Look = Callable[[Reference, NDArray[np.uint8], Mask, Mask, float], None]
"""Told of each answer: the reference, the picture, what was answered, what is meant, and their overlap."""


def evaluate(
    root: Path,
    answers: Answers,
    split: str | None = None,
    advance: Callable[[], None] = lambda: None,
    look: Look | None = None,
) -> Result:
    """Ask about every sentence of a set.

    Args:
        look: is shown every answer.

    Raises:
        ReferError: there is no sentence, or a line of the set is none.
        DatasetError: a file cannot be read.
    """
    found: dict[str, list[_One]] = defaultdict(list)
    for kind, one in _answered(root, answers, split, look):
        found[kind].append(one)
        advance()
    everything = [one for ones in found.values() for one in ones]
    if not everything:
        raise ReferError(f"{root}: holds no sentence{f' of split {split!r}' if split else ''}; build some first")
    more = [one for one in everything if one.needs_more]
    by_kind = {kind: _score(ones) for kind, ones in sorted(found.items())}
    untaught = [one for one in more if one.untaught]
    return Result(_score(everything), by_kind, _score(more) if more else None, _score(untaught) if untaught else None)


def _answered(root: Path, answers: Answers, split: str | None, look: Look | None) -> Iterator[tuple[str, _One]]:
    scenes = read_scenes(root)
    key, image, masks = "", np.zeros((1, 1, 3), np.uint8), dict[int, Mask]()
    for reference in read_references(root):
        scene = scenes.get(reference.scene)
        if scene is None:
            raise ReferError(f"{root}: {reference.text!r} is about {reference.scene!r}, which is no scene of the set")
        if split is not None and scene["split"] != split:
            continue
        if reference.scene != key:
            key, image = reference.scene, read_rgb(root / scene["image"])
            masks = {thing["id"]: decode(thing["mask"]) for thing in scene["things"]}
        meant = np.zeros(image.shape[:2], bool)
        for target in reference.targets:
            meant |= masks[target]
        refused = False
        try:
            mask = answers(image, reference, scene)
        except SentenceError:
            mask, refused = np.zeros_like(meant), True
        both, either = int((mask & meant).sum()), int((mask | meant).sum())
        named = by_class_word(image, reference, scene)
        bar = _One(int((named & meant).sum()), int((named | meant).sum()), bool(reference.targets), False, False).iou
        more = bool(reference.targets) and reference.meaning is not None and not np.array_equal(named, meant)
        untaught = isinstance(answers, ByResolver) and not answers.was_taught(reference.text)
        one = _One(both, either, bool(reference.targets), bool(mask.any()), refused, bar, more, untaught)
        if look is not None:
            look(reference, image, mask, meant, one.iou)
        yield reference.kind, one


def _score(ones: list[_One]) -> Score:
    meant = [one for one in ones if one.meant]
    nothing = [one for one in ones if not one.meant]
    union = sum(one.union for one in meant)
    reached = {at: [one.iou >= at for one in meant] for at in PRECISION_AT if meant}
    return Score(
        sentences=len(ones),
        miou=float(np.mean([one.iou for one in ones])),
        oiou=sum(one.intersection for one in meant) / union if union else None,
        precision={f"{at:.1f}": float(np.mean(hits)) for at, hits in reached.items()},
        no_target_accuracy=float(np.mean([not one.answered for one in nothing])) if nothing else None,
        target_accuracy=float(np.mean([one.answered for one in meant])) if meant else None,
        refused=sum(one.refused for one in ones),
        class_word=float(np.mean([one.class_word for one in ones])),
    )


def by_class_word(image: NDArray[np.uint8], reference: Reference, scene: dict[str, Any]) -> Mask:
    """Answers of somebody who hears the noun alone and sees the true masks: the bar that a resolver must beat."""
    mask = np.zeros(image.shape[:2], bool)
    for thing in scene["things"]:
        if reference.meaning is not None and thing["noun"] == reference.meaning.noun:
            mask |= decode(thing["mask"])
    return mask
