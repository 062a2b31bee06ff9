"""A referring network in flight: its words, its masks at the picture's own size, and what is no network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from afss_ros.cli import main
from afss_ros.refer import ReferError, SentenceError, UnknownWordError
from afss_ros.refer.network import PREFIX, NetworkResolver
from afss_ros.refer.sets.build import build
from afss_ros.refer.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tiny_referrer import build_tiny_referrer

    return build_tiny_referrer(tmp_path_factory.mktemp("referrer") / "tiny.onnx")


def picture(scale: int = 1, top: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = np.zeros((48 * scale + top, 64 * scale, 3), np.uint8)
    image[8 * scale : 24 * scale, 16 * scale : 32 * scale] = 255
    return image


def test_an_answer_has_the_picture_s_own_pixels(model: Path) -> None:
    with NetworkResolver(model, "cpu") as network:
        for scale in (1, 3):
            found = network.resolve(picture(scale), "The bright!")
            expected = picture(scale)[:, :, 0] > 0
            # Enlarged masks are smooth, and so lack the pixel in each corner.
            assert found.found and (found.mask != expected).sum() <= 4 * (scale > 1)
            (thing,) = found.detections
            assert thing.class_name == "body" and thing.mask is not None
            # Things come at half the network's size: their borders are true to one of its pixels.
            assert np.abs(thing.box_xyxy - np.array([16, 8, 32, 24]) * scale).max() <= scale
        # A picture of another shape lies in the middle of the network's.
        found = network.resolve(picture(1, top=16), "bright")
        assert (found.mask != (picture(1, top=16)[:, :, 0] > 0)).mean() < 0.03
        nothing = network.resolve(picture(), "the dark")
        assert nothing.state == "none" and not nothing.mask.any() and not nothing.detections


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("the shiny", UnknownWordError, "the word 'shiny' in 'the shiny' is not known"),
        ("the brigt", UnknownWordError, "did you mean 'bright'"),
        ("the the the the bright", SentenceError, "this network reads 4"),
        (" . ", SentenceError, "an empty sentence"),
        ("bright " * 60, SentenceError, "300 at most"),
    ],
)
def test_a_sentence_that_it_was_not_taught_is_refused(model: Path, text: str, kind: type, says: str) -> None:
    with NetworkResolver(model, "cpu") as network, pytest.raises(kind, match=says):
        network.resolve(picture(), text)


@pytest.mark.parametrize(
    ("entry", "value", "says"),
    [
        ("version", "9", "is of version '9'"),
        ("vocabulary", "[]", "vocabulary"),
        ("vocabulary", json.dumps({"words": ["a", "a"], "length": 4}), "no word may be twice"),
        ("vocabulary", json.dumps({"words": ["a"], "length": 5}), "are wanted"),
        ("nouns", "{}", "a list of names is wanted"),
        ("input_size", "[4]", "input_size cannot be read"),
        ("input_size", "[32, 32]", "are wanted"),
    ],
)
def test_what_is_no_network_is_named(tmp_path: Path, entry: str, value: str, says: str) -> None:
    from tiny_referrer import build_tiny_referrer

    path = build_tiny_referrer(tmp_path / "bad.onnx", metadata={PREFIX + entry: value})
    with pytest.raises(ReferError, match=says):
        NetworkResolver(path, "cpu")


def test_an_entry_that_is_no_text_is_named(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    content = model.read_bytes()
    assert content.count(b"afss_refer.licence") == 1
    path.write_bytes(content.replace(b"afss_refer.licence", b"afss_refer.licenc\xdf"))
    with pytest.raises(ReferError, match=r"damaged\.onnx: holds a name or an entry that is no text .* export it again"):
        NetworkResolver(path, "cpu")


def test_a_student_is_no_referring_network(tiny_student: Path, tmp_path: Path) -> None:
    with pytest.raises(ReferError, match="is no referring network"):
        NetworkResolver(tiny_student, "cpu")
    with pytest.raises(ReferError, match="cannot be read"):
        NetworkResolver(tmp_path / "none.onnx")
    with pytest.raises(ReferError, match="is no file"):
        NetworkResolver(tmp_path)


def test_a_vocabulary_has_every_word_and_survives_json() -> None:
    words = Vocabulary.of(["the left panel", "the satellite's dish"])
    assert words.words == ("'s", "dish", "left", "panel", "satellite", "the")
    assert words.length == 4 + 2
    assert Vocabulary.from_json(words.to_json()) == words
    assert list(words.encode("the LEFT-dish")) == [6, 3, 2, 0, 0, 0]
    with pytest.raises(ReferError, match="no sentence to learn"):
        Vocabulary.of([])


def test_a_network_is_measured_with_its_controls(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build("made:4", tmp_path / "made")
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    ask = ["refer", "evaluate", str(model), "--data", str(tmp_path / "made"), "--controls"]
    assert main([*ask, "--html", str(page), "--json", str(figures)]) == 0
    document = json.loads(figures.read_text())
    # It knows none of the words, refuses every sentence, and so answers nothing.
    assert document["overall"]["refused"] == document["overall"]["sentences"] > 50
    assert document["overall"]["miou"] < 0.2 and document["needs_more"]["miou"] == 0.0
    assert 0.2 < document["needs_more"]["class_word"] < 0.8
    assert document["untaught"]["sentences"] == document["needs_more"]["sentences"]
    assert document["controls"]["blinded"] == document["controls"]["disjoint"] == 0.0
    assert document["controls"]["opposites"] > 3
    text = page.read_text()
    assert (
        text.count("<figure>") >= 10
        and "more than the class word" in text
        and "with words never taught" in text
        and "pairs of opposite words" in text
    )
    assert main(["refer", "evaluate", "truth", "--data", str(tmp_path / "made"), "--controls"]) == 1
    assert "a bar that knows the truth needs no controls" in capsys.readouterr().err
