"""`make refer-demo`: sentences about the demo's frames, answered with the shipped student, as pictures to look at."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from afss_ros.images import encode_compressed
from afss_ros.overlay import contact_sheet
from afss_ros.perception import Frame
from afss_ros.refer.grammar import GrammarResolver
from afss_ros.refer.picture import draw
from afss_ros.share import default_student, share
from afss_ros.sources.open import open_source
from afss_ros.student import Student

SENTENCES = (
    "the left solar panel",
    "the panel on the right",
    "all solar panels",
    "the largest panel of the spacecraft",
    "the antenna",
    "the panel nearest the antenna",
    "all panels in shadow",
    "the port panel",
    "is there a docking ring?",
)
_log = logging.getLogger(__name__)


def main() -> None:
    """Write a picture for each sentence and a sheet of all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=share() / "demo" / "demo.mcap", help="bag, video or pictures")
    parser.add_argument("--out", type=Path, default=Path("out/refer-demo"))
    parser.add_argument("--sentence", action="append", help="instead of the demo's; may be given several times")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sentences = given.sentence or SENTENCES
    with open_source(given.source) as source:
        frames = [frame for frame in source if isinstance(frame, Frame)]
    if not frames:
        raise SystemExit(f"{given.source} has no frame that can be read; give a bag, a video or a folder of pictures")
    given.out.mkdir(parents=True, exist_ok=True)
    pictures = []
    with Student(default_student()) as student:
        resolver = GrammarResolver(student)
        for number, sentence in enumerate(sentences):
            frame = frames[number * len(frames) // len(sentences)]
            answer = resolver.resolve(frame.image, sentence)
            pictures.append(draw(frame.image, sentence, answer))
            (given.out / f"{number:02d}.jpg").write_bytes(encode_compressed(pictures[-1], "jpeg"))
            _log.info("%s: %s, %s", sentence, answer.state, answer.why)
    (given.out / "sheet.jpg").write_bytes(encode_compressed(contact_sheet(pictures, 3, 1500), "jpeg", 85))
    _log.info("%s", given.out / "sheet.jpg")


if __name__ == "__main__":
    main()
