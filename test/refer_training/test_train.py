"""A referring network: trained a little, killed and gone on with, exported, and held against torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from afss_ros.cli import main
from afss_ros.refer import NetworkResolver, ReferError, UnknownWordError
from afss_ros.refer.reading import tokens
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.made import make
from afss_ros.refer_training import recipe as recipes
from afss_ros.refer_training.data import learnable
from afss_ros.refer_training.data import load as load_set
from afss_ros.refer_training.export import export
from afss_ros.refer_training.eyes import Seen
from afss_ros.refer_training.facts import gaps, measure
from afss_ros.refer_training.reader import Ranks
from afss_ros.refer_training.run import BEST, LAST, load, restored
from afss_ros.refer_training.train import Progress, calibrate, questions, train


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("refer") / "made"
    build("made:10", root)
    return root


def recipe(sentences: Path, **reader: Any) -> recipes.Recipe:
    small = {"width": 8, "rounds": 1, "steps": 4, "scenes": 2, "sentences": 4, **reader}
    return recipes.parse(
        {
            "data": {"sets": [str(sentences)], "size": 64},
            "eyes": {"width": 8, "slots": 6, "steps": 4, "batch": 2},
            "reader": small,
            "checkpoint_seconds": 1e-6,
        },
        "here",
    )


@pytest.fixture(scope="module")
def run(sentences: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    scores = train(recipe(sentences), out)
    assert set(scores) == {"miou", "target", "no_target", "sentences"} and scores["sentences"] > 10
    return out


class KilledError(Exception):
    """What a power cut looks like from inside."""


@pytest.mark.parametrize(("part", "step"), [("eyes", 2), ("reader", 3)])
def test_a_killed_run_goes_on_to_the_same_weights(
    sentences: Path, run: Path, tmp_path: Path, part: str, step: int
) -> None:
    def kill(progress: Progress) -> None:
        if (progress.part, progress.step) == (part, step):
            raise KilledError

    with pytest.raises(KilledError):
        train(recipe(sentences), tmp_path, kill)
    assert (tmp_path / LAST).exists() and not (tmp_path / BEST).exists()
    torn = tmp_path / f".{LAST}.13661"  # as where it is killed while it writes
    torn.write_bytes(b"torn")
    steps: list[Progress] = []
    train(recipe(sentences), tmp_path, steps.append)
    assert (steps[0].part, steps[0].step) == (part, step)  # the step that was not saved is done again
    whole, again = load(run / BEST)["network"], load(tmp_path / BEST)["network"]
    assert all(torch.equal(whole[name], again[name]) for name in whole) and not torn.exists()


def test_a_finished_run_is_not_trained_again(sentences: Path, run: Path) -> None:
    before = load(run / BEST)
    train(recipe(sentences), run, lambda progress: pytest.fail("trained again"))
    assert load(run / BEST)["history"] == before["history"]


def test_few_sentences_that_mean_something_are_denied_it(sentences: Path, run: Path) -> None:
    network, nouns, vocabulary, made_by, _ = restored(run / BEST)
    _, examples = load_set(made_by.data, "val", nouns)
    calibrated = float(network.reader.shift)

    def believed() -> list[bool]:
        found = []
        with torch.inference_mode():
            for example in examples:
                _, facts = network.see(torch.from_numpy(example.image[None]))
                for text, targets in zip(example.texts, example.targets, strict=True):
                    if targets and set(tokens(text)) <= set(vocabulary.words):
                        words = torch.from_numpy(vocabulary.encode(text))[None, None]
                        found.append(bool(network.reader(facts, words).presence > 0))
        return found

    shares = believed()
    assert len(shares) > 30 and 0.9 < np.mean(shares) < 1
    network.reader.shift.fill_(50.0)
    assert not any(believed())
    calibrate(network, list(questions(network, vocabulary, examples, 10_000)))
    assert float(network.reader.shift) == pytest.approx(calibrated)


def test_weights_of_another_form_are_named(run: Path, tmp_path: Path) -> None:
    saved = load(run / BEST)
    del saved["network"]["reader.shift"]
    torch.save(saved, tmp_path / BEST)
    with pytest.raises(ReferError, match=r"best\.pt: weights of another version of this network; train it again"):
        restored(tmp_path / BEST)


def test_another_recipe_or_other_data_is_refused(sentences: Path, run: Path, tmp_path: Path) -> None:
    with pytest.raises(ReferError, match=r"another recipe \(reader differ\); choose another --out"):
        train(recipe(sentences, steps=5), run)
    other = tmp_path / "other"
    build("made:10", other, seed=2)
    moved = recipe(other).model_copy(update={"data": recipe(sentences).data})
    (tmp_path / "kept").mkdir()
    texts = (sentences / "references.jsonl").read_text()
    try:
        (sentences / "references.jsonl").write_text((other / "references.jsonl").read_text())
        with pytest.raises(ReferError, match="not what they were when the run began"):
            train(moved, run)
    finally:
        (sentences / "references.jsonl").write_text(texts)


def test_the_exported_network_answers_as_torch_does(run: Path, tmp_path: Path) -> None:
    model = export(run, tmp_path / "refer.onnx")
    network, nouns, vocabulary, _, _ = restored(run / BEST)
    with NetworkResolver(model, "cpu") as resolver:
        assert resolver.facts.nouns == nouns and resolver.facts.vocabulary == vocabulary
        assert resolver.facts.input_size == (64, 64) and resolver.facts.licence == "Apache-2.0"
        assert resolver.facts.metrics["sentences"] > 10
        _, picture = make(3)
        image = np.ascontiguousarray(picture[::2, ::2][:64, :64])
        tokens = resolver.encode("the largest tree")
        session: Any = resolver._session
        mask, presence = session.run(["mask", "presence"], {"image": image[None], "tokens": tokens[None]})
        with torch.inference_mode():
            wanted = network(torch.from_numpy(image[None]), torch.from_numpy(tokens[None]))
        assert np.abs(mask.astype(int) - wanted.mask.numpy().astype(int)).max() <= 1
        assert np.allclose(presence, wanted.presence.numpy(), atol=1e-4)
        with pytest.raises(UnknownWordError, match="'zeppelin'"):
            resolver.resolve(image, "the zeppelin")


def test_the_command_line_trains_and_exports(
    sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "refer.yaml"
    written.write_text(yaml.safe_dump(recipe(sentences, steps=2).model_dump(mode="json")))
    assert main(["refer", "train", str(written), "--out", str(tmp_path / "run")]) == 0
    assert "miou" in capsys.readouterr().out
    assert main(["refer", "export", str(tmp_path / "run"), "--out", str(tmp_path / "refer.onnx")]) == 0
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history[-1]["part"] == "validation"
    assert main(["refer", "export", str(tmp_path / "nowhere"), "--out", str(tmp_path / "refer.onnx")]) == 1
    assert "best.pt: missing; train with" in capsys.readouterr().err
    written.write_text("data: {sets: [a], sise: 3}\nreader: {rounds: 0}\n")
    assert main(["refer", "train", str(written), "--out", str(tmp_path / "run")]) == 1
    assert "data.sise: Extra inputs" in (said := capsys.readouterr().err) and "reader.rounds" in said


def test_what_a_picture_cannot_tell_is_not_learned() -> None:
    assert learnable("the left panel")
    assert not learnable("the panel on the port side of the craft")
    assert not learnable("the golden panel", held_out=("golden",))


def test_facts_are_those_of_the_masks() -> None:
    masks = torch.zeros(1, 3, 40, 40)
    masks[0, 0, 10:20, 0:10] = 1.0
    masks[0, 1, 10:20, 30:40] = 1.0
    picture = torch.zeros(1, 3, 40, 40)
    picture[0, 0] = 1.0
    facts = measure(Seen(torch.tensor([[0.9, 0.8, 0.0]]), torch.tensor([[1, 1, 0]]), masks), picture)
    assert facts.valid.tolist() == [[1.0, 1.0, 0.0]]
    x, y, *_ = facts.single[0, 0].tolist()
    assert (x, y) == pytest.approx((5 / 40, 15 / 40))
    assert facts.single[0, 0, 9] == 1.0  # at the picture's edge
    assert facts.single[0, 0, 11:14].tolist() == [1.0, 0.0, 0.0]
    assert facts.pair[0, 0, 1, 0] == pytest.approx(-30 / 40)
    # Between the nearest cells, 21 of 40 apart.
    assert gaps(masks)[0, 0, 1] == pytest.approx(21 / 40)
    assert not facts.pair[0, 2].any()


def test_ranks_count_those_ahead() -> None:
    ranks = Ranks(1)
    with torch.no_grad():
        ranks.value.weight.fill_(1.0)
        ranks.value.bias.zero_()
        ranks.rival.weight.zero_()
        ranks.rival.bias.fill_(20.0)
        ranks.sharpness.fill_(5.0)
        ranks.out.weight.zero_()
        ranks.out.bias.zero_()
        ranks.out.weight[0, 0] = 1.0
        h = torch.tensor([[[0.1], [0.9], [0.5], [7.0]]])
        valid = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
        counted = ranks(h, valid)[0, :3, 0].tolist()
    assert counted == pytest.approx([2.0, 0.0, 1.0], abs=1e-3)
