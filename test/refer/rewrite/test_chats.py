"""Chats that a writer is taught with: of the form that is asked for, and every answer proven."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from afss_ros.cli import main
from afss_ros.refer import ReferError
from afss_ros.refer.parse import parse
from afss_ros.refer.rewrite.chats import write_chats
from afss_ros.refer.rewrite.wording import messages, read
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.references import read_references, reference_to_json, write_lines


def chats(path: Path) -> list[list[dict[str, Any]]]:
    return [json.loads(line)["messages"] for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    build("made:8", root)
    return root


def test_questions_are_those_of_rewriting_and_answers_are_proven(made: Path, tmp_path: Path) -> None:
    arguments = ["refer", "chats", str(made), "--out", str(tmp_path / "a"), "--count", "2"]
    assert main(arguments) == 0
    meanings = {r.text: r.meaning for r in read_references(made)}
    nouns = ["building", "ship", "tree", "storage_tank", "vehicle"]
    train, held = chats(tmp_path / "a" / "train.jsonl"), chats(tmp_path / "a" / "held_out.jsonl")
    assert len(train) > 20 and len(held) > 5
    for system, user, assistant in [*train, *held]:
        text = user["content"]
        assert [system, user] == messages(text, 2) and assistant["role"] == "assistant"
        for wording in read(assistant["content"], text, 2):  # holds the strict form
            (part,) = parse(wording, nouns).parts
            assert part == meanings[text] and wording != text.lower()
    assert not {user["content"] for _, user, _ in train} - set(meanings)
    write_chats([made], tmp_path / "b", count=2)
    assert (tmp_path / "a" / "train.jsonl").read_bytes() == (tmp_path / "b" / "train.jsonl").read_bytes()
    assert write_chats([made], tmp_path / "c", count=2, limit=3)["train.jsonl"] == 3


def test_what_people_and_models_said_comes_first_if_it_means_the_same(made: Path, tmp_path: Path) -> None:
    everything = read_references(made)
    first = next(r for r in everything if r.kind == "extreme" and r.text.startswith("the") and "made-000000" in r.scene)
    assert first.meaning is not None
    other = next(r for r in everything if r.meaning not in (first.meaning, None) and r.scene == first.scene)
    true = replace(first, text=f"please show me {first.text}", source="rewrite")
    lie = replace(first, text=f"please show me {other.text}", source="human")
    leak = replace(first, text=f"segment {first.text}", source="human")
    root = tmp_path / "set"
    root.mkdir()
    (root / "scenes.jsonl").write_bytes((made / "scenes.jsonl").read_bytes())
    write_lines(root / "references.jsonl", [reference_to_json(r) for r in (first, lie, leak, true)])
    write_chats([root], tmp_path / "out", count=1)
    ((_, user, assistant),) = chats(tmp_path / "out" / "train.jsonl")
    assert user["content"] == first.text
    assert json.loads(assistant["content"])["rewrites"] == [true.text]


def test_too_many_wordings_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ReferError, match="has 2000 wordings; ask for fewer with --count"):
        write_chats([made], tmp_path, count=2000)
    with pytest.raises(ReferError, match="count and limit are 1 or more"):
        write_chats([made], tmp_path, count=0)
