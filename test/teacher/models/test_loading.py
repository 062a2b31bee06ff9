"""The real model classes, small and random, through the code that loads the real checkpoints."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_teachers import (
    save_grounding_dino,
    save_owlv2,
    save_sam2,
    save_sam3,
    save_sam3_tracker,
    save_sam3_tracker_video,
)

from afss_ros.labelling.assemble import assemble
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access, find_folder
from afss_ros.teacher.models.untrained import bert_tokenizer
from afss_ros.teacher.prompts import Prompts
from afss_ros.teacher.values import Box

PROMPTS = Prompts.parse({"spacecraft": ["spacecraft"], "panel": ["solar panel"]})
ACCEPTED = Access(accept_licence=True)
SEES_ALL: dict[str, Any] = {"detector.box_threshold": 0.0, "detector.text_threshold": 0.0}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a local checkpoint must not need a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {
        "grounding_dino": save_grounding_dino(root / "dino"),
        "llmdet": save_grounding_dino(root / "llmdet", "MMGroundingDino"),
        "owlv2": save_owlv2(root / "owlv2"),
        "sam2": save_sam2(root / "sam2"),
        "sam3": save_sam3(root / "sam3"),
        "sam3_video": save_sam3_tracker_video(root / "sam3_video"),
        "sam3_tracker": save_sam3_tracker(root / "sam3_tracker"),
    }


def pictures() -> list[NDArray[np.uint8]]:
    drawn = np.random.default_rng(0).integers(0, 255, (3, 60, 90, 3), np.uint8)
    return [drawn[0], np.ascontiguousarray(drawn[1].transpose(1, 0, 2)), drawn[2]]


def test_the_tokenizer_of_these_tests_knows_the_words() -> None:
    assert bert_tokenizer()("spacecraft. solar panel.").input_ids == [101, 200, 1012, 202, 203, 1012, 102]


@pytest.mark.parametrize("name", ["grounding_dino", "llmdet", "owlv2", "sam3"])
def test_a_detector_finds_boxes_by_text_in_the_pixels_of_each_image(name: str, checkpoints: dict[str, Path]) -> None:
    settings = load_settings(None, {"detector.name": name, "detector.checkpoint": str(checkpoints[name]), **SEES_ALL})
    detector = assemble(settings, ACCEPTED).detector
    images = pictures()
    found = detector.detect(images, PROMPTS)
    assert [len(boxes) > 0 for boxes in found] == [True, True, True]
    for image, boxes in zip(images, found, strict=True):
        assert {box.class_name for box in boxes} <= {"spacecraft", "panel"}
        assert [box.score for box in boxes] == sorted((box.score for box in boxes), reverse=True)
        centres = np.array([(box.xyxy[:2] + box.xyxy[2:]) / 2 for box in boxes])
        side = (
            max(image.shape) if name == "owlv2" else np.array([image.shape[1], image.shape[0]])
        )  # OWLv2 pads to square
        assert (centres >= -1).all() and (centres <= side + 1).all()
    assert detector.provenance["sha256"] == find_folder(str(checkpoints[name])).sha256


@pytest.mark.parametrize("name", ["grounding_dino", "owlv2", "sam3"])
def test_batched_detection_is_that_of_single_images(name: str, checkpoints: dict[str, Path]) -> None:
    settings = load_settings(None, {"detector.name": name, "detector.checkpoint": str(checkpoints[name]), **SEES_ALL})
    detector = assemble(settings, ACCEPTED).detector
    images = pictures()
    together = detector.detect(images, PROMPTS)
    for image, boxes in zip(images, together, strict=True):
        (alone,) = detector.detect([image], PROMPTS)
        np.testing.assert_allclose([b.xyxy for b in boxes], [b.xyxy for b in alone], atol=0.05)


@pytest.mark.parametrize(("name", "weights"), [("sam2", "sam2"), ("sam3", "sam3_tracker")])
def test_sam_encodes_once_and_segments_many_boxes(name: str, weights: str, checkpoints: dict[str, Path]) -> None:
    settings = load_settings(None, {"segmenter.name": name, "segmenter.checkpoint": str(checkpoints[weights])})
    segmenter = assemble(settings, ACCEPTED).segmenter
    image = pictures()[0]
    boxes = [Box("spacecraft", np.array(c, np.float32), 0.5) for c in ([5, 5, 40, 30], [30, 10, 80, 55])]
    features = segmenter.encode(image)
    both = segmenter.segment(features, boxes)
    assert [mask.mask.shape for mask in both] == [(60, 90), (60, 90)]
    assert all(mask.mask.dtype == bool and 0.0 <= mask.score <= 1.0 for mask in both)
    for box, mask in zip(boxes, both, strict=True):
        (alone,) = segmenter.segment(features, [box])
        assert np.mean(alone.mask != mask.mask) < 0.01


@pytest.mark.parametrize(("name", "weights"), [("sam2", "sam2"), ("sam3", "sam3_video")])
def test_sam_carries_masks_through_a_video(name: str, weights: str, checkpoints: dict[str, Path]) -> None:
    settings = {"segmenter.checkpoint": str(checkpoints[weights]), "video.propagator": name}
    propagator = assemble(load_settings(None, settings), ACCEPTED).propagator
    assert propagator is not None
    images = [pictures()[0]] * 4
    mask = np.zeros((60, 90), bool)
    mask[10:40, 20:60] = True
    carried = propagator.propagate(images, [mask, ~mask])
    assert [len(masks) for masks in carried] == [2, 2, 2, 2]
    assert carried[0][0] is mask
    assert all(m.shape == (60, 90) and m.dtype == bool for masks in carried for m in masks)
    assert propagator.propagate(images, []) == [[], [], [], []]


def test_the_whole_teacher_runs_on_the_real_classes(checkpoints: dict[str, Path]) -> None:
    settings = load_settings(
        None,
        {
            "prompts": {"spacecraft": ["spacecraft"]},
            "detector.name": "grounding_dino",
            "detector.checkpoint": str(checkpoints["grounding_dino"]),
            "segmenter.name": "sam2",
            "segmenter.checkpoint": str(checkpoints["sam2"]),
            "refine.views": "v4",
            "video.propagator": "sam2",
            "video.chunk": 4,
            **SEES_ALL,
        },
    )
    teacher = assemble(settings)
    labelled = teacher.label([pictures()[0]] * 3)
    assert len(labelled) == 3 and all(labelled)
    for instances in labelled:
        for instance in instances:
            assert set(instance.scores) == {"detector_score", "mask_score", "agreement", "temporal"}
    assert json.loads(json.dumps(teacher.provenance)) == teacher.provenance


def test_sam3_needs_its_licence_accepted(checkpoints: dict[str, Path]) -> None:
    for role in ("detector", "segmenter"):
        settings = load_settings(None, {f"{role}.name": "sam3", f"{role}.checkpoint": str(checkpoints["sam3"])})
        with pytest.raises(TeacherError, match=r"not an open-source licence.*--accept-licence"):
            assemble(settings)


def test_the_same_weights_have_the_same_hash_and_other_weights_another(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(checkpoints["sam2"], copy)
    first = find_folder(str(checkpoints["sam2"]))
    assert find_folder(str(copy)).sha256 == first.sha256
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(bytes(weights))
    assert find_folder(str(copy)).sha256 != first.sha256


def test_weights_are_found_where_the_message_says_to_put_them(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFSS_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    name = "IDEA-Research/grounding-dino-tiny"
    with pytest.raises(
        TeacherError, match=f"--download.*hf download {name} --local-dir {tmp_path}/grounding-dino-tiny"
    ):
        find_folder(name, access=Access())
    shutil.copytree(checkpoints["grounding_dino"], tmp_path / "grounding-dino-tiny")
    assert find_folder(name).name == name


def test_pickled_weights_are_not_opened(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(checkpoints["sam2"], folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(TeacherError, match=r"no \*\.safetensors; pickled weights are not opened"):
        find_folder(str(folder))


def test_a_folder_that_is_another_model_is_refused(checkpoints: dict[str, Path]) -> None:
    wrong = {"detector.name": "grounding_dino", "detector.checkpoint": str(checkpoints["sam2"])}
    with pytest.raises(TeacherError, match="cannot be loaded as AutoModelForZeroShotObjectDetection"):
        assemble(load_settings(None, wrong))
    with pytest.raises(TeacherError, match=r"give a Hub name .* or the path of a folder"):
        find_folder("/nowhere/at/all")
    with pytest.raises(TeacherError, match="unknown detector 'yolo'; known: baseline, student"):
        assemble(load_settings(None, {"detector.name": "yolo"}))
