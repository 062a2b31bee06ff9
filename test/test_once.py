from __future__ import annotations

import threading
from pathlib import Path

import pytest
from once import once


def test_it_is_made_once_though_many_ask_and_again_where_that_failed(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    name = tmp_path.name  # nobody else's

    def fail(_: Path) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        once(tmp_path_factory, name, fail)

    gate = threading.Barrier(3)
    made, got = [], []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("whole")

    def ask() -> None:
        gate.wait()
        got.append((once(tmp_path_factory, name, make) / "file").read_text())

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert got == ["whole"] * 3
    assert len(made) == 1
