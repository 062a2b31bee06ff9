"""A teacher of real size that learned nothing: its settings are those that `afss label` reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.labelling.settings import load_settings
from afss_ros.teacher.models import untrained


def test_its_settings_let_every_box_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The models themselves are 800 MB; test_models.py loads small ones of the same classes, by the same tokenizer.
    monkeypatch.setattr(untrained, "save_detector", lambda folder, side: folder)
    monkeypatch.setattr(untrained, "save_segmenter", lambda folder: folder)
    settings = load_settings(untrained.save_teacher(tmp_path))
    assert (settings.detector.name, settings.segmenter.name) == ("grounding_dino", "sam2")
    assert (settings.detector.box_threshold, settings.keep) == (0.0, "")
    assert Path(settings.detector.checkpoint) == tmp_path / "detector"
    assert len(settings.refinement().views) == 3


def test_the_tokenizer_knows_the_words_of_a_prompt_and_where_it_ends() -> None:
    tokens = untrained.bert_tokenizer()("solar panel.")["input_ids"]
    assert tokens[0] == 101 and tokens[-2:] == [1012, 102] and 100 not in tokens
