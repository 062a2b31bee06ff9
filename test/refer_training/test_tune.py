"""The large network's way from checkpoints on disk over a run to answers and a file, on small random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_encoders import tiny
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch._utils import ExceptionWrapper
from transformers import PreTrainedTokenizerFast
from typer.testing import CliRunner

from afss_ros.cli.app import app
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.pictures import read_rgb
from afss_ros.refer import ReferError
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.references import SCENES, read_lines, read_references
from afss_ros.refer_training.clipsam import adapter
from afss_ros.refer_training.clipsam.files import encode, load
from afss_ros.refer_training.clipsam.recipe import Large, parse
from afss_ros.refer_training.clipsam.resolver import LargeResolver
from afss_ros.refer_training.clipsam.sentences import MASK_STRIDE, Pictured, read
from afss_ros.refer_training.clipsam.tune import told_plainly, tune

SIZE = 64
WORDS = ("the", "panel", "dish", "body", "antenna", "left", "right", "top", "bottom", "in", "of", "spacecraft")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SigLIP with its tokeniser, and a small SAM 2, as folders."""
    root = tmp_path_factory.mktemp("checkpoints")
    siglip, sam = tiny(draws="sam2")
    siglip.save_pretrained(root / "siglip")
    sam.save_pretrained(root / "sam2")
    words = {"<unk>": 0, "<pad>": 1, **{word: number for number, word in enumerate(WORDS, 2)}}
    plain = Tokenizer(WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = Whitespace()
    tokeniser = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>", pad_token="<pad>")
    tokeniser.save_pretrained(root / "siglip")
    return root


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("large") / "sentences"
    build("made:12", out)
    return out


@pytest.fixture(scope="session")
def recipe(checkpoints: Path, sentences: Path) -> Large:
    return parse(
        {
            "base": {"siglip": str(checkpoints / "siglip"), "sam": str(checkpoints / "sam2")},
            "data": {"sets": [str(sentences)], "size": SIZE, "validation_sentences": 12, "workers": 0},
            "learn": {"steps": 4, "batch": 2, "accumulate": 2, "warm_up": 1, "rate": 1e-2, "precision": "float32"},
        },
        "here",
    )


@pytest.fixture(scope="session")
def run(recipe: Large, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("large") / "run"
    tune(recipe, out)
    return out


def test_a_mask_is_what_its_sentence_means(sentences: Path, recipe: Large) -> None:
    _, tokeniser = adapter.build(recipe)
    asked, long = read([sentences], "train", tokeniser)
    assert long == 0 and any(not one.masks for one in asked) and any(one.masks for one in asked)
    pictured = Pictured(asked, SIZE)
    for place in range(len(pictured)):
        picture, tokens, mask = pictured[place]
        assert picture.shape == (SIZE, SIZE, 3) and tokens.shape == (64,)
        assert mask.shape == (SIZE // MASK_STRIDE, SIZE // MASK_STRIDE)
        assert bool(mask.any()) == bool(asked[place].masks) or float(mask.max()) < 0.5


def test_killed_it_goes_on_to_the_same_weights(
    recipe: Large, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = adapter.save
    written: list[int] = []

    def killed(path: Path, state: dict[str, Any]) -> None:
        kept(path, state)
        written.append(state["step"])
        if state["step"] == 2:
            raise KeyboardInterrupt

    often = recipe.model_copy(update={"checkpoint_seconds": 1e-9})
    monkeypatch.setattr(adapter, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        tune(often, tmp_path / "run")
    monkeypatch.setattr(adapter, "save", kept)
    scores = tune(often, tmp_path / "run")
    assert written == [1, 2] and scores["sentences"] == 12
    whole, resumed = adapter.read(run / adapter.LAST), adapter.read(tmp_path / "run" / adapter.LAST)
    assert resumed["step"] == 4
    for name, weight in whole["learned"].items():
        assert torch.equal(weight, resumed["learned"][name]), name
    ups = {name: bool(weight.any()) for name, weight in whole["learned"].items() if name.endswith(".up")}
    # SigLIP's pooled picture is not asked for: what makes it has nothing to learn from.
    head = "siglip.vision_model.head.mlp."
    assert [name for name, changed in ups.items() if not changed] == [f"{head}fc1.up", f"{head}fc2.up"]


def test_what_fills_a_text_up_is_the_tokeniser_s(checkpoints: Path, tmp_path: Path) -> None:
    """Configurations of SigLIP 2 say nothing of it, and the library's default is another number."""
    siglip, _ = tiny()
    siglip.save_pretrained(tmp_path)
    plain = Tokenizer(WordLevel({"<pad>": 0, "<unk>": 1, "panel": 2}, unk_token="<unk>"))
    plain.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>", pad_token="<pad>").save_pretrained(tmp_path)
    network, tokeniser = load(str(tmp_path), str(checkpoints / "sam2"))
    read_as = torch.from_numpy(encode(tokeniser, "panel")[None])
    assert read_as[0, :3].tolist() == [2, 0, 0]
    longer = read_as.clone()
    longer[0, 40:] = 1  # words, and not what fills up
    image = torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8)
    weights: list[torch.Tensor] = []
    network.prompter.hear.register_forward_pre_hook(lambda _, given: weights.append(given[1]))
    with torch.inference_mode():
        network.eval()(image, read_as)
        network(image, longer)
    assert [int(read.sum()) for read in weights] == [1, 25]
    bare = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>")
    bare.save_pretrained(tmp_path)
    with pytest.raises(ReferError, match="its tokeniser fills texts up with nothing"):
        load(str(tmp_path), str(checkpoints / "sam2"))


def test_a_run_holds_what_it_learned_alone(run: Path, checkpoints: Path) -> None:
    assert not [name for name in adapter.read(run / adapter.LAST)["learned"] if ".base." in name]
    history = json.loads((run / "history.json").read_text())
    assert history[-1]["part"] == "validation" and 0 <= history[-1]["miou"] <= 1


def test_it_answers_and_is_measured_as_every_resolver(run: Path, sentences: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    called = CliRunner().invoke(
        app,
        [
            "refer",
            "evaluate",
            str(run),
            "--data",
            str(sentences),
            "--split",
            "val",
            "--controls",
            "--json",
            str(figures),
        ],
    )
    assert called.exit_code == 0, called.output
    told = json.loads(figures.read_text())
    of_split = {value["key"] for _, value in read_lines(sentences / SCENES) if value["split"] == "val"}
    asked = [reference for reference in read_references(sentences) if reference.scene in of_split]
    assert told["overall"]["sentences"] == len(asked) > 0 and told["overall"]["refused"] == 0
    assert told["controls"]["sentences"] > 0


def test_a_picture_is_looked_at_once_and_a_buffer_written_anew_is_another(run: Path, sentences: Path) -> None:
    resolver = LargeResolver(run)
    scenes = [value for _, value in read_lines(sentences / SCENES)]
    image, other = (np.array(read_rgb(sentences / scene["image"])) for scene in scenes[:2])
    looks: list[tuple[int, ...]] = []
    see: Callable[[torch.Tensor], Any] = resolver._network.look

    def counted(picture: torch.Tensor) -> Any:
        looks.append(tuple(picture.shape))
        return see(picture)

    resolver._network.look = counted  # type: ignore[assignment]
    first = resolver.resolve(image, "the left panel")
    resolver.resolve(image, "the right panel")
    assert first.mask.shape == image.shape[:2] and len(looks) == 1
    image[:] = other[: image.shape[0], : image.shape[1]]
    resolver.resolve(image, "the left panel")
    assert len(looks) == 2


def test_it_is_exported_with_its_tokeniser(run: Path, tmp_path: Path) -> None:
    called = CliRunner().invoke(app, ["refer", "export", str(run), "--out", str(tmp_path / "large.onnx")])
    assert called.exit_code == 0, called.output
    assert (tmp_path / "large.onnx").stat().st_size > 0
    assert (tmp_path / "large.onnx.tokeniser" / "tokenizer.json").exists()


def test_a_run_beside_other_checkpoints_is_refused(run: Path, recipe: Large, checkpoints: Path, tmp_path: Path) -> None:
    siglip, _ = tiny(seed=5)
    network, tokeniser = adapter.build(recipe)
    siglip.save_pretrained(tmp_path / "siglip")
    tokeniser.save_pretrained(tmp_path / "siglip")
    base = recipe.base.model_copy(update={"siglip": str(tmp_path / "siglip")})
    other, _ = adapter.build(recipe.model_copy(update={"base": base}))
    with pytest.raises(ReferError, match="was learned beside checkpoints with the hash"):
        adapter.fill(other, adapter.read(run / adapter.LAST), run / adapter.LAST)
    adapter.fill(network, adapter.read(run / adapter.LAST), run / adapter.LAST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learn": {"rank": 4}}, "is a run of another recipe"),
        ({"data": {"train_split": "nowhere"}}, "no sentence of split 'nowhere'"),
        ({"base": {"sam": "/nowhere"}}, "/nowhere: cannot be loaded"),
    ],
)
def test_what_cannot_go_on_is_named(run: Path, recipe: Large, change: dict[str, dict[str, Any]], message: str) -> None:
    value = recipe.model_dump(mode="json")
    for section, keys in change.items():
        value[section] |= keys
    before = (run / adapter.LAST).read_bytes()
    with pytest.raises(ReferError, match=message):
        tune(parse(value, "here"), run)
    assert (run / adapter.LAST).read_bytes() == before


def test_a_picture_that_is_gone_is_named_in_one_line(recipe: Large, tmp_path: Path) -> None:
    build("made:6", tmp_path / "made")
    for picture in (tmp_path / "made" / "images").iterdir():
        picture.unlink()
    data = recipe.data.model_copy(update={"sets": (tmp_path / "made",)})
    with pytest.raises((ReferError, DatasetError)) as refused:
        tune(recipe.model_copy(update={"data": data}), tmp_path / "run")
    assert "images/made-" in str(refused.value) and "\n" not in str(refused.value)
    assert list((tmp_path / "run").iterdir()) == []


def test_what_a_process_that_reads_pictures_says_is_told_without_its_traceback() -> None:
    try:
        raise DatasetError("images/1.png: is gone; get it back")
    except DatasetError:
        caught = ExceptionWrapper(where="in DataLoader worker process 0")  # type: ignore[no-untyped-call]
    with pytest.raises(DatasetError, match=r"^images/1\.png: is gone; get it back$"), told_plainly():
        caught.reraise()  # type: ignore[no-untyped-call]


def test_a_recipe_with_wrong_keys_names_them() -> None:
    with pytest.raises(ReferError, match=r"learn\.rank.*config/refer_large\.yaml is an example"):
        parse({"data": {"sets": ["x"]}, "learn": {"rank": 0}}, "here")
    with pytest.raises(ReferError, match=r"data\.sets"):
        parse({"data": {}}, "here")
