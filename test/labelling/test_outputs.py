"""What a labelled recording consists of, read back by those whom it is for."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from recorded import START, TOPIC, picture, record, truth

from afss_ros.bags import BagReader, BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.datasets import load
from afss_ros.datasets.pictures import encode_picture
from afss_ros.labelling.command import label
from afss_ros.labelling.exports import LABEL_INFO_TOPIC, Topics
from afss_ros.labelling.manifest import read_manifest
from afss_ros.labelling.outline import one_outline, outlines
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.values import mask_iou


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("labelled")
    bag = record(root / "flight.mcap", range(5), compressed=True)
    settings = {"prompts": {"spacecraft": "spacecraft. satellite."}, "refine.views": "v4", "image_format": "png"}
    label(bag, root / "labels", load_settings(None, settings))
    return root / "labels"


def test_the_set_loads_with_masks_that_fit_the_craft(labelled: Path) -> None:
    dataset = load(labelled, "train")
    assert [sample.key for sample in dataset] == [f"flight_camera_image_{i:06d}" for i in range(5)]
    for index, sample in enumerate(dataset):
        assert mask_iou(sample.read_labels() == 1, truth(index)) > 0.75
        assert sample.instances is not None and sample.instances[0].class_name == "spacecraft"
        assert sample.sequence == "flight_camera_image"
        assert sample.attributes["stamp_ns"] == START + index * 100_000_000


def test_provenance_tells_how_the_labels_came_to_be(labelled: Path) -> None:
    provenance = json.loads((labelled / "dataset.json").read_text())["provenance"]
    assert provenance["prompts"] == {"spacecraft": ["spacecraft", "satellite"]}
    assert provenance["input"] == {"name": "flight.mcap", "topics": [TOPIC]}
    assert provenance["views"] == ["identity", "vflip"]
    assert provenance["teacher"]["detector"]["detector"] == "saliency"
    assert provenance["keep"] == "detector_score >= 0.60 and mask_score >= 0.50"
    first = next(read_manifest(labelled / "manifest.jsonl"))
    assert set(first["instances"][0]["scores"]) == {"detector_score", "mask_score", "agreement"}
    assert (first["stamp_ns"], first["frame_id"], first["source"]) == (START, "camera", f"flight.mcap:{TOPIC}")


def test_yolo_finds_its_text_beside_each_image(labelled: Path) -> None:
    document = yaml.safe_load((labelled / "yolo.yaml").read_text())
    assert document["names"] == {0: "spacecraft", 1: "panel", 2: "antenna"}
    images = (labelled / document["train"]).read_text().split()
    assert len(images) == 5
    for index, image in enumerate(images):
        assert (labelled / image).is_file()
        text = (labelled / image.replace("images", "labels")).with_suffix(".txt").read_text()
        class_id, *numbers = text.split()
        points = np.array(numbers, np.float32).reshape(-1, 2) * (128, 96)
        drawn = cv2.fillPoly(np.zeros((96, 128), np.uint8), [(points - 0.5).round().astype(np.int32)], 1)
        assert class_id == "0"
        assert mask_iou(drawn.astype(bool), truth(index)) > 0.75


def test_the_labelled_bag_holds_image_detections_mask_and_overlay_at_each_stamp(labelled: Path) -> None:
    with BagReader(labelled / "labelled.mcap") as bag:
        counts = {name: topic.count for name, topic in bag.topics.items()}
        topics = Topics()
        frames = (topics.image, topics.detections, topics.mask, topics.overlay)
        assert counts == {**dict.fromkeys(frames, 5), LABEL_INFO_TOPIC: 1}
        message = next(bag.messages([topics.detections]))
        content = bag.deserialize(message)
        assert content.header.frame_id == "camera"
        assert content.detections[0].results[0].hypothesis.class_id == "4"
        mask = bag.deserialize(next(bag.messages([topics.mask])))
        assert mask.encoding == "mono8"
        np.testing.assert_array_equal(mask.data.reshape(96, 128), load(labelled)[0].read_labels())


def test_a_directory_in_sqlite3_with_two_cameras_is_labelled_one_after_the_other(tmp_path: Path) -> None:
    bag = record(tmp_path / "pair", range(3), topics=["/left/image", "/right/image"], storage="sqlite3")
    with pytest.raises(TeacherError, match="2 image topics could be the camera"):
        label(bag, tmp_path / "labels", load_settings(None))
    settings = load_settings(None, {"batch": 2})
    counts = label(bag, tmp_path / "labels", settings, topics=["/left/image", "/right/image"])
    assert counts["kept"] == 6
    with BagReader(tmp_path / "labels" / "labelled.mcap") as written:
        masks = {name: topic.count for name, topic in written.topics.items() if name.endswith("/mask")}
    assert masks == {"/afss/pair_left_image/mask": 3, "/afss/pair_right_image/mask": 3}
    assert [s.key for s in load(tmp_path / "labels")][2:4] == ["pair_left_image_000002", "pair_right_image_000000"]


def test_topics_and_pictures_whose_names_differ_in_what_a_key_cannot_hold_stay_apart(tmp_path: Path) -> None:
    topics = ["/cam/image", "/cam_image"]
    bag = record(tmp_path / "pair.mcap", range(2), topics=topics)
    settings = load_settings(None)
    label(bag, tmp_path / "bag", settings, topics=topics, bag=False)
    assert {s.key: s.attributes["source"] for s in load(tmp_path / "bag")} == {
        "pair_cam_image_000000": "pair.mcap:/cam/image",
        "pair_cam_image_000001": "pair.mcap:/cam/image",
        "pair_cam_image_2_000000": "pair.mcap:/cam_image",
        "pair_cam_image_2_000001": "pair.mcap:/cam_image",
    }
    (tmp_path / "pictures").mkdir()
    for index, name in enumerate(("a b.png", "a(b).png", "a_b.png")):
        (tmp_path / "pictures" / name).write_bytes(encode_picture(picture(index), ".png"))
    label(tmp_path / "pictures", tmp_path / "labels", settings, bag=False)
    labels = load(tmp_path / "labels")
    assert sorted((s.attributes["source"], s.key) for s in labels) == [
        ("a b.png", "a_b"), ("a(b).png", "a_b_2"), ("a_b.png", "a_b_3"),
    ]  # fmt: skip
    for index, sample in enumerate(labels):
        assert np.abs(sample.read_image().astype(int) - picture(index)).mean() < 5
    label(tmp_path / "pictures", tmp_path / "labels", settings, bag=False)  # it is the same recording still


def test_a_topic_that_is_named_twice_is_labelled_once(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    counts = label(bag, tmp_path / "labels", load_settings(None), topics=[TOPIC, TOPIC], bag=False)
    assert sum(counts.values()) == 2


def test_a_bag_without_images_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "quiet.mcap") as bag:
        bag.write("/camera/camera_info", messages.camera_info(CameraInfo.pinhole(128, 96, 0.7), 5), 5)
    with pytest.raises(TeacherError, match=r"holds no images .* /camera/camera_info \(sensor_msgs/msg/CameraInfo"):
        label(tmp_path / "quiet.mcap", tmp_path / "labels", load_settings(None))
    assert not (tmp_path / "labels").exists()


def test_a_folder_of_pictures_is_labelled_by_the_names_of_its_files(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(2))
    label(bag, tmp_path / "first", load_settings(None), bag=False)
    (tmp_path / "first" / "images" / "notes.txt").write_text("not a picture")
    (tmp_path / "first" / "images" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    counts = label(tmp_path / "first" / "images", tmp_path / "second", load_settings(None), bag=False)
    assert (counts["kept"], counts["unreadable"]) == (2, 1)
    assert [s.key for s in load(tmp_path / "second")] == ["flight_camera_image_000000", "flight_camera_image_000001"]


def test_what_the_filter_refuses_is_in_the_manifest_and_not_in_the_set(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", range(3))
    counts = label(bag, tmp_path / "labels", load_settings(None, {"keep": "mask_score > 1.5"}), bag=False)
    assert counts["refused"] == 3
    assert len(load(tmp_path / "labels")) == 0
    assert all(r["instances"][0]["kept"] is False for r in read_manifest(tmp_path / "labels" / "manifest.jsonl"))


def test_a_mask_that_is_empty_has_no_outline_and_one_that_fills_the_image_has_its_border() -> None:
    assert outlines(np.zeros((20, 30), bool)) == []
    (border,) = outlines(np.ones((20, 30), bool))
    assert (border.min(axis=0).tolist(), border.max(axis=0).tolist()) == ([0.25, 0.25], [29.75, 19.75])


def test_outlines_run_along_the_edge_of_the_mask() -> None:
    mask = np.zeros((10, 12), bool)
    mask[2:6, 3:9] = True
    (outline,) = outlines(mask, tolerance=0.1)
    assert outline.min(axis=0).tolist() == pytest.approx([3.25, 2.25])
    assert outline.max(axis=0).tolist() == pytest.approx([8.75, 5.75])
    assert one_outline(np.zeros((4, 4), bool)).shape == (0, 2)


def test_parts_that_lie_apart_become_one_polygon_without_losing_area() -> None:
    mask = np.zeros((40, 60), bool)
    mask[5:15, 5:15] = mask[25:35, 30:55] = True
    polygon = one_outline(mask, tolerance=0.1)
    drawn = cv2.fillPoly(np.zeros((40, 60), np.uint8), [(polygon - 0.5).round().astype(np.int32)], 1)
    assert mask_iou(drawn.astype(bool), mask) > 0.9


def test_the_topics_of_several_cameras_are_names_that_ros_takes() -> None:
    assert Topics.of(["2026-11_cam"])["2026-11_cam"].mask == "/afss/mask"
    made = Topics.of(["2026-11_cam", "flight.a_cam", "flight-a_cam"])
    bases = [topics.base for topics in made.values()]
    assert bases == ["/afss/camera_2026_11_cam", "/afss/flight_a_cam", "/afss/flight_a_cam_2"]
