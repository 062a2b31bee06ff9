"""A line on what a network has computed tells pictures with a craft from those without, and flies with the student."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter
from afss_ros.distill import DistillError
from afss_ros.distill.export import presence, to_onnx
from afss_ros.distill.export.batch_axis import freed
from afss_ros.distill.export.to_onnx import ExportOptions
from afss_ros.perception import Frame
from afss_ros.student import Student
from afss_ros.student.runtime import session_options


def test_a_line_finds_what_tells_and_both_kinds_count_alike() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(2, 3, (40_000, 4)).astype(np.float32)
    there = rng.random(40_000) < 1 / (1 + np.exp(-(values[:, 1] - 4.0)))
    assert there.mean() < 0.4
    *weights, offset = presence.fit(values, there, ridge=1.0)
    assert weights == pytest.approx([0, 1.0, 0, 0], abs=0.05)
    # With as many of one kind as of the other, the odds are those of the set divided by the set's own.
    assert offset == pytest.approx(-4.0 - np.log(there.mean() / (1 - there.mean())), abs=0.2)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of which it is known that no craft is in them."""
    rng = np.random.default_rng(4)
    with DatasetWriter(tmp_path_factory.mktemp("sky") / "sky") as writer:
        for i in range(12):
            image = rng.integers(0, 20, (64, 64, 3)).astype(np.uint8)
            writer.add(f"{i}", image, np.zeros((64, 64), np.uint8), (), image_format="png")
    return writer.root


@pytest.fixture(scope="module")
def students(run: Path, drawn_set: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A student in floating point, and in 8 bits."""
    folder = tmp_path_factory.mktemp("students")
    plain = to_onnx.export(run, folder / "plain.onnx", ExportOptions((64, 64)))
    return plain, to_onnx.export_int8(run, plain, folder / "int8.onnx", drawn_set)


@pytest.mark.parametrize("bits", ["float", "int8"])
def test_it_flies_and_all_else_stays(
    bits: str,
    students: tuple[Path, Path],
    drawn_set: Path,
    sky: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    student, told = students[bits == "int8"], tmp_path / "told.onnx"
    sets = ["--data", str(drawn_set), "--data", str(sky)]
    assert main(["presence", str(student), *sets, "--looks", "1", "--out", str(told)]) == 0
    assert "laid on 44 looks, 32 of them at a craft" in capsys.readouterr().out
    pictures = [[s.read_image() for s in datasets.load(root).samples] for root in (drawn_set, sky)]
    with (
        Student(student, provider="cpu", threads=1) as before,
        Student(told, provider="cpu", threads=1, hold_weights=True) as after,
    ):
        assert after.weights is not None, after.not_held
        chances = [[after(Frame(image)).presence or 0.0 for image in images] for images in pictures]
        for image in pictures[0][:4]:
            was, now = before(Frame(image)), after(Frame(image))
            assert np.array_equal(was.labels, now.labels)  # type: ignore[arg-type]
            assert [d.score for d in was.detections] == [d.score for d in now.detections]
    assert min(chances[0]) > 0.5 > max(chances[1])
    ours, theirs = (onnx.load(str(path)).graph for path in (told, student))
    assert list(ours.node[: len(theirs.node)]) == list(theirs.node)
    freed(told.read_bytes())  # and pictures of several cameras share a run as before


@pytest.mark.parametrize("bits", ["float", "int8"])
def test_what_is_pooled_is_what_the_network_computed(bits: str, students: tuple[Path, Path], drawn_set: Path) -> None:
    model = onnx.load(str(students[bits == "int8"]))
    names = presence._features(model)
    assert "/decoder" in names[1] and "/head" in names[2]
    for name in names:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    image = datasets.load(drawn_set).samples[0].read_image()[None]
    deep, decoded, logits = _run(model, list(names), image)
    (pooled,) = _run(presence._pooling(model), ["presence/pooled"], image)
    craft = 1 / (1 + np.exp(-(logits[:, 1:].max(1, keepdims=True) - logits[:, :1])))
    there = (decoded * craft).sum((2, 3)) / craft.sum((2, 3))
    means, most = ([f((2, 3)) for f in (getattr(deep, kind), getattr(decoded, kind))] for kind in ("mean", "max"))
    np.testing.assert_allclose(pooled, np.concatenate([*means, *most, there], 1), rtol=1e-3, atol=1e-4)


def _run(model: onnx.ModelProto, names: list[str], image: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(1), providers=["CPUExecutionProvider"]
    )
    return list(session.run(names, {"image": image}))


def test_a_new_line_takes_the_place_of_the_old_one(students: tuple[Path, Path], tmp_path: Path) -> None:
    pooled = presence._pooling(onnx.load(str(students[0])))
    (values,) = _run(pooled, ["presence/pooled"], np.zeros((1, 64, 64, 3), np.uint8))
    line = np.zeros(values.shape[1] + 1)
    for number, offset in enumerate((2.0, -2.0)):
        line[-1] = offset
        path = presence.write(
            tmp_path / f"{number - 1}.onnx" if number else students[0], tmp_path / f"{number}.onnx", line
        )
        with Student(path, provider="cpu", threads=1) as student:
            seen = student(Frame(np.zeros((64, 64, 3), np.uint8)))
        assert seen.presence == pytest.approx(1 / (1 + np.exp(-offset)))
    assert len(onnx.load(str(tmp_path / "0.onnx")).graph.node) == len(onnx.load(str(tmp_path / "1.onnx")).graph.node)


def test_one_kind_alone_tells_nothing(students: tuple[Path, Path], sky: Path) -> None:
    with pytest.raises(DistillError, match="12 looks, 0 of them at a craft: what tells them apart needs both"):
        presence.lay(students[0], datasets.load(sky).samples, looks=1)


def test_a_student_without_such_features_is_told_so(tiny_student: Path, tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"no encoder's features are found.* `afss export` wrote"):
        presence.write(tiny_student, tmp_path / "told.onnx", np.zeros(3))
    assert not (tmp_path / "told.onnx").exists()
