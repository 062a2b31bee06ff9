"""Teachers of real size that have learned nothing: what labelling costs can be measured where no checkpoint is.

    python -m afss_ros.teacher.models.untrained out/untrained
    python -m afss_ros.labelling.benchmark flight.mcap --config out/untrained/label.yaml --frames 8

Grounding DINO with Swin tiny and BERT base, and SAM 2.1 with Hiera tiny, as `transformers` configures them by default:
the shapes, and so the time, of `IDEA-Research/grounding-dino-tiny` and `facebook/sam2.1-hiera-tiny`. Nothing is
downloaded.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

WORDS = ("spacecraft", "satellite", "solar", "panel", "antenna", "a", "photo", "of")


def bert_tokenizer(words: Sequence[str] = WORDS) -> Any:
    """A BERT tokenizer of `words`, its special tokens where Grounding DINO has them hard-coded."""
    vocabulary = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    vocabulary.update({word: 200 + i for i, word in enumerate(words)})
    spare = (i for i in range(1, 1030) if i not in set(vocabulary.values()))
    vocabulary.update({f"[unused{i}]": i for i in spare})
    return _transformers().BertTokenizerFast(vocab=dict(sorted(vocabulary.items(), key=lambda item: item[1])))


def save_detector(folder: Path, side: int = 800) -> Path:
    """Grounding DINO tiny as a Hub folder; `side` is the shorter one of the pictures that it sees, pixels."""
    hf = _transformers()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        hf.GroundingDinoForObjectDetection(hf.GroundingDinoConfig()).save_pretrained(folder)
    pictures = hf.GroundingDinoImageProcessor(size={"shortest_edge": side, "longest_edge": round(side * 5 / 3)})
    hf.GroundingDinoProcessor(pictures, bert_tokenizer()).save_pretrained(folder)
    return folder


def save_segmenter(folder: Path) -> Path:
    """SAM 2.1 tiny, for pictures and video, as a Hub folder."""
    hf = _transformers()
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        hf.Sam2VideoModel(hf.Sam2VideoConfig()).save_pretrained(folder)
    hf.Sam2VideoProcessor(hf.Sam2ImageProcessor(), hf.Sam2VideoVideoProcessor()).save_pretrained(folder)
    return folder


def save_teacher(folder: Path, side: int = 800) -> Path:
    """Both, and settings of `afss label` that use them: the path of these.

    Random scores say nothing, so every box counts and nothing is filtered.
    """
    detector, segmenter = save_detector(folder / "detector", side), save_segmenter(folder / "segmenter")
    settings = {
        "detector": {
            "name": "grounding_dino", "checkpoint": str(detector.resolve()), "box_threshold": 0.0,
            "text_threshold": 0.0,
        },
        "segmenter": {"name": "sam2", "checkpoint": str(segmenter.resolve())},
        "refine": {"views": "v2"},
        "keep": "",
    }  # fmt: skip
    out = folder / "label.yaml"
    out.write_text(yaml.safe_dump(settings, sort_keys=False))
    return out


def _transformers() -> Any:
    return importlib.import_module("transformers")  # its lazy module confuses type checkers


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m afss_ros.teacher.models.untrained", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the models and their settings, 850 MB")
    parser.add_argument("--side", type=int, default=800, help="shorter side of the pictures that the detector sees")
    given = parser.parse_args(arguments)
    save_teacher(given.out, given.side)


if __name__ == "__main__":
    main()
