"""A student is the file that its manifest tells of, and gives the answer that is known, or it does not fly."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_students import build_tiny_student

from afss_ros.cli import main
from afss_ros.images import encode_compressed
from afss_ros.perception import Frame
from afss_ros.student import Student, StudentError, manifest
from afss_ros.student.known_answer import KnownAnswer, agreement, ask
from afss_ros.student.manifest import ManifestError

MODELS = Path(__file__).parents[2] / "models"
SHIPPED = ("student.onnx", "student-fp32.onnx")


def picture() -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    image[8:24, 16:32] = 200
    image[30:40, 16:32, 2] = 200
    return image


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A tiny student with a manifest and a known answer."""
    path = build_tiny_student(tmp_path / "known.onnx")
    with Student(path, provider="cpu", threads=1) as student:
        labels = student(Frame(picture())).labels
    assert labels is not None and set(np.unique(labels)) == {0, 1, 2}
    manifest.write(path, manifest.of_file(path, KnownAnswer(picture(), labels)))
    return path


def test_what_is_written_is_read_back(known: Path) -> None:
    read = manifest.read(known)
    assert read is not None and read.known_answer is not None
    assert (read.sha256, read.size) == (manifest.of_file(known).sha256, known.stat().st_size)
    np.testing.assert_array_equal(read.known_answer.image, picture())
    assert sorted(np.unique(read.known_answer.labels)) == [0, 1, 2]
    assert sorted(p.name for p in known.parent.iterdir()) == ["known.onnx", "known.onnx.manifest.json"]


def test_the_student_proves_itself_again_and_again(known: Path) -> None:
    with Student(known, provider="cpu", threads=1, integrity="require") as student:
        assert student.warning == ""
        assert student.prove() and student.prove()


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def replace(path: Path) -> None:
    build_tiny_student(path, (32, 32))


@pytest.mark.parametrize("damage", [flip_a_bit, cut, replace])
def test_another_file_is_refused_before_anything_in_it_is_believed(known: Path, damage: Callable[[Path], None]) -> None:
    damage(known)
    with pytest.raises(ManifestError, match=r"known\.onnx is not the file that its manifest tells of: .* bytes"):
        Student(known, provider="cpu")


def test_where_it_is_wanted_another_file_flies_with_a_warning(known: Path) -> None:
    replace(known)
    with Student(known, provider="cpu", threads=1, integrity="warn") as student:
        assert "is not the file that its manifest tells of" in student.warning
        assert not student.prove()


def test_no_manifest_is_allowed_refused_or_warned_of(tiny_student: Path) -> None:
    Student(tiny_student, provider="cpu", threads=1).close()
    with pytest.raises(ManifestError, match="has no manifest beside it"):
        Student(tiny_student, provider="cpu", threads=1, integrity="require")
    with Student(tiny_student, provider="cpu", threads=1, integrity="warn") as student:
        assert "has no manifest beside it" in student.warning
    with pytest.raises(ManifestError, match="integrity must be one of verify, require, warn, got 'perhaps'"):
        Student(tiny_student, provider="cpu", integrity="perhaps")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format=2),
        lambda d: d.pop("sha256"),
        lambda d: d.update(sha256="short"),
        lambda d: d.update(size="large"),
        lambda d: d["known_answer"].update(image_png="not base64!"),
        lambda d: d["known_answer"].update(image_png="aGVsbG8="),
        lambda d: d["known_answer"].update(labels_png=d["known_answer"]["labels_png"][:40]),
        lambda d: d["known_answer"].pop("labels_png"),
        lambda d: d.update(known_answer=[]),
        lambda d: d["known_answer"].update(least_agreement=0),
        lambda d: d["known_answer"].update(least_agreement=1e30),
    ],
)
def test_a_manifest_that_is_none_is_an_error_that_names_it(known: Path, change: Callable[[Any], None]) -> None:
    path = manifest.path_of(known)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ManifestError, match=r"known\.onnx\.manifest\.json"):
        Student(known, provider="cpu")


def test_a_manifest_that_is_no_json_is_an_error_that_names_it(known: Path) -> None:
    manifest.path_of(known).write_bytes(b"\xff\x00")
    with pytest.raises(ManifestError, match=r"known\.onnx\.manifest\.json: cannot be read"):
        Student(known, provider="cpu")


def test_agreement_looks_at_craft_alone() -> None:
    ours = np.array([[0, 0, 1, 2]], np.uint8)
    assert agreement(ours, ours) == 1.0
    assert agreement(ours, np.array([[0, 0, 1, 1]], np.uint8)) == 0.5
    assert agreement(ours, np.array([[0, 3, 1, 2]], np.uint8)) == pytest.approx(2 / 3)
    assert agreement(ours, np.zeros_like(ours)) == 0.0
    assert agreement(np.zeros_like(ours), np.zeros_like(ours)) == 1.0


def test_a_wrong_answer_and_one_that_changed_are_told_apart(known: Path) -> None:
    read = manifest.read(known)
    assert read is not None and read.known_answer is not None
    other = KnownAnswer(picture(), np.roll(read.known_answer.labels, 8, axis=1))
    changed = read.known_answer.labels.copy()
    changed[0, 0] = 3
    with Student(known, provider="cpu", threads=1) as student:
        with pytest.raises(StudentError, match=r"the known answer is not given: 0\.\d+ of the craft's pixels agree"):
            ask(student, other)
        with pytest.raises(StudentError, match="has changed in 1 pixels since configure"):
            ask(student, read.known_answer, changed)


def test_a_manifest_that_nests_without_end_or_has_none_is_an_error_that_names_it(known: Path) -> None:
    path = manifest.path_of(known)
    path.write_text("[" * 100_000)
    with pytest.raises(ManifestError, match=r"known\.onnx\.manifest\.json: cannot be read"):
        Student(known, provider="cpu")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ManifestError, match="is no regular file"):
        Student(known, provider="cpu")
    path.unlink()
    with path.open("wb") as file:
        file.truncate(manifest.MAX_BYTES + 1)
    with pytest.raises(ManifestError, match=f"has {manifest.MAX_BYTES + 1} bytes"):
        Student(known, provider="cpu")


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_proves_itself(name: str) -> None:
    with Student(MODELS / name, provider="cpu", integrity="require") as student:
        assert student.prove()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_damaged_weight_of_what_ships_is_noticed_in_the_file_and_in_memory(name: str, tmp_path: Path) -> None:
    """20 kB of zeroes in the weights still load, and change less than another processor may: what tells is the hash of
    the file and, in memory, that the answer is no longer the same to the bit."""
    content = bytearray((MODELS / name).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    damaged = tmp_path / name
    damaged.write_bytes(content)
    shutil.copy(manifest.path_of(MODELS / name), manifest.path_of(damaged))
    with pytest.raises(ManifestError):
        Student(damaged, provider="cpu")
    with Student(MODELS / name, provider="cpu", threads=1) as sound:
        assert sound.manifest is not None and sound.manifest.known_answer is not None
        known = sound.manifest.known_answer
        first = ask(sound, known)
        np.testing.assert_array_equal(ask(sound, known, first), first)
    with (
        Student(damaged, provider="cpu", threads=1, integrity="warn") as student,
        pytest.raises(StudentError, match=r"the known answer has changed in \d+ pixels"),
    ):
        ask(student, known, first)


def test_the_command_writes_what_the_student_is_checked_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = build_tiny_student(tmp_path / "mine.onnx")
    image = tmp_path / "frame.png"
    image.write_bytes(encode_compressed(picture(), "png"))
    assert main(["manifest", str(model), "--image", str(image)]) == 0
    assert manifest.of_file(model).sha256 in capsys.readouterr().out.replace("\n", "")
    with Student(model, provider="cpu", threads=1, integrity="require") as student:
        assert student.prove()
    dark = tmp_path / "dark.png"
    dark.write_bytes(encode_compressed(np.zeros_like(picture()), "png"))
    assert main(["manifest", str(model), "--image", str(dark)]) == 1
    assert "finds no craft in" in capsys.readouterr().err
    assert main(["manifest", str(model)]) == 0
    with Student(model, provider="cpu", threads=1, integrity="require") as student:
        assert not student.prove(), "there is nothing to ask for"
