"""Each promise leads to tests that exist, and the page says what the file behind it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import evidence


def test_every_test_that_is_named_exists() -> None:
    assert evidence.missing(evidence.read()) == []


def test_the_page_is_what_the_command_makes() -> None:
    assert evidence.PAGE.read_text() == evidence.page(evidence.read()), "make evidence"


def test_a_test_that_does_not_exist_is_named(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "test_a.py").write_text("def test_that_is():\n    pass\n")
    tests = ("test/test_a.py::test_that_is", "test/test_a.py::test_that_was", "test/test_b.py::test_that_is")
    assert evidence.missing({"": [evidence.Promise("x", tests)]}, tmp_path) == list(tests[1:])


@pytest.mark.parametrize("promise", ["{says: x}", "{says: x, shown: []}", "x"])
def test_a_promise_without_a_test_is_refused(promise: str, tmp_path: Path) -> None:
    path = tmp_path / "promises.yaml"
    path.write_text(f"- title: a\n  promises: [{promise}]\n")
    with pytest.raises(evidence.EvidenceError, match="is no promise"):
        evidence.read(path)
