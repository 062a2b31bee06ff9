"""What programs say on a terminal: text as it is, for names of files hold brackets and colons too."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text


def screen(*, errors: bool = False, **options: Any) -> Console:
    """Standard output, or standard error, on which no text is taken for markup, emoji or a number to colour.

    Args:
        options: more of `rich.console.Console`'s.
    """
    return Console(stderr=errors, markup=False, emoji=False, highlight=False, **options)


def say(sentence: str | Text, *, errors: bool = False) -> None:
    """Print one sentence whole: where output is no terminal, a line of 80 letters would cut a path in two."""
    screen(errors=errors).print(sentence, soft_wrap=True)
