"""The student contract: what an `.onnx` must say about itself before this package runs it.

The graph gives the tensors, the metadata gives the meaning; `read` checks both and reports every violation at once,
`to_metadata` is what an exporter writes. docs/student_contract.md holds the same rules as a table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from afss_ros import labels
from afss_ros.student import metadata as entries
from afss_ros.student.errors import ContractError
from afss_ros.student.metadata import PREFIX, VERSION

__all__ = ["PREFIX", "VERSION", "ContractError", "StudentContract", "TensorInfo", "read", "to_metadata"]

INPUT = "image"
BOX_OUTPUTS = ("boxes", "scores", "classes")
PRESENCE = "presence"
OUTPUTS = ("labels", "confidence", *BOX_OUTPUTS, PRESENCE)
BATCH_AXIS = "batch"
"""What the first axis of every tensor may be called instead of 1, so that looks of several cameras can share a run."""
_INTEGERS = ("tensor(int32)", "tensor(int64)")
DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
"""NumPy's types of the tensors that a student may have."""
MAX_SIDE = 8192
"""Of input and label map, in pixels: a declared size is allocated before a single frame was seen."""
MAX_BOXES = 10_000


class TensorInfo(Protocol):
    """A graph's input or output, as onnxruntime.NodeArg describes it."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def shape(self) -> Sequence[int | str | None]: ...


@dataclass(frozen=True, slots=True)
class StudentContract:
    """What a student declares.

    Attributes:
        version: of the contract, "1".
        family: the architecture, for people: "fpn-mobilenetv4", "yolo11n-seg".
        class_names: id -> name for label maps and boxes; 0 is background, 255 is reserved.
        input_size: (H, W) of the network's input image in pixels.
        labels_size: (h, w) of the label map the network gives; None when it gives none.
        training_data: which data it was trained on.
        licence: SPDX id or a sentence; of the weights, not of this package.
        metrics: name -> value, with the set they were measured on under "set".
        producer: the program and version that exported it.
        weights_sha256: hash of the exported weights, to trace the file back to its training run.
        max_boxes: N of the box outputs; None when it gives no boxes.
        has_confidence: whether a `confidence` map comes with the label map.
        score_calibration: slope and offset that make scores chances, see `chances`; None publishes them as they are.
        score_weights: of the evidence that makes scores of a label map's craft chances, see `evidence`; None for none.
        has_presence: whether it says how likely there is any craft.
        box_source: where detections come from: the output "boxes", or components of the output "labels".
    """

    version: str
    family: str
    class_names: dict[int, str]
    input_size: tuple[int, int]
    labels_size: tuple[int, int] | None
    training_data: str
    licence: str
    metrics: dict[str, Any]
    producer: str
    weights_sha256: str
    max_boxes: int | None = None
    has_confidence: bool = False
    box_source: str = ""
    score_calibration: tuple[float, float] | None = None
    score_weights: dict[str, float] | None = None
    has_presence: bool = False


def to_metadata(contract: StudentContract) -> dict[str, str]:
    """The metadata entries that an exporter writes into the `.onnx`. What the graph itself says is left out."""
    values = {
        "contract_version": contract.version,
        "family": contract.family,
        "class_names": json.dumps({str(i): name for i, name in sorted(contract.class_names.items())}),
        "input_size": json.dumps(list(contract.input_size)),
        "training_data": contract.training_data,
        "licence": contract.licence,
        "metrics": json.dumps(contract.metrics),
        "producer": contract.producer,
        "weights_sha256": contract.weights_sha256,
    }
    if contract.box_source:
        values["box_source"] = contract.box_source
    if contract.score_calibration is not None:
        values["score_calibration"] = json.dumps(list(contract.score_calibration))
    if contract.score_weights is not None:
        values["score_weights"] = json.dumps(contract.score_weights)
    return {PREFIX + key: value for key, value in values.items()}


def read(inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], metadata: Mapping[str, str]) -> StudentContract:
    """Check a model against the contract and return what it declares.

    Args:
        inputs: of the graph, `session.get_inputs()`.
        outputs: of the graph, `session.get_outputs()`.
        metadata: of the model, `session.get_modelmeta().custom_metadata_map`.

    Raises:
        ContractError: with every violation, not only the first.
    """
    values, violations = entries.parse(metadata)
    input_size = _read_input(inputs, violations)
    if input_size and values["input_size"] and input_size != values["input_size"]:
        violations.append(
            f"metadata {PREFIX}input_size is {list(values['input_size'])}, but the input is {list(input_size)}"
        )
    by_name = {output.name: output for output in outputs}
    free = {tensor.name: list(tensor.shape[:1]) == [BATCH_AXIS] for tensor in (*inputs, *outputs)}
    if len(set(free.values())) > 1:
        held = ", ".join(f"'{name}'" for name, is_free in free.items() if not is_free)
        violations.append(f"the batch axis must be '{BATCH_AXIS}' in all tensors or in none, and is another in {held}")
    labels_size = _read_label_outputs(by_name, violations)
    max_boxes = _read_box_outputs(by_name, violations)
    _read_presence(by_name, violations)
    violations += [
        f"output '{name}' is not known; known are {', '.join(OUTPUTS)}" for name in by_name if name not in OUTPUTS
    ]
    if not {"labels", "boxes"} & by_name.keys():
        violations.append("there is neither an output 'labels' nor an output 'boxes'")
    box_source = _read_box_source(values, by_name, violations)
    if violations or input_size is None:
        raise ContractError(violations)
    return StudentContract(
        version=values["contract_version"],
        family=values["family"],
        class_names=values["class_names"],
        input_size=input_size,
        labels_size=labels_size,
        training_data=values["training_data"],
        licence=values["licence"],
        metrics=values["metrics"],
        producer=values["producer"],
        weights_sha256=values["weights_sha256"],
        max_boxes=max_boxes,
        has_confidence="confidence" in by_name,
        has_presence=PRESENCE in by_name,
        box_source=box_source,
        score_calibration=values["score_calibration"],
        score_weights=values["score_weights"],
    )


def _read_input(inputs: Sequence[TensorInfo], violations: list[str]) -> tuple[int, int] | None:
    names = [i.name for i in inputs]
    if names != [INPUT]:
        violations.append(f"the graph must have exactly one input, '{INPUT}', got {names}")
    image = next((i for i in inputs if i.name == INPUT), None)
    if image is None:
        return None
    shape = _static_shape(image, "tensor(uint8)", "[1, H, W, 3]", violations, kind="input")
    if shape is None:
        return None
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        violations.append(f"input '{INPUT}' must be [1, H, W, 3] (batch 1, channels last, RGB), got {shape}")
        return None
    _limit(f"input '{INPUT}'", shape[1:3], violations)
    return shape[1], shape[2]


def _read_label_outputs(outputs: Mapping[str, TensorInfo], violations: list[str]) -> tuple[int, int] | None:
    sizes: dict[str, tuple[int, int]] = {}
    for name in ("labels", "confidence"):
        if name not in outputs:
            continue
        shape = _static_shape(outputs[name], "tensor(uint8)", "[1, h, w]", violations)
        if shape is None:
            continue
        if len(shape) != 3 or shape[0] != 1:
            violations.append(f"output '{name}' must be [1, h, w], got {shape}")
            continue
        _limit(f"output '{name}'", shape[1:], violations)
        sizes[name] = (shape[1], shape[2])
    if "confidence" in outputs and "labels" not in outputs:
        violations.append("output 'confidence' belongs to an output 'labels', which is missing")
    if len(set(sizes.values())) > 1:
        violations.append(f"outputs 'labels' and 'confidence' must have one size, got {sizes}")
    return sizes.get("labels")


def _read_box_outputs(outputs: Mapping[str, TensorInfo], violations: list[str]) -> int | None:
    present = [name for name in BOX_OUTPUTS if name in outputs]
    if not present:
        return None
    missing = [name for name in BOX_OUTPUTS if name not in outputs]
    if missing:
        violations.append(f"outputs {', '.join(BOX_OUTPUTS)} come together; missing: {', '.join(missing)}")
    counts: dict[str, int] = {}
    for name in present:
        tail = [4] if name == "boxes" else []
        expected = "[1, N, 4]" if tail else "[1, N]"
        types = _INTEGERS if name == "classes" else ("tensor(float)",)
        shape = _static_shape(outputs[name], types, expected, violations)
        if shape is None:
            continue
        if len(shape) != 2 + len(tail) or shape[0] != 1 or shape[2:] != tail:
            violations.append(f"output '{name}' must be {expected}, got {shape}")
            continue
        counts[name] = shape[1]
    if len(set(counts.values())) > 1:
        violations.append(f"outputs {', '.join(BOX_OUTPUTS)} must have one N, got {counts}")
    if max(counts.values(), default=0) > MAX_BOXES:
        violations.append(f"outputs {', '.join(BOX_OUTPUTS)} must have an N of {MAX_BOXES} or less, got {counts}")
    return counts.get("boxes")


def _read_presence(outputs: Mapping[str, TensorInfo], violations: list[str]) -> None:
    if PRESENCE in outputs:
        shape = _static_shape(outputs[PRESENCE], "tensor(float)", "[1]", violations)
        if shape is not None and shape != [1]:
            violations.append(f"output '{PRESENCE}' must be [1], got {shape}")


def _read_box_source(values: Mapping[str, Any], outputs: Mapping[str, TensorInfo], violations: list[str]) -> str:
    source: str = values["box_source"] or ("boxes" if "boxes" in outputs else "labels")
    if source not in outputs:
        violations.append(f"metadata {PREFIX}box_source is '{source}', but there is no output '{source}'")
    whole = labels.CLASS_NAMES[labels.SPACECRAFT]
    names: dict[int, str] = values["class_names"] or {}
    if source == "labels" and names.get(labels.SPACECRAFT, whole) != whole and whole not in names.values():
        violations.append(
            f"metadata {PREFIX}class_names gives id {labels.SPACECRAFT} to '{names[labels.SPACECRAFT]}', but boxes made"
            f" from the label map need it for '{whole}'; give '{whole}' any id, or leave {labels.SPACECRAFT} free"
        )
    return source


def _limit(tensor: str, size: Sequence[int], violations: list[str]) -> None:
    if max(size) > MAX_SIDE:
        violations.append(f"{tensor} must be {MAX_SIDE} pixels high and wide or less, got {' x '.join(map(str, size))}")


def _static_shape(
    tensor: TensorInfo, types: str | Sequence[str], expected: str, violations: list[str], kind: str = "output"
) -> list[int] | None:
    types = [types] if isinstance(types, str) else types
    if tensor.type not in types:
        violations.append(f"{kind} '{tensor.name}' must be {' or '.join(types)}, got {tensor.type}")
    shape = [1 if (i, side) == (0, BATCH_AXIS) else side for i, side in enumerate(tensor.shape)]
    static = [side for side in shape if isinstance(side, int) and side > 0]
    if len(static) != len(shape):
        violations.append(
            f"{kind} '{tensor.name}' must have a fixed shape {expected}, got {shape}; export without dynamic axes"
        )
        return None
    return static
