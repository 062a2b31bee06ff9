"""Our form on disk: what is written is read back, whatever kills the writer."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from processes import PATIENCE_S, finish, python, run, started

from afss_ros import datasets
from afss_ros.datasets import DatasetError, DatasetWriter, Instance

IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
LABELS = np.array([[0, 1, 1, 0, 0, 0], [0, 1, 2, 2, 0, 0], [0, 0, 3, 255, 0, 0], [0, 0, 0, 0, 0, 0]], np.uint8)


def _fill(root: Path, keys: range, *, shard: int | None = None) -> None:
    with DatasetWriter(root, provenance={"seed": 7}, shard=shard) as writer:
        for k in keys:
            if f"{k:03d}" not in writer:
                writer.add(f"{k:03d}", IMAGE + k, LABELS, [Instance.from_mask("spacecraft", LABELS > 0)])


def test_everything_that_is_added_is_read_back(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, provenance={"seed": 7}) as writer:
        writer.add(
            "fly_by/0001",
            IMAGE,
            LABELS,
            [Instance.from_mask("spacecraft", LABELS > 0, 0.75)],
            split="test",
            sequence="fly_by",
            attributes={"sun": [0.0, 1.0, 0.0]},
            image_format="png",
        )
        writer.add("dark", IMAGE * 0)
    dataset = datasets.load(tmp_path)
    sample, dark = dataset.samples
    assert (sample.key, sample.split, sample.sequence) == ("fly_by/0001", "test", "fly_by")
    assert (sample.width, sample.height) == (6, 4)
    assert sample.attributes == {"sun": [0.0, 1.0, 0.0]}
    np.testing.assert_array_equal(sample.read_image(), IMAGE)
    np.testing.assert_array_equal(sample.read_labels(), LABELS)
    assert sample.instances is not None
    (instance,) = sample.instances
    assert (instance.class_name, instance.score) == ("spacecraft", 0.75)
    assert instance.box_xyxy.tolist() == [1.0, 0.0, 4.0, 3.0]
    np.testing.assert_array_equal(instance.mask(), LABELS > 0)
    assert (dark.labels, dark.instances) == (None, None)
    assert dataset.provenance == {"seed": 7}
    assert dataset.problems == ()


def test_instances_json_is_coco_with_lossless_masks(tmp_path: Path) -> None:
    _fill(tmp_path, range(2))
    document = json.loads((tmp_path / "instances.json").read_text())
    assert [a["bbox"] for a in document["annotations"]] == [[1.0, 0.0, 3.0, 3.0]] * 2
    assert document["annotations"][0]["area"] == np.count_nonzero(LABELS)
    assert {"id": 4, "name": "spacecraft"} in document["categories"]
    again = datasets.load(tmp_path / "instances.json")
    assert [s.key for s in again] == ["images/000", "images/001"]
    assert again.problems == ()
    np.testing.assert_array_equal(again[1].read_craft_mask(), LABELS > 0)


def test_a_key_is_written_once(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        writer.add("a", IMAGE)
        assert "a" in writer
        with pytest.raises(DatasetError, match="already has 'a'"):
            writer.add("a", IMAGE)


@pytest.mark.parametrize("key", ["", "../outside", "/etc/x", "a//b", "a/.hidden", "tab\t"])
def test_a_key_that_is_no_file_name_is_refused(tmp_path: Path, key: str) -> None:
    with DatasetWriter(tmp_path) as writer, pytest.raises(DatasetError, match="cannot name a file"):
        writer.add(key, IMAGE)


def test_arrays_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path) as writer:
        with pytest.raises(DatasetError, match=r"labels must be uint8 \(4, 6\)"):
            writer.add("a", IMAGE, LABELS[:3])
        with pytest.raises(DatasetError, match="instance mask"):
            writer.add("a", IMAGE, LABELS, [Instance.from_mask("spacecraft", LABELS[:3] > 0)])
    assert len(datasets.load(tmp_path)) == 0


def test_a_set_of_another_making_is_not_mixed_in(tmp_path: Path) -> None:
    DatasetWriter(tmp_path, provenance={"seed": 1}).close()
    with pytest.raises(DatasetError, match="provenance"):
        DatasetWriter(tmp_path, provenance={"seed": 2})


def test_two_writers_cannot_share_a_shard(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, shard=0), pytest.raises(DatasetError, match="its own shard"):
        DatasetWriter(tmp_path, shard=0)


def test_shards_merge_into_the_set_that_one_writer_makes(tmp_path: Path) -> None:
    _fill(tmp_path / "one", range(6))
    for shard in range(3):
        _fill(tmp_path / "many", range(shard, 6, 3), shard=shard)
    unmerged = datasets.load(tmp_path / "many")
    assert sorted(s.key for s in unmerged) == [f"{k:03d}" for k in range(6)]
    assert datasets.merge_shards(tmp_path / "many") == 6
    assert datasets.merge_shards(tmp_path / "many") == 6
    for name in ("samples.jsonl", "instances.json", "dataset.json"):
        assert (tmp_path / "many" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
    assert not list((tmp_path / "many").glob("samples-*"))


def test_a_torn_last_line_is_dropped_and_its_sample_written_again(tmp_path: Path) -> None:
    _fill(tmp_path, range(3))
    lines = tmp_path / "samples.jsonl"
    lines.write_bytes(lines.read_bytes()[:-20])
    assert [s.key for s in datasets.load(tmp_path)] == ["000", "001"]
    _fill(tmp_path, range(3))
    dataset = datasets.load(tmp_path)
    assert [s.key for s in dataset] == ["000", "001", "002"]
    assert dataset.problems == ()


def test_a_last_line_without_its_end_is_whole(tmp_path: Path) -> None:
    _fill(tmp_path, range(2))
    lines = tmp_path / "samples.jsonl"
    lines.write_bytes(lines.read_bytes().rstrip(b"\n"))
    assert [s.key for s in datasets.load(tmp_path)] == ["000", "001"]
    _fill(tmp_path, range(3))
    assert [s.key for s in datasets.load(tmp_path)] == ["000", "001", "002"]


def test_a_set_is_not_merged_under_a_writer(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, shard=3) as writer:
        writer.add("a", IMAGE)
        with pytest.raises(DatasetError, match="close every writer"):
            datasets.merge_shards(tmp_path)
    assert datasets.merge_shards(tmp_path) == 1


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    script = """
import os, resource, signal, sys
from afss_ros.datasets.files import append_line
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_APPEND)
append_line(descriptor, b"a" * 29 + bytes([10]))
try:
    append_line(descriptor, b"b" * 29 + bytes([10]))
except OSError as error:
    sys.exit(7)
"""
    path = tmp_path / "lines"
    assert run(python("-c", script, path)).returncode == 7
    assert path.read_bytes() == b"a" * 29 + b"\n"


_WRITE_FOREVER = """
import sys
import numpy as np
from afss_ros.datasets import DatasetWriter
image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
with DatasetWriter(sys.argv[1]) as writer:
    for k in range(100000):
        writer.add(f"{k:06d}", image, image[..., 0] % 4)
"""


def test_a_writer_killed_with_signal_9_leaves_only_whole_samples_and_resumes(tmp_path: Path) -> None:
    lines = tmp_path / "samples.jsonl"
    with started(python("-c", _WRITE_FOREVER, tmp_path)) as writer:
        deadline = time.monotonic() + PATIENCE_S
        while not (lines.exists() and lines.stat().st_size > 2000):
            assert time.monotonic() < deadline
            assert writer.poll() is None
            time.sleep(0.005)
        writer.send_signal(signal.SIGKILL)
        finish(writer)
    dataset = datasets.load(tmp_path)
    assert len(dataset) > 5
    assert dataset.problems == ()
    for sample in dataset:
        np.testing.assert_array_equal(sample.read_labels().shape, (64, 64))
        sample.read_image()
    with DatasetWriter(tmp_path) as resumed:
        following = f"{len(dataset):06d}"
        assert dataset[-1].key in resumed
        assert following not in resumed
        resumed.add(following, np.zeros((64, 64, 3), np.uint8))
    assert [s.key for s in datasets.load(tmp_path)] == [f"{k:06d}" for k in range(len(dataset) + 1)]
