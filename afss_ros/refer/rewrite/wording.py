"""What a model is asked, and what of its answer may be looked at."""

from __future__ import annotations

import json
import re
from typing import Any

from afss_ros.refer.errors import ReferError

_TASK = """You reword short phrases that point at one thing in a picture. Keep every side, place, number, colour,
size and relation that the phrase has, and add none. Write plain small letters without punctuation. Do not mention
boxes, masks, outlines, overlays or labels. Answer with JSON:
{{"original": the phrase, "rewrites": [{count} different wordings]}}."""
_LEAKS = re.compile(
    r"\b(bounding|boxes|box|mask(ed|s)?|outlined?|overlay|highlight(ed)?|annotat\w+|label(led|ed|s)?|segment\w*|pixels?)\b"
)
_MOST_LETTERS = 200


class AnswerError(ReferError):
    """An answer that breaks what was agreed on."""


def messages(text: str, count: int) -> list[dict[str, str]]:
    """The question about one phrase."""
    return [{"role": "system", "content": _TASK.format(count=count)}, {"role": "user", "content": text}]


def schema(count: int) -> dict[str, Any]:
    """What an answer must be, for an endpoint that can hold a model to it."""
    wording = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "original": {"type": "string"},
            "rewrites": {"type": "array", "items": wording, "minItems": count, "maxItems": count},
        },
        "required": ["original", "rewrites"],
        "additionalProperties": False,
    }


def read(answer: str, text: str, count: int) -> list[str]:
    """The wordings of an answer, all of which kept the form; nothing is fished out of anything else.

    Raises:
        AnswerError: it is no JSON, has other keys, another number of wordings, or is about another phrase.
    """
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError) as err:
        raise AnswerError(f"no JSON: {answer[:80]!r}") from err
    if not isinstance(value, dict) or set(value) != {"original", "rewrites"}:
        raise AnswerError(f"not the agreed keys: {answer[:80]!r}")
    if value["original"] != text:
        raise AnswerError(f"an answer about {str(value['original'])[:80]!r}, not about {text!r}")
    rewrites = value["rewrites"]
    if not isinstance(rewrites, list) or len(rewrites) != count or not all(isinstance(r, str) for r in rewrites):
        raise AnswerError(f"not {count} wordings: {answer[:80]!r}")
    return [" ".join(r.split()) for r in rewrites]


def fault(rewrite: str, text: str) -> str:
    """What is wrong with a wording by itself; empty for nothing."""
    if not rewrite or len(rewrite) > _MOST_LETTERS:
        return f"{len(rewrite)} letters; 1 to {_MOST_LETTERS} are wanted"
    if rewrite.lower() == text.lower():
        return "the same words"
    if leak := _LEAKS.search(rewrite.lower()):
        return f"speaks of the drawing ({leak.group()!r})"
    return ""
