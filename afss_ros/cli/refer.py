"""`afss refer`: sentences in, masks out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afss_ros.cli.optional import with_optional


def ask(
    picture: Annotated[Path, typer.Argument(help="A picture.", show_default=False)],
    sentence: Annotated[str, typer.Argument(help="What is meant: 'the left solar panel'.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the picture and the mask.")] = Path("referred"),
    model: Annotated[
        Path | None, typer.Option("--model", help="A student, an .onnx; else the one that is shipped.")
    ] = None,
    provider: Annotated[str, typer.Option("--provider", help="auto, cuda, tensorrt or cpu.")] = "auto",
) -> None:
    """Find what a sentence means in a picture: a mask, a picture to look at, and why."""
    from afss_ros.refer.ask import ask as resolve

    typer.echo(resolve(picture, sentence, out, model, provider))


refer_app = typer.Typer(help="Point at things with words: ask, and look after sets of sentences.", no_args_is_help=True)
refer_app.command("ask")(with_optional(ask))
