"""Parameters and multiply-accumulates, counted from graphs whose cost is known on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from afss_ros.evaluation import cost
from afss_ros.evaluation.cost import Cost, CostError
from afss_ros.evaluation.metrics import score


def _save(path: Path, nodes: list[onnx.NodeProto], weights: dict[str, tuple[int, ...]], shape: list[int | str]) -> Path:
    random = np.random.default_rng(0)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(random.standard_normal(s).astype(np.float32), n) for n, s in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_a_convolution(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2])
    path = _save(tmp_path / "m.onnx", [node], {"w": (8, 3, 3, 3), "b": (8,)}, [1, 3, 16, 16])
    assert cost.measure(path) == Cost((8 * 3 * 9 + 8) / 1e6, 8 * 8 * 8 * 27 / 1e9)


def test_a_depthwise_convolution_costs_one_channel_a_filter(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], group=4)
    path = _save(tmp_path / "m.onnx", [node], {"w": (4, 1, 3, 3)}, [1, 4, 10, 10])
    assert cost.measure(path).gmacs == 4 * 100 * 9 / 1e9


def test_a_transposed_convolution_spreads_each_input(tmp_path: Path) -> None:
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    path = _save(tmp_path / "m.onnx", [node], {"w": (4, 6, 2, 2)}, [1, 4, 5, 5])
    assert cost.measure(path).gmacs == 4 * 25 * 6 * 4 / 1e9


def test_matrix_products(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Transpose", ["h"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["h", "t"], ["a"]),
        helper.make_node("Flatten", ["a"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "v"], ["y"], transB=1),
    ]
    path = _save(tmp_path / "m.onnx", nodes, {"w": (8, 5), "v": (3, 49)}, [1, 7, 8])
    assert cost.measure(path).gmacs == (7 * 8 * 5 + 7 * 5 * 7 + 49 * 3) / 1e9


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self) -> None:
        self._left = [{"x": np.full((1, 3, 16, 16), v, np.float32)} for v in (-1, 1)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._left.pop() if self._left else None


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_a_quantised_model_costs_what_its_original_does(tmp_path: Path, form: QuantFormat) -> None:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2])
    path = _save(tmp_path / "m.onnx", [node], {"w": (8, 3, 3, 3), "b": (8,)}, [1, 3, 16, 16])
    quantize_static(path, tmp_path / "q.onnx", _Calibration(), quant_format=form, per_channel=True)
    assert cost.measure(tmp_path / "q.onnx") == cost.measure(path)


def test_work_that_cannot_be_counted_is_unknown_and_not_zero(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = _save(tmp_path / "m.onnx", [node], {"w": (8, 3, 3, 3)}, [1, 3, "height", "width"])
    with pytest.raises(CostError, match="not static"):
        cost.count_macs(onnx.load(str(path)))
    assert cost.measure(path).gmacs is None


def test_the_challenge_score() -> None:
    assert score.accuracy(0.919, 0.868, 1.0) == pytest.approx(0.2 + 0.4 * 0.919 + 0.4 * 0.868)
    # The multi-task SegFormer's own report: 0.916 with 3.45 M parameters and 4.48 GMACs.
    published = score.final(score.accuracy(0.919, 0.868, 1.0), Cost(3.45, 4.48))
    assert published == pytest.approx(0.916, abs=0.02)
    assert score.final(0.5, Cost(40.0, 200.0)) == pytest.approx(0.35)
    assert score.accuracy(0.9, 0.8) == pytest.approx(0.85)
    assert score.accuracy(None, 0.8) is None
    assert score.final(0.5, Cost(1.0, None)) is None
