"""Tuning a writer: its recipe, what it sees of a chat, and what it says where there is no GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from afss_ros.cli import main
from afss_ros.refer import ReferError
from afss_ros.refer.rewrite.chats import chat
from afss_ros.refer_training.writer import IGNORED, Writer, read, read_chats, taught, tune

SAID = chat("the left ship", ["the ship on the left", "leftmost ship"])["messages"]
TEMPLATE = (
    "{% for m in messages %}<turn> {{ m['role'] }} {{ m['content'] }} <end>{% endfor %}"
    "{% if add_generation_prompt %}<turn> assistant {% endif %}"
)


def a_tokeniser(template: str = TEMPLATE) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    text = " ".join(message["content"] for message in SAID)
    names = ["<unk>", "<turn>", "<end>", "system", "user", "assistant", *dict.fromkeys(text.split())]
    split = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, "<unk>"))
    split.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(tokenizer_object=split, unk_token="<unk>")
    made.chat_template = template
    return made


def test_the_loss_looks_at_the_answer_alone() -> None:
    tokeniser = a_tokeniser()
    seen = taught(tokeniser, SAID, 512)
    answer = [token for token, label in zip(seen["input_ids"], seen["labels"], strict=True) if label != IGNORED]
    assert answer == [label for label in seen["labels"] if label != IGNORED]
    assert tokeniser.decode(answer).replace(" ", "").startswith(SAID[2]["content"].replace(" ", ""))
    asked = tokeniser.decode(seen["input_ids"][: seen["labels"].count(IGNORED)])
    assert "the left ship" in asked and "leftmost" not in asked
    with pytest.raises(ReferError, match="tokens, and 64 at most; raise tokens in the recipe"):
        taught(tokeniser, SAID, 64)
    with pytest.raises(ReferError, match="does not begin a chat with its question"):
        taught(a_tokeniser("{{ messages[-1]['content'] }}"), SAID, 512)


def test_the_recipe_that_ships_is_read_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    assert read(Path("config/refer_writer.yaml")) == Writer.model_validate({})
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("rank: 0\nsize: 3\n")
    with pytest.raises(ReferError, match=r"wrong\.yaml: rank: .*; size: .*refer_writer\.yaml is an example"):
        read(wrong)
    with pytest.raises(ReferError, match="cannot be read as YAML"):
        read(tmp_path / "nothing.yaml")


def test_what_is_no_chat_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"messages": SAID}) + "\n" + json.dumps({"messages": SAID[:2]}) + "\n")
    with pytest.raises(ReferError, match=r"train\.jsonl, line 2: is no chat"):
        read_chats(path)


def test_without_a_gpu_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "held_out"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"messages": SAID}) + "\n")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ReferError, match=r"needs a CUDA GPU, and torch .* sees none here.*\(1 chats are ready"):
        tune(Path("config/refer_writer.yaml"), tmp_path, tmp_path / "out")
    assert main(["refer", "tune-writer", "config/refer_writer.yaml", "--data", str(tmp_path)]) == 1
    assert "needs a CUDA GPU" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
