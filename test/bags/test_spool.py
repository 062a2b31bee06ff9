"""A spool keeps its budget, its most valuable files, and its promise that every file is whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from full_disk import largest_file

from afss_ros.bags import BagError, BagReader, BagWriter, Budget, Spool, messages

ROOMY = Budget(100 << 20)


def put(number: int, side: int = 8) -> Callable[[BagWriter], None]:
    """Writes one noisy picture, stamped `number`: what cannot be compressed."""
    picture = np.random.default_rng(number).integers(0, 256, (side, side, 3)).astype(np.uint8)

    def write(bag: BagWriter) -> None:
        bag.write("/image", messages.image(picture, number), number)

    return write


def numbers(path: Path) -> list[int]:
    with BagReader(path) as bag:
        return [m.stamp_ns for m in bag.messages(["/image"])]


def test_items_come_back_in_order_from_a_folder_read_as_one_bag(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", Budget(100 << 20, items_per_file=2))
    for number in range(1, 6):
        spool.write(200, 0.5, put(number))
    spool.close()
    files = sorted((tmp_path / "spool").iterdir())
    assert [numbers(f) for f in files] == [[1, 2], [3, 4], [5]]
    assert numbers(tmp_path / "spool") == [1, 2, 3, 4, 5]
    assert spool.bytes == sum(f.stat().st_size for f in files)


def test_every_file_begins_with_what_it_must_have(tmp_path: Path) -> None:
    def announce(bag: BagWriter) -> None:
        bag.write("/info", messages.label_info({1: "body"}, 0.5), 0)

    spool = Spool(tmp_path, Budget(100 << 20, items_per_file=1), started=announce)
    for number in (1, 2):
        spool.write(200, 0.5, put(number))
    spool.close()
    for file in tmp_path.iterdir():
        with BagReader(file) as bag:
            assert {t.name: t.count for t in bag.topics.values()} == {"/info": 1, "/image": 1}


def test_the_least_valuable_file_makes_room_and_the_budget_is_kept(tmp_path: Path) -> None:
    """Pictures of 300 kB, one a file; six are more than the budget, and of the two least valuable the older goes."""
    budget = Budget(1_700_000, items_per_file=1)
    spool = Spool(tmp_path, budget)
    for number, value in enumerate([0.9, 0.6, 0.8, 0.7, 0.6, 0.9], 1):
        spool.write(301_000, value, put(number, side=316))
        assert spool.bytes <= budget.bytes
    spool.close()
    assert numbers(tmp_path) == [1, 3, 4, 5, 6]
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= budget.bytes


def test_the_budget_holds_across_restarts_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "flight.mcap").write_bytes(bytes(2_000_000))
    for number in range(1, 8):
        spool = Spool(tmp_path, Budget(1_000_000))
        spool.write(301_000, 0.5, put(number, side=316))
        spool.close()
    assert (tmp_path / "flight.mcap").exists()
    kept = [f for f in sorted(tmp_path.iterdir()) if f.name != "flight.mcap"]
    assert [n for f in kept for n in numbers(f)] == [5, 6, 7]


def test_an_item_larger_than_the_budget_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, Budget(1000))
    with pytest.raises(BagError, match=r"no room for 0\.1 MiB"):
        spool.write(100_000, 0.9, put(1))
    assert list(tmp_path.iterdir()) == []


def test_space_that_others_need_is_left_to_them_and_what_was_written_is_saved(tmp_path: Path) -> None:
    free = [10_000_000]
    spool = Spool(tmp_path, Budget(100 << 20, keep_free=5_000_000), free=lambda _folder: free[0])
    spool.write(200, 0.5, put(1))
    free[0] = 5_000_100
    with pytest.raises(BagError, match="5 are to stay free"):
        spool.write(200, 0.5, put(2))
    assert numbers(tmp_path) == [1], "the bag was completed while there was room for it"
    free[0] = 10_000_000
    spool.write(200, 0.5, put(3))
    spool.close()
    assert numbers(tmp_path) == [1, 3]


def test_a_disk_that_is_full_leaves_no_debris_and_is_used_again_later(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOMY)
    with largest_file(50_000), pytest.raises(BagError, match=r"cannot (write|finish)"):
        for number in range(1, 100):
            spool.write(30_400, 0.5, put(number, side=100))
        spool.close()
    assert list(tmp_path.iterdir()) == []
    spool.write(200, 0.5, put(7))
    spool.close()
    assert numbers(tmp_path) == [7]


def test_what_a_crash_left_is_swept_away_but_not_what_another_process_writes(tmp_path: Path) -> None:
    dead, alive = 2**22 + 1, os.getppid()  # Linux has no higher process number than 2^22
    for pid in (dead, alive):
        (tmp_path / f".20260101T000000-000000000-v000.mcap.{pid}.partial").mkdir()
    spool = Spool(tmp_path, ROOMY)
    spool.write(200, 0.5, put(1))
    spool.close()
    assert [p.name.split(".")[3] for p in tmp_path.iterdir() if p.name.endswith("partial")] == [str(alive)]


def test_nothing_is_made_before_there_is_something_to_write(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", ROOMY)
    spool.close()
    assert spool.bytes == 0
    assert not (tmp_path / "spool").exists()
