"""An exported student keeps the contract, agrees with torch, and runs in the student's own runtime."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tiny_runs import assert_same_rows

from afss_ros import datasets
from afss_ros.distill.errors import DistillError
from afss_ros.distill.export import quantise
from afss_ros.distill.export import to_onnx as export
from afss_ros.distill.export.graph import ContractGraph
from afss_ros.distill.export.lineage import NOISE
from afss_ros.distill.recipe import Recipe
from afss_ros.distill.training import checkpoint
from afss_ros.distill.training import loop as training
from afss_ros.perception import Frame
from afss_ros.student import Student

SIZE = (64, 64)


@pytest.fixture(scope="module")
def student_file(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.export(run, tmp_path_factory.mktemp("exported") / "student.onnx", export.ExportOptions(SIZE))


def _outputs(path: Path, image: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image}), strict=True))


def test_onnx_runtime_and_torch_agree(run: Path, drawn_set: Path, tmp_path: Path) -> None:
    options = export.ExportOptions(SIZE, box_source="boxes")
    student_file = export.export(run, tmp_path / "boxes.onnx", options)
    graph = export.rebuild(checkpoint.load_best(run), options)
    for sample in datasets.load(drawn_set, "val").samples:
        image = sample.read_image()[None]
        found = _outputs(student_file, image)
        with torch.inference_mode():
            wanted = [o.numpy() for o in graph(torch.from_numpy(image))]
        assert (found["labels"] == wanted[0]).mean() > 0.999
        assert abs(found["confidence"].astype(int) - wanted[1].astype(int)).max() <= 1
        np.testing.assert_allclose(found["scores"], wanted[3], atol=1e-4)
        rows = (found["boxes"][0], found["scores"][0]), (wanted[2][0], wanted[3][0])
        assert_same_rows(*rows, least=0.0, pixels=0.01, score=1e-4)


def test_what_takes_its_boxes_from_labels_flies_without_the_box_head(run: Path, student_file: Path) -> None:
    with_head = export.rebuild(checkpoint.load_best(run), export.ExportOptions(SIZE, box_source="boxes"))
    assert {o.name for o in onnx.load(str(student_file)).graph.output} == {"labels", "confidence"}
    assert "boxes" in with_head.output_names


def test_boxes_of_a_network_without_a_head_are_refused(run: Path) -> None:
    trained = checkpoint.load_best(run)
    recipe = {**trained.recipe, "student": {**trained.recipe["student"], "box_head": False}}
    weights = {k: v for k, v in trained.weights.items() if not k.startswith("box.")}
    bare = dataclasses.replace(trained, recipe=recipe, weights=weights)
    assert export.rebuild(bare, export.ExportOptions(SIZE)).output_names == ["labels", "confidence"]
    with pytest.raises(DistillError, match=r"without a box head.*--boxes labels"):
        export.rebuild(bare, export.ExportOptions(SIZE, box_source="boxes"))


def test_boxes_from_elsewhere_are_refused() -> None:
    with pytest.raises(DistillError, match="labels or boxes, got 'stars'"):
        export.ExportOptions(SIZE, box_source="stars")


def test_the_student_runtime_flies_it(student_file: Path, drawn_set: Path) -> None:
    sample = datasets.load(drawn_set, "val").samples[0]
    with Student(student_file, provider="cpu", threads=1) as student:
        perception = student(Frame(sample.read_image()))
        assert student.contract.family == "fpn-mobilenetv4-050"
        assert student.contract.labels_size == (32, 32)
        assert student.contract.has_confidence
    assert perception.labels is not None
    truth = sample.read_labels() > 0
    found = perception.labels > 0
    assert (truth & found).sum() / (truth | found).sum() > 0.5
    assert perception.detections[0].class_name == "spacecraft"


def test_the_file_says_what_the_weights_it_started_from_were_trained_on(
    run: Path, drawn_set: Path, small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    first = small_recipe().student.model_dump(mode="json")
    options = small_recipe(budget={"iterations": 1}, student={**first, "initial": str(run)})
    training.train(options, tmp_path / "second")
    path = export.export(tmp_path / "second", tmp_path / "second.onnx", export.ExportOptions(SIZE))
    with Student(path, provider="cpu", threads=1) as student:
        stages = student.contract.training_data.split("; before that ")
    assert stages == [f"24 labelled images: {drawn_set.name}", f"24 labelled images: {drawn_set.name}; {NOISE}"]


def test_the_file_says_what_it_was_trained_on(run: Path, student_file: Path, drawn_set: Path) -> None:
    with Student(student_file, provider="cpu", threads=1) as student:
        declared = student.contract
    trained = checkpoint.load_best(run)
    assert drawn_set.name in declared.training_data
    assert declared.metrics["whole_iou"] == round(trained.metrics["whole_iou"], 4)
    assert declared.weights_sha256 == export.weights_sha256(trained.weights)


def test_the_graph_is_static_and_whole(student_file: Path) -> None:
    model = onnx.load(str(student_file), load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    for value in [*model.graph.input, *model.graph.output]:
        assert all(d.dim_value > 0 for d in value.type.tensor_type.shape.dim), value.name
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_a_file_that_disagrees_with_torch_never_appears(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faithful = export.to_onnx

    def exporter_with_a_defect(graph: ContractGraph, size: tuple[int, int]) -> bytes:
        other = copy.deepcopy(graph)
        with torch.no_grad():
            for parameter in other.network.head.parameters():
                parameter.neg_()
        return faithful(other, size)

    monkeypatch.setattr(export, "to_onnx", exporter_with_a_defect)
    with pytest.raises(DistillError, match="give the same label on only"):
        export.export(run, tmp_path / "student.onnx", export.ExportOptions(SIZE))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"input_size": (100, 64)}, {"labels_stride": 3}])
def test_options_that_cannot_be_exported_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(DistillError, match="must be"):
        export.ExportOptions(**options)  # type: ignore[arg-type]


def test_the_int8_student_is_smaller_and_sees_nearly_the_same(
    student_file: Path, drawn_set: Path, tmp_path: Path
) -> None:
    samples = datasets.load(drawn_set, "val").samples
    small = quantise.quantise(student_file, tmp_path / "student-int8.onnx", samples)
    assert small.stat().st_size < 0.6 * student_file.stat().st_size
    images = [s.read_image()[None] for s in samples]
    agreement = [(_outputs(small, i)["labels"] == _outputs(student_file, i)["labels"]).mean() for i in images]
    assert np.mean(agreement) > 0.95
    with Student(small, provider="cpu", threads=1) as student:
        assert "int8" in student.contract.producer
        student.warm_up(1)


def test_a_directory_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DistillError, match=r"best\.pt: missing; is .* a run of `afss train`"):
        export.export(tmp_path, tmp_path / "x.onnx")


@pytest.fixture(scope="module")
def published(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.export_weights(run, tmp_path_factory.mktemp("published") / "published.safetensors")


def test_published_weights_are_exported_as_the_run_is(
    run: Path, student_file: Path, published: Path, drawn_set: Path, tmp_path: Path
) -> None:
    assert published.stat().st_size < 0.6 * (run / "best.pt").stat().st_size
    again = export.export(published, tmp_path / "again.onnx", export.ExportOptions(SIZE))
    with Student(again, provider="cpu", threads=1) as student:
        assert student.contract.training_data == f"24 labelled images: {drawn_set.name}; {NOISE}"
    image = datasets.load(drawn_set, "val").samples[0].read_image()[None]
    first, second = _outputs(student_file, image), _outputs(again, image)
    assert (first["labels"] == second["labels"]).mean() > 0.99


def test_published_weights_name_no_path_of_the_machine(run: Path, published: Path) -> None:
    content = published.read_bytes()
    assert b"labelled images" in content
    assert str(run.parent).encode() not in content


def test_a_training_goes_on_from_published_weights(
    run: Path, published: Path, small_recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    recipe = checkpoint.continued(small_recipe(budget={"iterations": 1}, optimiser={"lr": 1e-9}), published)
    on = training.train(recipe, tmp_path / "on")
    assert on.metrics["whole_iou"] == pytest.approx(checkpoint.load_best(run).metrics["whole_iou"], abs=0.02)
    path = export.export(tmp_path / "on", tmp_path / "on.onnx", export.ExportOptions(SIZE))
    with Student(path, provider="cpu", threads=1) as student:
        assert student.contract.training_data.count("24 labelled images") == 2


def test_what_is_no_published_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not at all")
    with pytest.raises(DistillError, match=r"broken\.safetensors: no weights"):
        checkpoint.load_best(broken)
    with pytest.raises(DistillError, match=r"absent\.safetensors: missing"):
        checkpoint.load_best(tmp_path / "absent.safetensors")
