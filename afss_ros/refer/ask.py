"""One sentence about one picture file: the answer in words, its mask and a picture of it as files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.images import ImageError, encode_compressed
from afss_ros.put import put
from afss_ros.refer import picture
from afss_ros.refer.errors import ReferError
from afss_ros.refer.grammar import GrammarResolver
from afss_ros.refer.meaning import brief
from afss_ros.refer.parse import parse
from afss_ros.share import default_student
from afss_ros.sources.pictures import read_picture
from afss_ros.student import Student


def ask(path: Path, sentence: str, out: Path, model: Path | None = None, provider: str = "auto") -> str:
    """Resolve a sentence and write `<name>-referred.jpg` and `<name>-mask.png` (255 where the things are) into `out`.

    Returns:
        Lines for people: the answer, how the sentence was understood, and the files.

    Raises:
        ReferError: the sentence cannot be understood, or the file is no picture.
        StudentError: the student cannot be opened.
        OSError: a file cannot be read, or the folder not be made.
    """
    meaning = parse(sentence)
    try:
        image = read_picture(path)
    except ImageError as err:
        raise ReferError(f"{path}: {err}; give a picture file") from err
    with Student(model or default_student(), provider=provider) as student:
        found = GrammarResolver(student).resolve(image, sentence)
    out.mkdir(parents=True, exist_ok=True)
    shown, mask = out / f"{path.stem}-referred.jpg", out / f"{path.stem}-mask.png"
    _write(shown, encode_compressed(picture.draw(image, sentence, found), "jpeg"))
    _write(mask, encode_compressed(found.mask.astype(np.uint8) * 255, "png"))
    boxes = [f"  {d.class_name} at {_numbers(d.box_xyxy)}, score {d.score:.2f}" for d in found.detections]
    lines = [f"{found.state}: {found.why}", *boxes, f"understood as: {brief(meaning)}", f"{shown}, {mask}"]
    return "\n".join(lines)


def _numbers(box: NDArray[np.float32]) -> str:
    return ", ".join(f"{value:.0f}" for value in box)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        put(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
