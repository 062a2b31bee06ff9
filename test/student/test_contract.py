"""The student contract: what is accepted, and that each violation is named, all at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
from tiny_students import tiny_metadata

from afss_ros.student import ContractError, contract


@dataclass(frozen=True)
class Tensor:
    name: str
    type: str
    shape: list[int | str | None]


IMAGE = Tensor("image", "tensor(uint8)", [1, 64, 96, 3])
LABELS = Tensor("labels", "tensor(uint8)", [1, 32, 48])
CONFIDENCE = Tensor("confidence", "tensor(uint8)", [1, 32, 48])
BOXES = Tensor("boxes", "tensor(float)", [1, 20, 4])
SCORES = Tensor("scores", "tensor(float)", [1, 20])
PRESENCE = Tensor("presence", "tensor(float)", [1])
CLASSES = Tensor("classes", "tensor(int64)", [1, 20])
METADATA = tiny_metadata((64, 96))


def violations(
    inputs: list[Tensor] | None = None, outputs: list[Tensor] | None = None, metadata: dict[str, str] | None = None
) -> tuple[str, ...]:
    with pytest.raises(ContractError) as raised:
        contract.read(
            [IMAGE] if inputs is None else inputs,
            [LABELS] if outputs is None else outputs,
            METADATA if metadata is None else metadata,
        )
    assert all(v in str(raised.value) for v in raised.value.violations)
    return raised.value.violations


def the_violation(**parts: object) -> str:
    (sentence,) = violations(**parts)  # type: ignore[arg-type]
    return sentence


def test_a_label_map_student_is_accepted() -> None:
    declared = contract.read([IMAGE], [LABELS, CONFIDENCE], METADATA)
    assert (declared.input_size, declared.labels_size) == ((64, 96), (32, 48))
    assert (declared.has_confidence, declared.max_boxes, declared.box_source) == (True, None, "labels")


def test_presence_is_told_or_not() -> None:
    assert contract.read([IMAGE], [LABELS, PRESENCE], METADATA).has_presence
    assert contract.read([IMAGE], [BOXES, SCORES, CLASSES, PRESENCE], METADATA).has_presence
    assert not contract.read([IMAGE], [LABELS], METADATA).has_presence


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(PRESENCE, shape=[1, 1]), "output 'presence' must be [1], got [1, 1]"),
        (replace(PRESENCE, shape=[2]), "output 'presence' must be [1], got [2]"),
        (replace(PRESENCE, type="tensor(uint8)"), "output 'presence' must be tensor(float), got tensor(uint8)"),
    ],
)
def test_presence_is_one_number(wrong: Tensor, said: str) -> None:
    assert the_violation(outputs=[LABELS, wrong]) == said


def test_the_batch_axis_may_be_free_in_all_tensors_together() -> None:
    image, labels, confidence = (replace(t, shape=["batch", *t.shape[1:]]) for t in (IMAGE, LABELS, CONFIDENCE))
    assert contract.read([image], [labels, confidence], METADATA) == contract.read(
        [IMAGE], [LABELS, CONFIDENCE], METADATA
    )
    assert the_violation(inputs=[image], outputs=[labels, CONFIDENCE]) == (
        "the batch axis must be 'batch' in all tensors or in none, and is another in 'confidence'"
    )
    assert "input 'image' must have a fixed shape" in the_violation(inputs=[replace(IMAGE, shape=["n", 64, 96, 3])])
    assert "input 'image' must have a fixed shape" in the_violation(inputs=[replace(IMAGE, shape=[1, "batch", 96, 3])])


def test_a_boxes_student_is_accepted() -> None:
    declared = contract.read([IMAGE], [BOXES, SCORES, CLASSES], METADATA)
    assert (declared.labels_size, declared.max_boxes, declared.box_source) == (None, 20, "boxes")


def test_a_student_with_both_chooses_where_boxes_come_from() -> None:
    both = [LABELS, BOXES, SCORES, CLASSES]
    assert contract.read([IMAGE], both, METADATA).box_source == "boxes"
    assert contract.read([IMAGE], both, {**METADATA, "afss.box_source": "labels"}).box_source == "labels"


def test_what_an_exporter_writes_is_what_a_reader_reads() -> None:
    declared = contract.read([IMAGE], [LABELS], METADATA)
    declared = replace(
        declared, family="fpn", metrics={"set": "parts", "iou": 0.5}, class_names={0: "background", 7: "x"}
    )
    assert contract.read([IMAGE], [LABELS], contract.to_metadata(declared)) == declared
    declared = replace(declared, score_calibration=(1.25, -0.5))
    assert contract.read([IMAGE], [LABELS], contract.to_metadata(declared)) == declared


@pytest.mark.parametrize("text", ["[0, 1]", "[-1, 0]", "[1]", "[1, NaN]", "1", "[1000, 0]", "x"])
def test_a_calibration_that_would_turn_scores_around_is_refused(text: str) -> None:
    with pytest.raises(contract.ContractError, match="score_calibration"):
        contract.read([IMAGE], [LABELS], {**METADATA, "afss.score_calibration": text})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("contract_version", "2"),
        ("family", " "),
        ("class_names", "{}"),
        ("class_names", "[]"),
        ("class_names", "not json"),
        ("class_names", json.dumps({"0": "body"})),
        ("class_names", json.dumps({"0": "background", "1": "a", "2": "a"})),
        ("class_names", json.dumps({"0": "background", "255": "a"})),
        ("class_names", json.dumps({"0": "background", "one": "a"})),
        ("class_names", json.dumps({"0": "background", "1": 3})),
        ("class_names", json.dumps({"0": "background", "1": "half a pair \ud800"})),
        ("class_names", json.dumps({"0": "background", "1": "two\nlines"})),
        ("class_names", json.dumps({"0": "background", "1": ""})),
        ("input_size", "[64]"),
        ("input_size", "64"),
        ("input_size", '["64", "96"]'),
        ("training_data", ""),
        ("licence", ""),
        ("metrics", "[]"),
        ("producer", ""),
        ("weights_sha256", "abc"),
        ("box_source", "guess"),
    ],
)
def test_a_wrong_entry_is_named_with_its_value(key: str, text: str) -> None:
    sentence = the_violation(metadata={**METADATA, f"afss.{key}": text})
    assert f"afss.{key} must be" in sentence and repr(text) in sentence


def test_a_class_name_has_a_length_that_can_be_shown() -> None:
    text = json.dumps({"0": "background", "1": "x" * 201})
    assert "afss.class_names must be" in the_violation(metadata={**METADATA, "afss.class_names": text})


@pytest.mark.parametrize("key", sorted(METADATA))
def test_a_missing_entry_is_named(key: str) -> None:
    sentence = the_violation(metadata={k: v for k, v in METADATA.items() if k != key})
    assert f"{key} is missing" in sentence


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"inputs": []}, "exactly one input"),
        ({"inputs": [IMAGE, replace(IMAGE, name="more")]}, "exactly one input, 'image', got ['image', 'more']"),
        ({"inputs": [replace(IMAGE, name="x")]}, "exactly one input, 'image', got ['x']"),
        ({"inputs": [replace(IMAGE, type="tensor(float)")]}, "input 'image' must be tensor(uint8), got tensor(float)"),
        ({"inputs": [replace(IMAGE, shape=[1, 3, 64, 96])]}, "must be [1, H, W, 3] (batch 1, channels last, RGB)"),
        ({"inputs": [replace(IMAGE, shape=[2, 64, 96, 3])]}, "got [2, 64, 96, 3]"),
        ({"inputs": [replace(IMAGE, shape=["n", 64, 96, 3])]}, "export without dynamic axes"),
        ({"inputs": [replace(IMAGE, shape=[1, 32, 96, 3])]}, "input_size is [64, 96], but the input is [32, 96]"),
        (
            {
                "inputs": [replace(IMAGE, shape=[1, 64, 8193, 3])],
                "metadata": {**METADATA, "afss.input_size": "[64, 8193]"},
            },
            "input 'image' must be 8192 pixels high and wide or less, got 64 x 8193",
        ),
        (
            {"outputs": [replace(LABELS, shape=[1, 320000, 320000])]},
            "output 'labels' must be 8192 pixels high and wide or less, got 320000 x 320000",
        ),
        (
            {"outputs": [replace(t, shape=[1, 10_001, *t.shape[2:]]) for t in (BOXES, SCORES, CLASSES)]},
            "must have an N of 10000 or less",
        ),
        ({"outputs": []}, "neither an output 'labels' nor an output 'boxes'"),
        ({"outputs": [replace(LABELS, type="tensor(int64)")]}, "output 'labels' must be tensor(uint8)"),
        ({"outputs": [replace(LABELS, shape=[1, 4, 32, 48])]}, "output 'labels' must be [1, h, w], got [1, 4, 32, 48]"),
        ({"outputs": [replace(LABELS, shape=[1, None, 48])]}, "output 'labels' must have a fixed shape"),
        ({"outputs": [LABELS, replace(CONFIDENCE, shape=[1, 8, 8])]}, "must have one size"),
        ({"outputs": [LABELS, replace(LABELS, name="logits")]}, "output 'logits' is not known"),
        ({"outputs": [BOXES, SCORES]}, "come together; missing: classes"),
        ({"outputs": [BOXES, SCORES, replace(CLASSES, shape=[1, 9])]}, "must have one N"),
        ({"outputs": [BOXES, SCORES, replace(CLASSES, type="tensor(float)")]}, "tensor(int32) or tensor(int64)"),
        ({"outputs": [replace(BOXES, shape=[1, 20, 5]), SCORES, CLASSES]}, "'boxes' must be [1, N, 4], got [1, 20, 5]"),
        ({"outputs": [LABELS], "metadata": {**METADATA, "afss.box_source": "boxes"}}, "there is no output 'boxes'"),
        (
            {"metadata": {**METADATA, "afss.class_names": '{"0": "background", "4": "dish"}'}},
            "gives id 4 to 'dish', but boxes made from the label map need it for 'spacecraft'",
        ),
    ],
)
def test_a_wrong_tensor_is_named(parts: dict[str, object], expected: str) -> None:
    assert any(expected in sentence for sentence in violations(**parts))  # type: ignore[arg-type]


def test_every_violation_is_named_at_once() -> None:
    found = violations([replace(IMAGE, type="tensor(float)")], [replace(LABELS, type="tensor(float)")], {})
    assert len(found) == 2 + len(METADATA)
