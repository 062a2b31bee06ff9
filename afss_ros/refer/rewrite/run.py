"""`afss refer rewrite`: other words for the sentences of a set, from a model; what is kept is proven.

Run again, it goes on: answers are known by the content of the question, and rewrites are never taken for originals.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afss_ros.datasets.pictures import read_rgb
from afss_ros.refer.errors import ReferError
from afss_ros.refer.rewrite.accept import Judged, judge
from afss_ros.refer.rewrite.endpoint import BusyError, Endpoint, EndpointError
from afss_ros.refer.rewrite.review import Doubt, write_page
from afss_ros.refer.rewrite.spending import BudgetError, Ledger, content_hash
from afss_ros.refer.rewrite.wording import AnswerError, messages, read, schema
from afss_ros.refer.sets.references import (
    REFERENCES,
    Reference,
    read_references,
    read_scenes,
    reference_to_json,
    scene_from_json,
    write_lines,
)

RULES, REWRITE = "rules", "rewrite"
CACHE, REVIEW, PAGE = "rewriting", "review.jsonl", "review.html"
_FIRST_WAIT_S = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wishes:
    """How much is asked.

    Attributes:
        limit: sentences that other words are asked for.
        count: wordings of each.
        budget: most tokens, of all runs on the set together; None for no limit.
        attempts: how often a question is put, where the endpoint is busy or its answer breaks the form.
        seed: chooses the sentences.
    """

    limit: int = 1000
    count: int = 3
    budget: int | None = None
    attempts: int = 4
    seed: int = 1


@dataclass
class Rewritten:
    """What came of it.

    Attributes:
        asked: questions that went to the endpoint, repeats and all.
        known: sentences whose answer was known from before.
        accepted: wordings that provably mean the same.
        review: wordings that a person should look at.
        refused: wordings by why they were not taken.
        problems: sentences without an answer, and why.
        stopped: why it ended early; empty if it did not.
        spent: tokens, of all runs on this set.
    """

    asked: int = 0
    known: int = 0
    accepted: int = 0
    review: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    stopped: str = ""
    spent: int = 0


def rewrite(
    root: Path,
    endpoint: Endpoint,
    wishes: Wishes = Wishes(),
    *,
    sleep: Callable[[float], None] = time.sleep,
    advance: Callable[[], None] = lambda: None,
) -> Rewritten:
    """Ask for other words, and write those that are accepted beside the originals into `references.jsonl`.

    What was not accepted and is not surely wrong goes to `review.jsonl` and, with pictures, to `review.html`.

    Raises:
        ReferError: the set is none, or the endpoint refuses the very first question.
        DatasetError: a file cannot be read or written.
    """
    if wishes.limit < 1 or wishes.count < 1 or wishes.attempts < 1:
        raise ReferError(f"limit, count and attempts are 1 or more, got {wishes}")
    everything = read_references(root)
    originals = [r for r in everything if r.source == RULES and r.meaning is not None]
    if not originals:
        raise ReferError(f"{root}: holds no sentence that rules made; build some first")
    chosen = sorted(random.Random(wishes.seed).sample(range(len(originals)), min(wishes.limit, len(originals))))
    scenes = read_scenes(root)
    done = Rewritten()
    ledger = Ledger(root / CACHE, wishes.budget)
    earlier = {(r.scene, r.text.lower()) for r in everything if r.source == REWRITE}
    taken = {(r.scene, r.text.lower()) for r in everything if r.source != REWRITE}
    rewrites: list[Reference] = []
    doubts: list[Doubt] = []
    key, scene, image = "", None, None
    for number in chosen:
        reference = originals[number]
        try:
            wordings = _ask(reference.text, endpoint, wishes, ledger, done, sleep)
        except BudgetError as err:
            done.stopped = done.stopped or str(err)
            continue  # what is known already costs nothing
        except EndpointError as err:
            if not done.asked or not isinstance(err, BusyError):
                done.stopped = done.stopped or str(err)
            else:
                done.problems.append(f"{reference.text!r}: {err}")
            continue
        except AnswerError as err:
            done.problems.append(f"{reference.text!r}: {err}")
            continue
        if scene is None or reference.scene != key:
            if reference.scene not in scenes:
                raise ReferError(
                    f"{root}: {reference.text!r} is about {reference.scene!r}, which is no scene of the set"
                )
            key = reference.scene
            image = read_rgb(root / scenes[key]["image"])
            scene = scene_from_json(scenes[key], image)
        for wording in wordings:
            judged = judge(wording, reference, scene)
            if not judged.why and (key, wording.lower()) in taken:
                judged = Judged(wording, judged.meaning, "is said already", hopeless=True)
            if not judged.why and (key, wording.lower()) in earlier:
                done.accepted += 1  # by a run before this one
            elif not judged.why:
                done.accepted += 1
                taken.add((key, wording.lower()))
                rewrites.append(
                    Reference(key, wording, judged.meaning, reference.targets, reference.kind, REWRITE, reference.view)
                )
            elif judged.hopeless:
                done.refused[judged.why.partition(" (")[0].partition(",")[0][:60]] += 1
            elif image is not None:
                doubts.append(Doubt(reference, judged, scene, image))
        advance()
    done.review, done.spent = len(doubts), ledger.spent
    write_lines(root / REFERENCES, [reference_to_json(r) for r in _in_order(everything, rewrites)])
    write_lines(root / REVIEW, [doubt.to_json() for doubt in doubts])
    write_page(root / PAGE, doubts)
    return done


def _in_order(kept: list[Reference], rewrites: list[Reference]) -> list[Reference]:
    """References of one scene beside each other, as readers of the file expect."""
    of_scene: dict[str, list[Reference]] = {}
    for reference in [*kept, *rewrites]:
        of_scene.setdefault(reference.scene, []).append(reference)
    return [reference for group in of_scene.values() for reference in group]


def _ask(
    text: str, endpoint: Endpoint, wishes: Wishes, ledger: Ledger, done: Rewritten, sleep: Callable[[float], None]
) -> list[str]:
    """The wordings of a sentence: known ones, or new ones from the endpoint.

    Raises:
        BudgetError, EndpointError, AnswerError: there are none.
    """
    # Where it has been given up, only what is known is taken.
    body: dict[str, Any] = endpoint.body(messages(text, wishes.count), schema(wishes.count))
    name = content_hash(endpoint.url, body)
    if (known := ledger.answer(name)) is not None:
        wordings = read(known, text, wishes.count)
        done.known += 1
        return wordings
    if done.stopped:
        raise BudgetError(done.stopped)
    _ = endpoint.address  # before anything is reserved for a question that cannot be asked
    last: ReferError = AnswerError("it was never asked")
    for attempt in range(wishes.attempts):
        reserved = endpoint.most_tokens(body)
        ledger.reserve(reserved)
        wait = _FIRST_WAIT_S * 2**attempt
        try:
            reply = endpoint.ask(body)
            done.asked += 1
            ledger.settle(reserved, reply.tokens)
            wordings = read(reply.text, text, wishes.count)
        except BusyError as err:
            # Whether it worked on the question before it gave up, nobody knows: the reservation stays.
            last, wait = err, max(wait, err.after_s)
        except AnswerError as err:
            last = err
        else:
            ledger.keep(name, reply.text)  # only what kept the form is worth remembering
            return wordings
        if attempt + 1 < wishes.attempts:
            _log.info("%r: %s; asked again in %.1f s", text, last, wait)
            sleep(wait)
    raise last
