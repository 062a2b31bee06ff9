"""`afss refer chats`: what a local writer is taught with, from wordings that were proven to mean the same.

A line is {"messages": [system, user, assistant]}, of the very form in which `afss refer rewrite` asks and in which an
answer must come. Wordings are those of the set that have the phrase's meaning, whoever said them; where there are too
few, the grammar's own. Nothing is taken that the grammar does not read as the same meaning.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from afss_ros.refer.errors import ReferError, SentenceError
from afss_ros.refer.meaning import Meaning, Sentence, brief
from afss_ros.refer.parse import parse
from afss_ros.refer.rewrite.wording import fault, messages
from afss_ros.refer.sets.references import Reference, read_references, read_scenes, write_lines
from afss_ros.refer.words import words

TRAIN, HELD_OUT = "train.jsonl", "held_out.jsonl"
_TRIES = 40


def write_chats(sets: Sequence[Path], out: Path, *, count: int = 3, limit: int = 5000, seed: int = 1) -> dict[str, int]:
    """Write `train.jsonl`, of pictures of the split train, and `held_out.jsonl`, of all others; returns their lengths.

    Args:
        count: wordings of a phrase, as `afss refer rewrite --count` asks for.
        limit: most phrases of each file.

    Raises:
        ReferError: a set is none, or none of its phrases has so many wordings.
        DatasetError: a file cannot be read or written.
    """
    if count < 1 or limit < 1:
        raise ReferError(f"count and limit are 1 or more, got {count} and {limit}")
    found: dict[str, list[dict[str, Any]]] = {TRAIN: [], HELD_OUT: []}
    for root in sets:
        scenes = read_scenes(root)
        for reference, others in _groups(read_references(root)):
            if reference.scene not in scenes:
                raise ReferError(f"{root}: {reference.text!r} is about {reference.scene!r}, no scene of the set")
            scene = scenes[reference.scene]
            rng = random.Random(f"{seed} {reference.scene} {reference.text}")
            wordings = _wordings(reference, others, tuple(scene["nouns"]), count, rng)
            if len(wordings) == count:
                found[TRAIN if scene["split"] == "train" else HELD_OUT].append(chat(reference.text, wordings))
    if not found[TRAIN]:
        raise ReferError(f"no phrase of a picture of the split train has {count} wordings; ask for fewer with --count")
    for name, chats in found.items():
        chosen = random.Random(seed).sample(chats, min(limit, len(chats)))
        write_lines(out / name, chosen)
        found[name] = chosen
    return {name: len(chats) for name, chats in found.items()}


def chat(text: str, wordings: Sequence[str]) -> dict[str, Any]:
    """A question as it is asked, and the answer as it must come."""
    answer = json.dumps({"original": text, "rewrites": list(wordings)}, ensure_ascii=False)
    return {"messages": [*messages(text, len(wordings)), {"role": "assistant", "content": answer}]}


def _groups(references: Sequence[Reference]) -> Iterator[tuple[Reference, list[str]]]:
    """A phrase of every meaning of a picture, with what else was said of it, people and models first."""
    same: dict[tuple[str, str], list[Reference]] = defaultdict(list)
    for reference in references:
        if reference.meaning is not None:
            same[reference.scene, brief(reference.meaning)].append(reference)
    order = {"human": 0, "rewrite": 1}
    for group in same.values():
        first = next((r for r in group if r.source == "rules"), group[0])
        others = sorted((r for r in group if r is not first), key=lambda r: order.get(r.source, 2))
        yield first, [r.text for r in others]


def _wordings(
    reference: Reference, others: Sequence[str], nouns: tuple[str, ...], count: int, rng: random.Random
) -> list[str]:
    meaning = reference.meaning
    assert meaning is not None
    kept: dict[str, None] = {}

    def keep(text: str) -> None:
        if len(kept) < count and not fault(text, reference.text) and _means(text, meaning, nouns):
            kept.setdefault(text.lower())

    for text in others:
        keep(text)
    for _ in range(_TRIES):
        if len(kept) == count:
            break
        keep(words(meaning, rng, nouns))
    return list(kept)


def _means(text: str, meaning: Meaning, nouns: tuple[str, ...]) -> bool:
    try:
        return parse(text, nouns) == Sentence((meaning,))
    except SentenceError:
        return False
