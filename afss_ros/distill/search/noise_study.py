"""What each term of `distillation` is worth where the truth is known: drawn craft whose labels are spoiled on purpose.

    python -m afss_ros.distill.search.noise_study --out runs/noise_study

40 % of the training labels are missing, shifted or swollen; a score tells which, imperfectly. Validation is true. It is
a study of the terms, not of any teacher: for that, see `afss loop`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill import recipe
from afss_ros.distill.training import loop as training
from afss_ros.labels import BODY, PANEL, UNLABELLED

_SIDE = 64
_SPOILT = 0.4
Labels = NDArray[np.uint8]


def draw(root: Path, count: int = 96) -> Path:
    """Write `count` pictures of one bright craft on dark sky with true labels; every fourth is of the split "val"."""
    rng = np.random.default_rng(0)
    with DatasetWriter(root, provenance={"made_by": "noise_study"}) as writer:
        for i in range(count):
            image = rng.integers(0, 12, (_SIDE, _SIDE, 3)).astype(np.uint8)
            labels = np.zeros((_SIDE, _SIDE), np.uint8)
            x, y = (int(v) for v in rng.integers(20, _SIDE - 20, 2))
            for half_width, half_height, colour, part in ((16, 4, (60, 70, 220), PANEL), (6, 6, (220, 180, 90), BODY)):
                low, high = (x - half_width, y - half_height), (x + half_width - 1, y + half_height - 1)
                cv2.rectangle(image, low, high, colour, -1)
                cv2.rectangle(labels, low, high, part, -1)
            craft = Instance.from_mask("spacecraft", labels > 0)
            split = "val" if i % 4 == 0 else "train"
            if f"{i:03d}" not in writer:
                writer.add(f"{i:03d}", image, labels, (craft,), split=split, image_format="png")
    return root


def spoil(clean: Path, root: Path, *, ignore: bool = False) -> Path:
    """Write the training images of `clean` with some labels spoiled, and a score `agreement` that is lower for those.

    Args:
        ignore: leave the spoiled pixels undecided, as a second labelling that differs there would.
    """
    rng = np.random.default_rng(7)
    with DatasetWriter(root, provenance={"made_by": "noise_study", "ignore": ignore}) as writer:
        for sample in datasets.load(clean, "train"):
            true = sample.read_labels()
            spoilt = bool(rng.random() < _SPOILT)
            kind, shift = int(rng.integers(0, 3)), rng.integers(-9, 10, 2)
            labels = _spoilt(true, kind, shift) if spoilt else true
            score = float(np.clip(rng.normal(0.35 if spoilt else 0.85, 0.12), 0.02, 1))
            if ignore:
                labels = np.where(labels == true, true, np.uint8(UNLABELLED))
            if sample.key not in writer:
                craft = Instance.from_mask("spacecraft", true > 0, score)
                writer.add(
                    sample.key, sample.read_image(), labels, [craft], split="train", image_format="png",
                    attributes={"scores": [{"agreement": score}]},
                )  # fmt: skip
    return root


def _spoilt(true: Labels, kind: int, shift: NDArray[np.int64]) -> Labels:
    """Missed, shifted, or swollen and without its parts."""
    if kind == 0:
        return np.zeros_like(true)
    if kind == 1:
        return np.roll(true, (int(shift[0]), int(shift[1])), (0, 1))
    swollen = cv2.dilate((true > 0).astype(np.uint8), np.ones((15, 15), np.uint8))
    return np.asarray(np.where(swollen > 0, BODY, 0), np.uint8)


def study(root: Path, seeds: Sequence[int], iterations: int = 120) -> dict[str, list[float]]:
    """Train every variant with every seed; returns the IoU of the whole craft on true validation labels, by variant."""
    clean = draw(root / "clean")
    noisy, ignored = spoil(clean, root / "noisy"), spoil(clean, root / "ignored", ignore=True)
    outcome: dict[str, list[float]] = {}
    for seed in seeds:
        plain = f"noisy-{seed}"
        variants: dict[str, tuple[Path, dict[str, Any]]] = {
            "true labels": (clean, {}),
            "spoiled labels": (noisy, {}),
            "weighted by score": (noisy, {"distillation": {"weight_by": "agreement"}}),
            "robust loss": (noisy, {"distillation": {"robust": 1.0}, "loss": {"cross_entropy": 0.0}}),
            "ignored regions": (ignored, {}),
            "soft targets": (noisy, {"distillation": {"teacher": str(root / plain), "soft": 1.0}}),
        }
        for name, (data, changes) in variants.items():
            run = root / (plain if name == "spoiled labels" else f"{name.replace(' ', '_')}-{seed}")
            trained = training.train(_recipe(clean, data, seed, iterations, changes), run, device="cpu")
            outcome.setdefault(name, []).append(trained.metrics["whole_iou"])
    return outcome


def _recipe(clean: Path, data: Path, seed: int, iterations: int, changes: dict[str, Any]) -> recipe.Recipe:
    decoder = {"decoder_pyramid_channels": 32, "decoder_segmentation_channels": 32}
    return recipe.parse(
        {
            "data": {
                "train": [str(data)], "validation": [str(clean)], "size": _SIDE, "validation_size": _SIDE,
                "validation_images": 24, "workers": 0, "statistics_images": 8,
            },
            "augment": {"scale": [0.9, 1.1], "tilt_degrees": 0},
            "student": {"name": "fpn-mobilenetv4-050", "decoder": decoder},
            "optimiser": {"lr": 3e-3, "ema": 0.9},
            "budget": {"iterations": iterations},
            "batch": 12,
            "validate_every": 100,
            "seed": seed,
            **changes,
        }
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m afss_ros.distill.search.noise_study", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/noise_study"))
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each variant")
    parser.add_argument("--iterations", type=int, default=120)
    given = parser.parse_args(arguments)
    outcome = study(given.out, range(given.seeds), given.iterations)
    lines = ["| training | whole IoU, mean | each seed |", "| --- | ---: | --- |"]
    for name, values in outcome.items():
        lines.append(f"| {name} | {np.mean(values):.3f} | {', '.join(f'{v:.3f}' for v in values)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
