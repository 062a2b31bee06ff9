"""A labelling that a person interrupts says where it is, and how to look at what there is."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from processes import PATIENCE_S, python, started
from processes import finish as wait_for_end
from recorded import record

from afss_ros.cli import main
from afss_ros.datasets import load
from afss_ros.labelling import console
from afss_ros.labelling.command import finish, label
from afss_ros.labelling.manifest import Manifest
from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.errors import TeacherError


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def interrupted(bag: Path, out: Path) -> tuple[int, str]:
    """Run `afss label`, and press Ctrl-C when two frames are written."""
    command = python("-m", "afss_ros.cli", "label", bag, "--out", out, "--set", "batch=1")
    with started(command, changes={"OMP_NUM_THREADS": "1"}) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not (out / "manifest.jsonl").exists() or (out / "manifest.jsonl").read_bytes().count(b"\n") < 2:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        return wait_for_end(process)


def test_ctrl_c_says_how_far_it_came_and_how_to_go_on_or_finish(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag, out = record(tmp_path / "flight.mcap", range(60)), tmp_path / "labels"
    code, errors = interrupted(bag, out)
    done = (out / "manifest.jsonl").read_bytes().count(b"\n")
    assert code == 130 and 2 <= done < 60
    assert f"stopped after {done} of 60 frames" in errors and "The same command goes on; with --finish" in errors
    assert not (out / "report.html").exists()
    assert main(["label", "--out", str(out), "--finish", "--no-bag"]) == 0
    assert f"{done} frames" in capsys.readouterr().out
    assert (out / "report.html").exists() and (out / "yolo.yaml").exists() and not (out / "labelled.mcap").exists()
    assert len(json.loads((out / "instances.json").read_text())["images"]) == len(load(out))
    settings = load_settings(None, {"batch": 1})
    label(bag, out, settings)
    label(bag, tmp_path / "whole", settings)
    assert tree(out) == tree(tmp_path / "whole")
    finish(out)
    assert tree(out) == tree(tmp_path / "whole")


def test_finish_takes_what_a_person_dropped_out_of_every_export(tmp_path: Path) -> None:
    bag, out = record(tmp_path / "flight.mcap", range(3)), tmp_path / "labels"
    label(bag, out, load_settings(None, {}), bag=False)
    dropped, *kept = [sample.key for sample in load(out)]
    content = {"format": "afss-choices", "version": 1, "keep": [], "drop": [dropped]}
    (out / "choices.json").write_text(json.dumps(content))
    finish(out, bag=False)
    instances = json.loads((out / "instances.json").read_text())
    assert sorted(Path(i["file_name"]).stem for i in instances["images"]) == kept
    assert {i["image_id"] for i in instances["annotations"]} <= {i["id"] for i in instances["images"]}
    assert sorted(Path(line).stem for line in (out / "yolo_train.txt").read_text().split()) == kept


def test_ctrl_c_between_a_frame_and_the_bar_counts_the_frame(tmp_path: Path) -> None:
    bag, out = record(tmp_path / "flight.mcap", range(6)), tmp_path / "labels"
    counts = label(bag, out, load_settings(None, {"frames.every": 2}), bag=False)
    assert (counts["kept"], counts["thinned"]) == (3, 3)
    said = console.interrupted(out, {**counts, "kept": 2}, 6)
    assert said.startswith("stopped after 6 of 6 frames, 3 of them kept")


def test_there_must_be_something_to_label_or_to_finish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "--out", str(tmp_path / "labels")]) == 2
    assert "what is to be labelled?" in capsys.readouterr().err
    with pytest.raises(TeacherError, match="nothing is labelled here"):
        finish(tmp_path)


def test_a_set_that_is_being_labelled_is_not_finished(tmp_path: Path) -> None:
    out = tmp_path / "labels"
    label(record(tmp_path / "flight.mcap", range(1)), out, load_settings(None), bag=False)
    manifest = Manifest(out / "manifest.jsonl")
    with pytest.raises(TeacherError, match="another `afss label` is writing here"):
        finish(out)
    manifest.close()
