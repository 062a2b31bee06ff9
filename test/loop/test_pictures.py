"""A set of pictures with boxes as the recording: its truth judges, and never teaches."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from small_loop import SMALL

from afss_ros import datasets
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.distill import DistillError
from afss_ros.loop import LoopError, config, run
from afss_ros.loop.config import PicturesConfig
from afss_ros.loop.pictures import divide


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of a bright craft on dark sky, with its box alone."""
    root = tmp_path_factory.mktemp("pictures") / "boxes"
    rng = np.random.default_rng(0)
    with DatasetWriter(root) as writer:
        for number in range(20):
            image = rng.integers(0, 12, (64, 64, 3)).astype(np.uint8)
            x, y = (int(v) for v in rng.integers(8, 30, 2))
            cv2.rectangle(image, (x, y), (x + 19, y + 11), (200, 190, 180), -1)
            craft = Instance("spacecraft", np.array([x, y, x + 20, y + 12], np.float32))
            writer.add(f"p/{number:02d}", image, None, [craft], attributes={"craft": "x"}, image_format="png")
    return root


def test_what_is_learned_from_is_bare_pictures_and_none_of_them_judges(boxes: Path, tmp_path: Path) -> None:
    groups, held_out = divide(PicturesConfig(set=boxes, held_out=0.4, groups=3), tmp_path)
    bare = [path for group in groups for path in group.iterdir()]
    assert (held_out, len(bare), len(groups)) == (8, 12, 3)
    assert {path.suffix for path in bare} == {".png"}
    truth = datasets.load(tmp_path / "truth")
    assert [len(sample.instances or ()) for sample in truth] == [1] * 8
    original = {sample.image.read_bytes() for sample in datasets.load(boxes)}
    judged = {sample.image.read_bytes() for sample in truth}
    assert judged | {path.read_bytes() for path in bare} == original
    assert not judged & {path.read_bytes() for path in bare}


def test_too_few_pictures_are_said_to_be_too_few(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="20 pictures are too few"):
        divide(PicturesConfig(set=boxes, held_out=0.4, groups=7), tmp_path)


def test_the_loop_on_pictures_is_judged_by_boxes(boxes: Path, tmp_path: Path) -> None:
    changes = {"pictures": {"set": str(boxes), "groups": 3}, "render": None, "rounds": 1}
    outcome = run.run(config.parse({**SMALL, **changes}), tmp_path)
    assert outcome["gain"]["kind"] == "bbox"
    teacher, student = outcome["labellers"]
    assert teacher["images"] == student["images"] == 8
    assert teacher["box_ap"] == pytest.approx(outcome["gain"]["before"]["value"], abs=1e-4)
    assert teacher["box_ap"] > 0.5  # a bright craft on dark sky is what the baseline is good at
    assert "Box AP of whole craft" in (tmp_path / "report.html").read_text()


def test_a_student_that_nobody_taught_parts_is_not_exported_unasked(boxes: Path, tmp_path: Path) -> None:
    changes = {"pictures": {"set": str(boxes), "groups": 3}, "render": None, "rounds": 1, "export": {"size": 64}}
    with pytest.raises((LoopError, DistillError), match="no label map has taught it body, panel, antenna"):
        run.run(config.parse({**SMALL, **changes}), tmp_path)
