"""`afss manifest`: what a student's file must be, written beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def manifest(
    model: Annotated[Path, typer.Argument(help="A student, an .onnx.", show_default=False)],
    image: Annotated[
        Path | None,
        typer.Option("--image", help="A picture with a craft, whose answer is to be known.", show_default=False),
    ] = None,
) -> None:
    """Write down hash, size and a known answer of a student, to tell in flight that it is still the same."""
    from afss_ros.perception import Frame
    from afss_ros.sources import open_source
    from afss_ros.student import Student, StudentError, manifest
    from afss_ros.student.known_answer import KnownAnswer

    known = None
    with Student(model, provider="cpu", integrity="warn") as student:
        if image is not None:
            with open_source(image) as source:
                frame = next((frame for frame in source if isinstance(frame, Frame)), None)
            if frame is None:
                raise StudentError(f"{image} has no picture that can be read; name a picture with a craft in it")
            labels = student(frame).labels
            if labels is None or not labels.any():
                raise StudentError(f"{model} finds no craft in {image}; an answer that is empty tells nothing")
            known = KnownAnswer(frame.image, labels)
        path = manifest.write(model, manifest.of_file(model, known))
    Console().print(f"{path}: sha256 {student.sha256}{'' if known else ', without a known answer'}", soft_wrap=True)
