"""QLoRA (Dettmers et al. 2023) of a local writer such as Gemma 3, on the chats of `afss refer chats`. Needs a GPU.

What decides the tuning and what the model sees of a chat is tested here; the tuning itself has not been run: no GPU was
at hand. The loss is on the answer alone. Of Gemma's weights, Gemma's terms hold, and for what is made of them too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import Field

from afss_ros.datasets.files import read_text
from afss_ros.refer.errors import ReferError
from afss_ros.refer.rewrite.chats import HELD_OUT, TRAIN
from afss_ros.refer_training.recipe import Section, read_as

IGNORED = -100
"""What the loss passes over."""


class Writer(Section):
    """A recipe of `afss refer tune-writer`; see config/refer_writer.yaml."""

    model: str = "google/gemma-3-12b-it"
    rank: int = Field(16, ge=1)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.05, ge=0, lt=1)
    layers: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    rate: float = Field(2e-4, gt=0)
    warm_up: float = Field(0.03, ge=0, lt=1, description="Share of the steps.")
    epochs: float = Field(1.0, gt=0)
    batch: int = Field(1, ge=1)
    accumulate: int = Field(8, ge=1, description="Batches to a step.")
    tokens: int = Field(512, ge=64, description="Longest chat; longer ones are refused, never cut.")
    seed: int = 1


def read(path: Path) -> Writer:
    """Read a recipe.

    Raises:
        ReferError: it is none; every key that is wrong is named.
    """
    return read_as(Writer, path, "config/refer_writer.yaml")


def read_chats(path: Path) -> list[list[dict[str, str]]]:
    """The messages of every line of a file of `afss refer chats`.

    Raises:
        ReferError: a line is no chat of a question and its answer; named.
        DatasetError: it cannot be read.
    """
    chats = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        try:
            said = json.loads(line)["messages"]
            if [message["role"] for message in said] != ["system", "user", "assistant"]:
                raise ValueError("system, user and assistant are wanted, in this order")
            if not all(isinstance(message["content"], str) for message in said):
                raise TypeError("a content is no text")
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise ReferError(f"{path}, line {number}: is no chat ({err}); write it with afss refer chats") from err
        chats.append(said)
    return chats


def taught(tokeniser: Any, said: Sequence[dict[str, str]], most: int) -> dict[str, list[int]]:
    """A chat as the model sees it: its tokens, and those that the loss looks at, which are the answer's.

    Args:
        tokeniser: of transformers, with a chat template.
        most: tokens.

    Raises:
        ReferError: the chat is longer, or the template puts anything of the answer before it.
    """
    asked = tokeniser.apply_chat_template(list(said[:-1]), tokenize=False, add_generation_prompt=True)
    whole = tokeniser.apply_chat_template(list(said), tokenize=False)
    if not whole.startswith(asked):
        raise ReferError("this chat template does not begin a chat with its question; the loss cannot tell them apart")
    prompt = tokeniser(asked, add_special_tokens=False)["input_ids"]
    answer = tokeniser(whole[len(asked) :], add_special_tokens=False)["input_ids"]
    if len(prompt) + len(answer) > most:
        raise ReferError(
            f"a chat of {len(prompt) + len(answer)} tokens, and {most} at most; raise tokens in the recipe, or ask for"
            " fewer wordings with afss refer chats --count"
        )
    return {"input_ids": [*prompt, *answer], "labels": [IGNORED] * len(prompt) + list(answer)}


def tune(recipe: Path, data: Path, out: Path, *, on_cpu: bool = False) -> Path:
    """Tune a writer; returns the folder of its adapter.

    Args:
        on_cpu: do without a GPU, which only a tiny model ends within a lifetime.

    Raises:
        ReferError: the recipe or the chats are none, there is no CUDA GPU, or a package is missing; what to do is said.
        DatasetError: a file cannot be read.
    """
    wishes = read(recipe)
    chats = {name: read_chats(data / name) for name in (TRAIN, HELD_OUT)}
    import torch

    if not on_cpu and not torch.cuda.is_available():
        raise ReferError(
            f"tuning {wishes.model} in 4 bits needs a CUDA GPU, and torch {torch.__version__} sees none here; run this"
            f" where there is one ({len(chats[TRAIN])} chats are ready in {data})"
        )
    try:
        import_module("bitsandbytes")  # transformers loads it by itself, and later
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
        from transformers import (
            AutoModelForCausalLM,
            AutoTokenizer,
            BitsAndBytesConfig,
            DataCollatorForSeq2Seq,
            Trainer,
            TrainingArguments,
        )
    except ImportError as err:
        raise ReferError(f"{err.name} is missing; pip install 'afss_ros[refer,writer]'") from err
    tokeniser = AutoTokenizer.from_pretrained(wishes.model)
    seen = {name: [taught(tokeniser, said, wishes.tokens) for said in group] for name, group in chats.items()}
    quantised = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    base = AutoModelForCausalLM.from_pretrained(wishes.model, quantization_config=quantised, dtype=torch.bfloat16)
    adapted = get_peft_model(
        prepare_model_for_kbit_training(base),  # type: ignore[no-untyped-call]
        LoraConfig(
            r=wishes.rank, lora_alpha=int(wishes.alpha), lora_dropout=wishes.dropout,
            target_modules=list(wishes.layers), task_type="CAUSAL_LM",
        ),
    )  # fmt: skip
    trainer = Trainer(
        model=adapted,
        args=TrainingArguments(
            output_dir=str(out), per_device_train_batch_size=wishes.batch,
            gradient_accumulation_steps=wishes.accumulate, learning_rate=wishes.rate, lr_scheduler_type="cosine",
            warmup_steps=wishes.warm_up, num_train_epochs=wishes.epochs, bf16=True, use_cpu=on_cpu, seed=wishes.seed,
            eval_strategy="epoch" if seen[HELD_OUT] else "no", save_strategy="epoch", report_to=[],
        ),
        train_dataset=seen[TRAIN],
        eval_dataset=seen[HELD_OUT] or None,
        data_collator=DataCollatorForSeq2Seq(tokeniser, label_pad_token_id=IGNORED),
    )  # fmt: skip
    trainer.train()
    adapted.save_pretrained(str(out / "adapter"))
    tokeniser.save_pretrained(out / "adapter")
    return out / "adapter"
