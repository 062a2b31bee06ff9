"""Several students side by side."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros import cli
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.evaluation import compare, compare_html, run
from afss_ros.evaluation.metrics.pareto import front

LABELS = np.zeros((64, 64), np.uint8)
LABELS[20:40, 10:30] = 1


@pytest.fixture
def documents(tmp_path: Path, tiny_student: Path, boxes_student: Path) -> list[Path]:
    image = np.where(LABELS[..., None] > 0, np.uint8(180), np.uint8(0)).repeat(3, 2)
    with DatasetWriter(tmp_path / "set") as writer:
        for i in range(2):
            writer.add(f"{i}", image, LABELS, [Instance.from_mask("spacecraft", LABELS > 0)], image_format="png")
    paths = []
    for student in (tiny_student, boxes_student):
        paths.append(tmp_path / f"{student.stem}.json")
        run.write_json(paths[-1], run.run(student, tmp_path / "set", provider="cpu"))
    return paths


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_best_is_marked_by_what_is_better(documents: list[Path]) -> None:
    _edit(documents[0], box_ap=0.5, gmacs=3.0)
    _edit(documents[1], box_ap=0.7, gmacs=9.0)
    winners = {row.heading: row.winners for row in compare.rows(compare.read(documents))}
    assert winners["box ap"] == {1}
    assert winners["gmacs"] == {0}
    # The student of boxes has no label map: nothing to compare.
    assert winners["whole iou"] == set()


def test_further_classes_are_compared_by_name(documents: list[Path]) -> None:
    thruster = {"iou": 0.5, "iou_interval_95": [0.4, 0.6]}
    _edit(documents[0], further_classes={"thruster": thruster, "radiator": {"iou": 0.25, "iou_interval_95": None}})
    _edit(documents[1], further_classes={"thruster": {"iou": 0.75, "iou_interval_95": None}})
    read = compare.read(documents)
    found = {row.heading: row for row in compare.rows(read)}
    assert found["thruster iou"] == ("thruster iou", (0.5, 0.75), ([0.4, 0.6], None), {1})
    assert found["radiator iou"].values == (0.25, None)
    page = " ".join(compare_html.render(read).split())
    assert '<td>thruster iou <td>0.500 <span class="facts">(0.40 to 0.60)</span> <td class="best">0.750' in page


def test_documents_of_other_images_are_refused(documents: list[Path]) -> None:
    _edit(documents[1], data_sha256="0" * 64)
    with pytest.raises(run.EvaluationError, match="other images"):
        compare.read(documents)


@pytest.mark.parametrize("content", ["{}", "[]", "nonsense"])
def test_what_is_no_document_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(run.EvaluationError, match=r"x\.json"):
        compare.read([tmp_path / "x.json"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": []}, "its model is none"),
        ({"images": "4"}, "its images is none"),
        ({"whole_iou": [0.5]}, "its whole_iou is no number"),
        ({"gmacs": "0.5"}, "its gmacs is no number"),
        ({"latency_ms_p50": 10**400}, "its latency_ms_p50 is no number"),
        ({"curves": 3}, "one holds a value that afss evaluate does not write"),
        ({"intervals_95": {"whole_iou": "x"}}, "one holds a value that afss evaluate does not write"),
    ],
)
def test_a_value_that_was_never_written_is_one_error_and_no_page(
    change: dict[str, Any], says: str, documents: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(documents[0], **change)
    assert cli.main(["compare", *map(str, documents), "--html", str(tmp_path / "page.html")]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert says in said and documents[0].name in said and "Traceback" not in said
    assert not (tmp_path / "page.html").exists()


def test_models_of_one_name_are_told_apart() -> None:
    assert compare.names([{"model": "a/student.onnx"}, {"model": "b/student.onnx"}, {"model": "c/other.onnx"}]) == [
        "a/student",
        "b/student",
        "other",
    ]


def test_the_front_holds_what_nobody_beats() -> None:
    assert front([3.0, 1.0, 2.0, 2.0], [0.9, 0.5, 0.4, 0.8]) == [1, 3, 0]


def test_the_command_prints_a_table_and_writes_one_page(
    documents: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out/compare.html"
    assert cli.main(["compare", *map(str, documents), "--html", str(page)]) == 0
    assert re.search(r"mean box iou +│? +1\.000 +│? +1\.000", capsys.readouterr().out)
    text = page.read_text()
    headings = ["Accuracy", "Precision", "Precision", "Reliability", "Craft", "Confusion", "Worst"]
    assert re.findall(r"<h2>(\w+)", text) == headings
    assert text.count("<svg") == 6
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def _pictures(text: str) -> list[str]:
    return re.findall(r'<img src="data:image/jpeg;base64,[^"]+" alt=""><span>([^<]+)</span>', text)


def test_the_worst_cases_of_each_are_drawn_side_by_side(
    documents: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(documents[0], worst=[{"key": "1", "quality": 0.2}])
    _edit(documents[1], worst=[{"key": "0", "quality": 0.1}, {"key": "1", "quality": 0.3}])
    page = tmp_path / "compare.html"
    assert cli.main(["compare", *map(str, documents), "--html", str(page)]) == 0
    text = page.read_text()
    assert _pictures(text) == ["image", "truth", "tiny, IoU 1.000", "boxes, box IoU 1.000"] * 2
    assert re.findall(r">(\d), among the worst of ([^<]+)<", text) == [("1", "tiny, boxes"), ("0", "boxes")]
    assert "not drawn" not in capsys.readouterr().err


def test_a_student_that_changed_is_named_and_the_others_are_drawn(
    documents: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(documents[0], model_sha256="0" * 64)
    page = tmp_path / "compare.html"
    assert cli.main(["compare", *map(str, documents), "--html", str(page)]) == 0
    assert _pictures(page.read_text()) == ["image", "truth", "boxes, box IoU 1.000"] * 2
    assert re.search(r"Not drawn: tiny: .*tiny\.onnx is another file by now; evaluate it again", page.read_text())
    assert "not drawn: tiny" in " ".join(capsys.readouterr().err.split())


def test_without_the_images_there_is_a_page_without_pictures(documents: list[Path], tmp_path: Path) -> None:
    (tmp_path / "set").rename(tmp_path / "elsewhere")
    page = tmp_path / "compare.html"
    assert cli.main(["compare", *map(str, documents), "--html", str(page)]) == 0
    assert _pictures(page.read_text()) == []
    assert "no such folder" in page.read_text()
