"""Tuning a writer: its recipe, what it sees of a chat, and what it says where there is no GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import python, run

from afss_ros.cli import main
from afss_ros.refer import ReferError
from afss_ros.refer.rewrite.chats import HELD_OUT, TRAIN, chat
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


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes (MIT, optional) is not installed")
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    tokeniser = a_tokeniser()
    tokeniser.add_special_tokens({"pad_token": "<pad>"})
    tokeniser.save_pretrained(tmp_path / "model")
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        Gemma3ForCausalLM(
            Gemma3TextConfig(
                vocab_size=len(tokeniser), hidden_size=64, intermediate_size=128, num_hidden_layers=2, head_dim=32,
                num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024, sliding_window=512,
            )
        ).save_pretrained(tmp_path / "model")  # fmt: skip
    return tmp_path / "model"


def test_a_writer_learns_in_four_bits_and_its_adapter_is_read_back(model: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    data, recipe = tmp_path / "chats", tmp_path / "recipe.yaml"
    data.mkdir()
    for name in (TRAIN, HELD_OUT):
        (data / name).write_text((json.dumps({"messages": SAID}) + "\n") * 4)
    recipe.write_text(f"model: {model}\nepochs: 6\nbatch: 2\naccumulate: 1\nrate: 0.01\n")
    # Apart: transformers looks for a package `datasets`, and here would find the tests of ours.
    paths = [str(recipe), str(data), str(tmp_path / "out")]
    code = (
        "from pathlib import Path; from afss_ros.refer_training.writer import tune;"
        f" tune(*map(Path, {paths!r}), on_cpu=True)"
    )
    done = run(python("-c", code), patience_s=300)
    assert done.returncode == 0, done.stderr[-3000:]
    adapter = tmp_path / "out" / "adapter"

    states = sorted((tmp_path / "out").glob("checkpoint-*/trainer_state.json"), key=lambda path: path.stat().st_mtime)
    losses = [entry["eval_loss"] for entry in json.loads(states[-1].read_text())["log_history"] if "eval_loss" in entry]
    assert len(losses) == 6 and losses[-1] < losses[0] - 0.5

    tokeniser = AutoTokenizer.from_pretrained(adapter)
    seen = {name: torch.tensor([value]) for name, value in taught(tokeniser, SAID, 512).items()}
    assert (seen["labels"] != IGNORED).any()
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with torch.inference_mode():
        before = float(base(**seen).loss)
        after = float(PeftModel.from_pretrained(base, str(adapter))(**seen).loss)
    assert after < before - 0.5
