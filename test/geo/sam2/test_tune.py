"""Tuning SAM 2: what was chosen learns and nothing else, and a run that was stopped goes on to the same weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import torch
from torch import Tensor

from afss_ros.cli import main
from afss_ros.distill.errors import DistillError
from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2 import examples, tune
from afss_ros.geo.sam2.embeddings import Embeddings
from afss_ros.geo.sam2.network import load, question
from afss_ros.geo.sam2.parts import Rates, Tuned
from afss_ros.geo.sam2.prompts import of_boxes
from afss_ros.geo.sam2.settings import Settings
from afss_ros.geo.sam2.tuned import ready
from afss_ros.geo.vectors import Features, read_features, write_features
from afss_ros.teacher.models.checkpoints import find_folder
from afss_ros.teacher.models.sam2_transformers import Sam2Segmenter
from afss_ros.teacher.values import Box


def settings(checkpoint: Path, **changes: Any) -> Settings:
    return replace(
        Settings(str(checkpoint), iterations=4, corrections=2, objects=4, checkpoint_minutes=0, precision="fp32"),
        **changes,
    )


def weights(folder: Path) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in load(str(folder)).module.state_dict().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


class EnoughError(Exception):
    pass


def stop_at(step: int) -> tune.Report:
    def report(progress: tune.Progress) -> None:
        if progress.step == step:
            raise EnoughError

    return report


@pytest.fixture(scope="module")
def run(checkpoint: Path, chips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by the command line, its embeddings kept."""
    out = tmp_path_factory.mktemp("runs") / "sam2"
    command = ["geo", "tune-sam2", str(chips), "--checkpoint", str(checkpoint), "--out", str(out), "--iterations", "4",
               "--corrections", "2", "--objects", "4", "--threads", "1", "--precision", "fp32"]  # fmt: skip
    assert main(command) == 0
    return out


def test_only_the_decoder_learns_unless_more_is_asked_for(run: Path, checkpoint: Path) -> None:
    found = changed(weights(checkpoint), weights(run / "model"))
    assert found and all(name.startswith("mask_decoder.") for name in found)
    assert not any("conv_s0" in name or "conv_s1" in name for name in found)  # embeddings lie behind them
    tuned = ready(str(run))
    assert tuned.size == 64 and tuned.tone is not None and tuned.tone.high == (255.0,) * 3 and tuned.knows_bare_ground


def test_the_teacher_takes_the_result_as_it_takes_a_checkpoint(run: Path) -> None:
    segmenter = Sam2Segmenter(find_folder(str(run / "model")))
    picture = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    (mask,) = segmenter.segment(
        segmenter.encode(picture), [Box("spacecraft", np.array([5, 5, 30, 30], np.float32), 1.0)]
    )
    assert mask.mask.shape == (40, 60)


def test_a_stopped_run_goes_on_to_the_same_weights(run: Path, checkpoint: Path, chips: Path, tmp_path: Path) -> None:
    from afss_ros.threads import limited

    chosen = settings(checkpoint)
    with limited(1):
        with pytest.raises(EnoughError):
            tune.tune([chips], tmp_path / "run", chosen, stop_at(2), keep_embeddings=False)
        steps: list[int] = []
        scores = tune.tune([chips], tmp_path / "run", chosen, lambda at: steps.append(at.step), keep_embeddings=False)
    assert steps == [3, 4] and set(scores) == {"truth_box_iou", "truth_point_iou", "object_accuracy"}
    ours, whole = (torch.load(folder / "last.pt", weights_only=True) for folder in (tmp_path / "run", run))
    assert all(torch.equal(value, whole["weights"][name]) for name, value in ours["weights"].items())
    assert ours["history"][-1]["loss"] == whole["history"][-1]["loss"]  # embeddings from the disk are those computed
    assert (tmp_path / "run/model/model.safetensors").read_bytes() == (run / "model/model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (("decoder", "lora"), ("mask_decoder.", "vision_encoder.backbone.blocks")),
        (("prompt", "image"), ("prompt_encoder.", "vision_encoder.", "no_memory_embedding", "mask_decoder.conv_s")),
    ],
)
def test_what_was_chosen_learns(
    what: tuple[str, ...], expected: tuple[str, ...], checkpoint: Path, chips: Path, tmp_path: Path
) -> None:
    chosen = settings(checkpoint, tune=what, iterations=1, rates=Rates(1e-3, 1e-3), rank=2, turns=8)
    tune.tune([chips], tmp_path / "run", chosen)
    before = weights(checkpoint)
    found = changed(before, weights(tmp_path / "run/model"))
    assert all(name.startswith(expected) for name in found)
    assert all(any(name.startswith(begin) for name in found) for begin in expected[:2])
    if "lora" in what:
        adapted = {name for name in found if name.startswith("vision_encoder")}
        assert all(".attn." in name for name in adapted)
        after = weights(tmp_path / "run/model")
        strength = torch.linalg.svdvals(
            torch.stack([after[n] - before[n] for n in adapted if n.endswith("0.attn.proj.weight")])
        )
        assert (strength[:, 2:] < 0.01 * strength[:, :1]).all()  # two of them, but for rounding
    assert not (tmp_path / "run/embeddings").exists()


def test_rates_fall_from_block_to_block(checkpoint: Path) -> None:
    tuned = Tuned(load(str(checkpoint)), ("decoder", "image"))
    groups = tuned.groups(Rates(1e-4, 1e-5, 0.5, 0.1))
    rate = {id(w): (g["peak"], g["weight_decay"]) for g in groups for w in g["params"]}
    by_name = {name: rate[id(w)] for name, w in tuned.weights.items()}
    qkv = [by_name[f"vision_encoder.backbone.blocks.{i}.attn.qkv.weight"] for i in range(5)]
    assert [r for r, _ in qkv] == pytest.approx([1e-5 * 0.5**i for i in (4, 3, 2, 1, 0)])
    assert by_name["vision_encoder.backbone.blocks.4.attn.qkv.bias"] == (pytest.approx(1e-5), 0.0)
    assert by_name["mask_decoder.iou_prediction_head.proj_in.weight"] == (1e-4, 0.1)


def test_one_chip_is_learned_and_masks_land_where_the_box_was(checkpoint: Path, chips: Path) -> None:
    torch.manual_seed(0)
    tuned = Tuned(load(str(checkpoint)), ("decoder",))
    sample = next(s for s in examples.read([chips], "train") if s.key == "a")
    shown, boxes = tune.with_bare_ground(
        examples.example(sample, examples.Unit(0, 0, 3)), np.array([[10.0, 10.0]]), 2, np.random.default_rng(0)
    )
    # Of an encoder from noise they are a hundredth of what they are of one that has learned to see.
    features = [f / f.std() for f in Embeddings(tuned.sam2, None)(shown.picture)]
    optimiser = torch.optim.AdamW(tuned.groups(Rates(1e-3)))
    losses = []
    for step in range(150):
        optimiser.zero_grad()
        ((_, terms),) = tune.dialogue(tuned, features, shown, boxes, 1, True, np.random.default_rng(step))
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    tuned.sam2.module.eval()
    with torch.no_grad():
        answer = question(tuned.sam2, features, of_boxes(boxes), (64, 64))
    found = (answer.at((64, 64))[:, 0] > 0).numpy()
    own = np.array([[(f & m).sum() / max(1, (f | m).sum()) for m in shown.masks[:3]] for f in found[:3]])
    assert own.argmax(axis=1).tolist() == [0, 1, 2] and own.diagonal().min() > 0.5
    assert (answer.objects > 0).tolist() == [True] * 3 + [False] * (len(boxes) - 3)


def test_embeddings_are_of_their_picture_and_a_torn_file_is_made_again(checkpoint: Path, tmp_path: Path) -> None:
    sam2 = load(str(checkpoint))
    embeddings = Embeddings(sam2, tmp_path)
    pictures = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8)
    first = embeddings(pictures[0])
    embeddings(pictures[1])
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert len(files) == 2 and all(
        torch.equal(a, b) for a, b in zip(first, Embeddings(sam2, tmp_path)(pictures[0]), strict=True)
    )
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    assert all(torch.equal(a, b) for a, b in zip(first, embeddings(pictures[0]), strict=True))
    with pytest.raises(GeoError, match="--cache"):
        embeddings.require_room(pictures[0], 10**12)


def test_turns_move_masks_with_the_picture(chips: Path) -> None:
    sample = next(s for s in examples.read([chips], "train") if s.key == "a")
    seen = set()
    for turn in range(8):
        shown = examples.example(sample, examples.Unit(0, 0, 3), None, turn)
        bright = shown.picture[..., 0] > 150
        assert (shown.masks.any(axis=0) == bright).all() and (shown.taken == bright).all()
        seen.add(shown.picture.tobytes())
    assert len(seen) == 8


def test_every_object_is_asked_about_once_in_an_epoch(chips: Path) -> None:
    samples = examples.read([chips], "train")
    found = [(u.sample, u.first, u.last) for u in examples.units(samples, 2)]
    assert found == [(0, 0, 2), (0, 2, 3), (1, 0, 1), (2, 0, 0)]
    order = [2, 0, 1]
    masks = [examples.example(samples[0], u, order).masks for u in examples.units(samples, 2)[:2]]
    assert [len(m) for m in masks] == [2, 1]
    every = [instance.mask() for instance in samples[0].instances or ()]
    assert sum(int(m.sum()) for m in masks) == sum(int(m.sum()) for m in every if m is not None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"seed": 1}, "seed differ"), ({"corrections": 5, "objects": 3}, "objects, corrections differ")],
)
def test_a_run_of_other_settings_is_not_gone_on_with(
    changes: dict[str, Any], told: str, run: Path, checkpoint: Path, chips: Path
) -> None:
    with pytest.raises(GeoError, match=told):
        tune.tune([chips], run, settings(checkpoint, checkpoint_minutes=5.0, **changes))


def test_what_cannot_be_learned_from_says_why(checkpoint: Path, chips: Path, tmp_path: Path) -> None:
    chosen = settings(checkpoint, iterations=1)
    alone = tmp_path / "set"
    shutil.copytree(chips, alone)
    lines = (alone / "samples.jsonl").read_text()
    (alone / "samples.jsonl").write_text(lines.replace('"val"', '"test"'))
    with pytest.raises(GeoError, match=r"no labelled samples in the split val \(has: test, train\); afss geo split"):
        tune.tune([alone], tmp_path / "run", chosen)
    for changes, told in (({"tune": ("head",)}, "some of decoder"), ({"tune": ("image", "lora")}, "one of the two")):
        with pytest.raises(GeoError, match=told):
            tune.tune([chips], tmp_path / "run", replace(chosen, **changes))
    for name, value in (("turns", 9), ("bare_ground", 2.0), ("objects", 0), ("clip", 0.0), ("epochs", -1.0)):
        with pytest.raises(GeoError):
            replace(chosen, iterations=0, **{name: value})  # type: ignore[arg-type]
    (tmp_path / "run/last.pt").write_bytes(b"torn")
    with pytest.raises(DistillError, match=r"last\.pt"):
        tune.tune([chips], tmp_path / "run", chosen)
    with pytest.raises(GeoError, match="go on with it"):
        ready(str(tmp_path / "run"))


def test_the_command_refines_with_a_run_and_with_a_plain_checkpoint(
    run: Path, checkpoint: Path, tmp_path: Path
) -> None:
    affine = rasterio.Affine(0.5, 0, 6e5, 0, -0.5, 5e6)
    profile = {"driver": "GTiff", "count": 3, "height": 100, "width": 90, "dtype": "uint8", "crs": "EPSG:32633",
               "transform": affine}  # fmt: skip
    with rasterio.open(tmp_path / "scene.tif", "w", **profile) as file:
        file.write(np.random.default_rng(0).integers(1, 255, (3, 100, 90)).astype(np.uint8))
    shapes = [shapely.box(6e5 + 5 * i, 5e6 - 40, 6e5 + 5 * i + 4, 5e6 - 30) for i in range(8)]
    write_features(tmp_path / "p.gpkg", Features(shapes, crs="EPSG:32633"))
    common = ["--image", str(tmp_path / "scene.tif"), "--threads", "1"]
    for sam2 in (run, checkpoint):
        out = tmp_path / f"{sam2.name}.gpkg"
        options = ["--sam2", str(sam2), "--out", str(out), "--window", "64", "--least-score", "0"]
        assert main(["geo", "refine", str(tmp_path / "p.gpkg"), *common, *options]) == 0
        rows = read_features(out).properties
        assert len(rows) == 8 and all(0 <= row["sam2_score"] <= 1 for row in rows)
    options = ["--sam2", str(run), "--out", str(tmp_path / "x.gpkg")]
    assert main(["geo", "refine", str(tmp_path / "p.gpkg"), "--grid", "4", *common, *options]) == 1
    assert main(["geo", "refine", *common, *options]) == 1
    assert not (tmp_path / "x.gpkg").exists()
