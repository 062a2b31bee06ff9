"""A real student, evaluated end to end on sets whose figures are known."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console
from tiny_students import build_tiny_student

from afss_ros import cli
from afss_ros.datasets import DatasetError, DatasetWriter, Instance, load
from afss_ros.evaluation import run, summary, table
from afss_ros.evaluation.evaluate import evaluate
from afss_ros.labels import CLASS_NAMES
from afss_ros.perception import Frame, Perception

COLORS = np.array([[0, 0, 0], [180, 180, 180], [30, 40, 160], [200, 40, 40]], np.uint8)
"""What the tiny student calls background, body, panel, antenna."""


def _craft(x: int) -> np.ndarray:
    labels = np.zeros((64, 64), np.uint8)
    labels[20:40, x : x + 10] = 1
    labels[26:34, x + 10 : x + 24] = 2
    labels[14:20, x + 2 : x + 5] = 3
    return labels


def _write(root: Path, truths: list[np.ndarray], *, seen: list[np.ndarray] | None = None, sequence: str = "") -> Path:
    with DatasetWriter(root) as writer:
        for i, (truth, picture) in enumerate(zip(truths, seen or truths, strict=True)):
            instances = [Instance.from_mask("spacecraft", truth > 0)] if truth.any() else []
            attributes = {"place": "north" if i % 2 else "south"}
            writer.add(f"{i}", COLORS[picture], truth, instances, "test", sequence, attributes, "png")
    return root


@pytest.fixture
def perfect(tmp_path: Path) -> Path:
    return _write(tmp_path / "set", [_craft(x) for x in (4, 12, 20, 28)])


def test_a_student_that_is_right_scores_one(perfect: Path, tiny_student: Path) -> None:
    document = run.run(tiny_student, perfect, provider="cpu")
    for name in ("whole_iou", "body_iou", "panel_iou", "antenna_iou", "mean_part_dice_per_image"):
        assert document[name] == 1.0
    for name in ("box_ap", "box_ap50", "mask_ap", "mean_box_iou", "s_acc"):
        assert document[name] == pytest.approx(1.0)
    assert document["images"] == 4
    assert document["latency_ms_p50"] > 0
    assert document["intervals_95"]["whole_iou"] == [1.0, 1.0]
    assert document["strata"]["place"]["north"]["images"] == 2


def test_a_student_that_sees_nothing_scores_zero(tmp_path: Path, tiny_student: Path) -> None:
    truths = [_craft(4), _craft(12)]
    document = run.run(tiny_student, _write(tmp_path, truths, seen=[t * 0 for t in truths]), provider="cpu")
    for name in ("whole_iou", "body_iou", "panel_iou", "antenna_iou", "box_ap", "mask_ap", "mean_box_iou", "s_acc"):
        assert document[name] == 0.0


def test_the_document_has_the_promised_keys_and_is_plain_json(
    perfect: Path, tiny_student: Path, tmp_path: Path
) -> None:
    document = run.run(tiny_student, perfect, provider="cpu")
    promised = ["whole", "body", "panel", "antenna", "mean_part"]
    promised = [f"{c}_{m}{t}" for c in promised for m in ("iou", "dice") for t in ("", "_per_image")]
    promised += ["box_ap", "box_ap50", "mask_ap", "mean_box_iou", "params_m", "gmacs", "latency_ms_p50"]
    assert set(promised) <= set(document)
    run.write_json(tmp_path / "out" / "f.json", document)
    assert json.loads((tmp_path / "out" / "f.json").read_text()) == document


def test_a_set_of_boxes_gives_box_figures_only(tmp_path: Path, tiny_student: Path) -> None:
    (tmp_path / "images").mkdir()
    assert cv2.imwrite(str(tmp_path / "images/a.png"), COLORS[_craft(4)][..., ::-1])
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\na.png,4,14,28,40\n")
    document = run.run(tiny_student, tmp_path, provider="cpu")
    assert (document["mean_box_iou"], document["box_ap"]) == (1.0, 1.0)
    assert document["whole_iou"] is None
    assert document["mask_ap"] is None
    assert document["s_acc"] is None


def test_a_student_of_boxes_gives_box_figures_only(perfect: Path, boxes_student: Path) -> None:
    document = run.run(boxes_student, perfect, provider="cpu")
    assert document["mean_box_iou"] == 1.0
    assert document["whole_iou"] is None
    assert document["mask_ap"] is None


def test_an_unreadable_image_is_named_and_the_rest_is_measured(perfect: Path, tiny_student: Path) -> None:
    (perfect / "images/2.png").write_bytes(b"not a picture")
    (perfect / "images/3.png").unlink()
    document = run.run(tiny_student, perfect, provider="cpu")
    assert document["images"] == 2
    assert document["whole_iou"] == 1.0
    assert len(document["problems"]) == 2
    assert all(name in " ".join(document["problems"]) for name in ("2.png", "3.png"))


def test_a_set_without_a_usable_image_is_refused(perfect: Path, tiny_student: Path) -> None:
    for picture in (perfect / "images").iterdir():
        picture.write_bytes(b"")
    with pytest.raises(DatasetError, match="none of 4 images"):
        run.run(tiny_student, perfect, provider="cpu")
    for picture in (perfect / "images").iterdir():
        picture.unlink()
    with pytest.raises(run.EvaluationError, match="no usable image"):
        run.run(tiny_student, perfect, provider="cpu")


SPACECRAFT_PARTS = {0: "background", 3: "spacecraft", 5: "body", 7: "radiator", 9: "thruster", 11: "dish"}
"""A table of parts that is not ours, with ids of its own; the student below knows no dish."""


@pytest.fixture
def other_parts(tmp_path: Path) -> tuple[Path, Path]:
    """A student that calls panels radiators and antennas thrusters, and a set of the same craft.

    In the second image it misses the thruster, 18 pixels of 36.
    """
    names = {"0": "background", "1": "body", "2": "radiator", "3": "thruster"}
    student = build_tiny_student(tmp_path / "other.onnx", metadata={"afss.class_names": json.dumps(names)})
    with DatasetWriter(tmp_path / "other", class_names=SPACECRAFT_PARTS) as writer:
        for i, x in enumerate((4, 20)):
            ours = _craft(x)
            truth = np.array([0, 5, 7, 9], np.uint8)[ours]
            truth[40:42, x] = 11
            picture = COLORS[np.where((ours == 3) & (i == 1), 0, ours)]
            picture[40:42, x] = COLORS[1]
            whole, thruster = (
                Instance.from_mask(n, m) for n, m in (("spacecraft", truth > 0), ("thruster", truth == 9))
            )
            writer.add(f"{i}", picture, truth, [whole, thruster], image_format="png")
    return student, tmp_path / "other"


def test_classes_that_are_not_ours_are_scored_by_name(other_parts: tuple[Path, Path]) -> None:
    document = run.run(*other_parts, provider="cpu")
    assert list(document["further_classes"]) == ["radiator", "thruster"]
    assert document["further_classes"]["radiator"]["iou"] == 1.0
    thruster = document["further_classes"]["thruster"]
    assert thruster["iou"] == thruster["iou_per_image"] == 0.5
    assert thruster["dice"] == 2 / 3
    low, high = thruster["iou_interval_95"]
    assert (low, high) == (0.0, 1.0)
    assert document["panel_iou"] is None
    assert np.shape(document["curves"]["confusion"]) == (5, 5)
    # A dish is craft of unknown part to this student: it calls it body, which is wrong there and right as a whole.
    assert document["body_iou"] == 400 / 404
    assert document["whole_iou"] == pytest.approx(1 - 18 / (2 * (200 + 112 + 18 + 2)))


def test_parts_of_another_table_are_no_craft(other_parts: tuple[Path, Path]) -> None:
    report = evaluate(lambda frame: Perception((), None, SPACECRAFT_PARTS), load(other_parts[1]))
    assert [[t.class_name for t in r.objects.truth] for r in report.images if r.objects] == [["spacecraft"]] * 2


def test_further_classes_are_shown(other_parts: tuple[Path, Path], tmp_path: Path) -> None:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table.render(run.run(*other_parts, provider="cpu", html=tmp_path / "report.html")))
    assert re.search(r"thruster +0\.500 +0\.00\.\.1\.00 +0\.500 +0\.667", captured.get())
    page = " ".join((tmp_path / "report.html").read_text().split())
    assert "<tr><td>thruster<td>0.500 <td>0.00 to 1.00" in page
    assert "radiator, thruster" in page


def test_a_set_of_our_classes_has_no_further_ones(perfect: Path, tiny_student: Path) -> None:
    assert run.run(tiny_student, perfect, provider="cpu")["further_classes"] == {}


def test_a_limit_spreads_over_the_set(perfect: Path) -> None:
    asked: list[str] = []

    def blind(frame: Frame) -> Perception:
        asked.append(Path(frame.source).stem)
        return Perception((), np.zeros(frame.image.shape[:2], np.uint8), CLASS_NAMES)

    report = evaluate(blind, load(perfect), limit=2)
    assert asked == ["0", "2"]
    assert summary.measure(report.images, report.known)["whole_iou"] == 0.0


def test_neighbouring_frames_are_no_independent_evidence(tmp_path: Path, tiny_student: Path) -> None:
    truths = [_craft(4), _craft(12)] * 4
    seen = [_craft(4), _craft(12) * 0] * 4
    apart = run.run(tiny_student, _write(tmp_path / "apart", truths, seen=seen), provider="cpu")
    together = run.run(tiny_student, _write(tmp_path / "one", truths, seen=seen, sequence="fly_by"), provider="cpu")
    low, high = apart["intervals_95"]["whole_iou"]
    assert low < 0.5 < high
    assert together["intervals_95"]["whole_iou"] is None


def test_the_report_is_one_file_with_its_pictures(perfect: Path, tiny_student: Path, tmp_path: Path) -> None:
    page = tmp_path / "out/report.html"
    run.run(tiny_student, perfect, provider="cpu", html=page)
    text = page.read_text()
    assert len(re.findall(r'<img src="data:image/jpeg;base64,', text)) == 3 * 4
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert "mean part" in text
    assert text.count("<svg") == 3
    assert "Reliability of the scores, expected error 0." in text
    assert "Craft missed over false alarms" in text


HALF_SEEN = [_craft(4), _craft(12) * 0] * 4


def test_every_accuracy_has_an_interval(tmp_path: Path, tiny_student: Path) -> None:
    truths = [_craft(4), _craft(12)] * 4
    document = run.run(tiny_student, _write(tmp_path / "set", truths, seen=HALF_SEEN), provider="cpu")
    intervals = document["intervals_95"]
    for name in ("box_ap", "box_ap50", "box_ap75", "mask_ap", "mask_ap50", "boundary_f", "mean_box_iou"):
        low, high = intervals[name]
        assert low < document[name] < high, name
    # Known where the craft was seen, and exact there.
    assert intervals["hausdorff95_px"] == [0.0, 0.0]
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table.render(document))
    assert re.search(r"box ap +0\.50\d +0\.\d\d\.\.[01]\.\d\d", captured.get())


def test_one_sequence_is_one_piece_of_evidence_for_average_precision(tmp_path: Path, tiny_student: Path) -> None:
    truths = [_craft(4), _craft(12)] * 4
    document = run.run(tiny_student, _write(tmp_path, truths, seen=HALF_SEEN, sequence="fly_by"), provider="cpu")
    assert document["intervals_95"]["box_ap"] is document["intervals_95"]["boundary_f"] is None


def test_curves_tell_what_boxes_masks_and_scores_are_worth(tmp_path: Path, tiny_student: Path) -> None:
    truths = [_craft(4), _craft(12)] * 4
    curves = run.run(tiny_student, _write(tmp_path, truths, seen=HALF_SEEN), provider="cpu")["curves"]
    for name in ("box_precision_50", "mask_precision_50"):
        assert curves[name] == [1.0] * 51 + [0.0] * 50
    ((only),) = curves["reliability"]
    assert (only["right"], only["count"]) == (1.0, 4)


def test_the_table_shows_the_figures(perfect: Path, tiny_student: Path) -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(table.render(run.run(tiny_student, perfect, provider="cpu")))
    assert re.search(r"whole +1\.000", captured.get())
    assert "4 images, 0 unusable" in captured.get()


def test_the_command(perfect: Path, tiny_student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", str(tiny_student), "--data", str(perfect), "--provider", "cpu", "--tta", "d4"]
    assert cli.main([*command, "--split", "test", "--json", str(tmp_path / "f.json")]) == 0
    assert json.loads((tmp_path / "f.json").read_text())["whole_iou"] == 1.0
    assert "whole" in capsys.readouterr().out
    assert cli.main([*command, "--split", "train"]) == 1
    assert "no split 'train'" in " ".join(capsys.readouterr().err.split())
    (perfect / "images/3.png").unlink()
    assert cli.main(command) == 3


def test_a_set_without_craft_has_figures_of_its_own(tmp_path: Path, tiny_student: Path) -> None:
    nothing = np.zeros((64, 64), np.uint8)
    data = _write(tmp_path / "set", [nothing] * 4, seen=[nothing, nothing, nothing, _craft(4)])
    document = run.run(tiny_student, data, provider="cpu", html=tmp_path / "report.html")
    assert document["whole_iou"] is None and document["box_ap"] is None and document["boundary_f"] is None
    assert document["false_alarm_images"] == 0.25 and document["false_alarms_per_image"] == 0.25
    assert document["false_alarms_per_hour"] == 900
    assert document["intervals_95"]["false_alarms_per_hour"] == pytest.approx([3600 * 0.0063, 3600 * 0.8059], rel=1e-2)
    assert document["empty_called_craft"] == pytest.approx(np.count_nonzero(_craft(4)) / (4 * 64 * 64))
    assert document["missed_craft"] is None
    silent = document["thresholds"][0]
    assert silent["rate"] == 0.0 and silent["alarmed"] == 0.0 and silent["threshold"] > 0.5
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table.render(document))
    assert re.search(r"false alarms per hour +900\.000", captured.get())
    assert "false alarms per hour" in (tmp_path / "report.html").read_text()


def test_misses_and_false_alarms_trade_along_the_threshold(tmp_path: Path, tiny_student: Path) -> None:
    truths = [_craft(4), _craft(12), _craft(20) * 0]
    data = _write(tmp_path / "set", truths, seen=[_craft(4), _craft(12) * 0, _craft(20)])
    document = run.run(tiny_student, data, provider="cpu", threshold=0.3)
    assert document["missed_craft"] == 0.5 and document["false_alarm_images"] == 1.0
    assert document["threshold"] == 0.3
    curve = document["curves"]["false_alarms"]
    assert [r["threshold"] for r in curve] == pytest.approx(np.arange(0.05, 1, 0.05))
    assert all(a["false_alarms"] >= b["false_alarms"] for a, b in pairwise(curve))


def test_scores_are_calibrated_on_one_set_and_judged_on_another(
    perfect: Path, tmp_path: Path, tiny_student: Path
) -> None:
    first = tmp_path / "first.json"
    first.write_text(json.dumps({"score_calibration": {"slope": 2.0, "offset": -1.0}}))
    document = run.run(tiny_student, perfect, provider="cpu", calibration=first)
    found = document["score_calibration"]
    assert (found["slope"], found["offset"], found["of"]) == (2.0, -1.0, str(first))
    assert found["score_error"] >= 0
    first.write_text("{}")
    with pytest.raises(run.EvaluationError, match="no score_calibration"):
        run.run(tiny_student, perfect, provider="cpu", calibration=first)
