"""`afss manifest`, `afss slot`, `afss upset`: what a student's file must be, how it is replaced, how it rots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from afss_ros.terminal import say, screen


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
    say(f"{path}: sha256 {student.sha256}{'' if known else ', without a known answer'}")


def slot(
    root: Annotated[Path, typer.Argument(help="Folder of the two slots: model.slots of the node.", show_default=False)],
    model: Annotated[
        Path | None, typer.Argument(help="A student with its manifest, to upload.", show_default=False)
    ] = None,
    piece_kib: Annotated[int, typer.Option("--piece-kib", min=1, help="KiB of a piece.")] = 64,
    pieces: Annotated[
        int | None, typer.Option("--pieces", min=1, help="Copy so many pieces now; else all.", show_default=False)
    ] = None,
) -> None:
    """Upload a student, in pieces, into the slot that does not fly, and tell what is in both."""
    from afss_ros.student import slots

    console = screen()
    if model is not None:
        done = slots.upload(
            model,
            root,
            piece_bytes=piece_kib * 1024,
            pieces=pieces,
            arrived=lambda there, size: console.print(f"{there} of {size} bytes"),
        )
        console.print("verified; try it with ~/activate_slot" if done else "not all is there: run it again to go on")
    chosen = slots.state(root)
    for name in slots.NAMES:
        what = "active" if name == chosen.active else "on trial" if name == chosen.trial else "other"
        console.print(f"{name} ({what}): {slots.fault(root, name) or 'whole'}", soft_wrap=True)


def upset(
    model: Annotated[Path, typer.Argument(help="A student, an .onnx.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; goes on with what is there.")] = Path(
        "out/upset"
    ),
    source: Annotated[
        Path | None, typer.Option("--source", help="Frames to show it; else the demo bag.", show_default=False)
    ] = None,
    flips: Annotated[int, typer.Option("--flips", min=1, help="Bits of every kind.")] = 100,
    frames: Annotated[int, typer.Option("--frames", min=1, help="Frames, spread over the source.")] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Flip single bits of a student, kind by kind, and tell what each does and which guard sees it."""
    import json
    import logging

    import numpy as np
    from rich.progress import Progress

    from afss_ros.evaluation.upset import campaign, figures
    from afss_ros.perception import Frame
    from afss_ros.share import share
    from afss_ros.sources import open_source
    from afss_ros.student import StudentError

    with open_source(source or share() / "demo" / "demo.mcap") as opened:
        found = [frame for frame in opened if isinstance(frame, Frame)]
    if not found:
        raise StudentError(f"{source} holds no frame that can be read; give frames with a craft")
    shown = [found[i] for i in np.unique(np.linspace(0, len(found) - 1, frames).round().astype(int))]
    # A session for each bit: nobody wants a line for each.
    logging.getLogger("afss_ros.student").setLevel(logging.WARNING)
    console = screen()
    with Progress(console=console) as bar:
        task = bar.add_task(escape(f"flipping bits of {model.name}"))
        upsets = campaign.run(
            model,
            shown,
            out,
            flips=flips,
            seed=seed,
            advanced=lambda done, of: bar.update(task, completed=done, total=of),
        )
    summary = figures.summarise(upsets)
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    figures.plot(upsets, out / "upsets.png", f"{model.name}: single bit flips, {len(shown)} frames")
    console.print(figures.table(summary), f"{out}/summary.json, {out}/upsets.png")
