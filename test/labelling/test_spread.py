"""A labelling run on several workers writes what one process writes, byte for byte, whatever befalls the workers."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded import picture, record

from afss_ros import cli
from afss_ros.cluster import ClusterError, Crew
from afss_ros.datasets import load
from afss_ros.labelling.command import label
from afss_ros.labelling.engine import Progress
from afss_ros.labelling.settings import load_settings

FRAMES = [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11]


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def killing() -> Callable[[Progress], None]:
    """Kills a worker when the first frame is listed."""
    others = set(mp.active_children())
    killed: list[int] = []

    def advanced(progress: Progress) -> None:
        victim = next((child for child in mp.active_children() if child not in others), None)
        if not killed and victim is not None and victim.pid is not None:
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    return advanced


@pytest.mark.parametrize(("workers", "video"), [(2, "off"), (4, "flow")])
def test_workers_that_are_killed_leave_what_one_process_writes(
    workers: int, video: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "flight.mcap", FRAMES, broken=[7])
    # Relative paths, because a reason in the manifest names the file as it was given.
    monkeypatch.chdir(tmp_path)
    settings = load_settings(None, {"video.propagator": video, "video.chunk": 4, "batch": 3, "frames.seconds": 0.1})
    counts = label(Path("flight.mcap"), Path("one"), settings)
    assert counts["unreadable"] == 1 and counts["skipped"] == 1
    shown: list[Progress] = []
    kill = killing()

    def advanced(progress: Progress) -> None:
        kill(progress)
        shown.append(progress)

    assert label(Path("flight.mcap"), Path("many"), settings, crew=Crew(workers=workers), advanced=advanced) == counts
    one, many = tree(Path("one")), tree(Path("many"))
    assert one.keys() == many.keys()
    assert [name for name in one if one[name] != many[name]] == []
    assert shown[-1].seen == len(FRAMES)
    assert shown[-1].shards is not None and shown[-1].shards.done >= 5


def test_a_run_that_ended_midway_is_gone_on_with_by_others(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", FRAMES)
    settings = load_settings(None, {"batch": 3})
    label(bag, tmp_path / "one", settings)

    def stop(progress: Progress) -> None:
        if progress.counts["kept"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(bag, tmp_path / "many", settings, advanced=stop)
    label(bag, tmp_path / "many", settings, crew=Crew(workers=2))
    assert tree(tmp_path / "many") == tree(tmp_path / "one")


def test_several_recordings_become_one_set_by_one_process_or_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        record(tmp_path / day / "flight.mcap", [1, 2, 3] if day == "monday" else [4, 5])
    command = ["label", *(str(tmp_path / day / "flight.mcap") for day in ("monday", "tuesday")), "--no-bag"]
    assert cli.main([*command, "--out", str(tmp_path / "one")]) == 0
    assert cli.main([*command, "--out", str(tmp_path / "two"), "--workers", "2"]) == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    keys = [sample.key for sample in load(tmp_path / "one").samples]
    assert keys == [
        *(f"flight_camera_image_{i:06d}" for i in range(3)),
        *(f"flight_2_camera_image_{i:06d}" for i in range(2)),
    ]


def test_settings_that_no_worker_can_load_are_said_once(tmp_path: Path) -> None:
    bag = record(tmp_path / "flight.mcap", [1])
    settings = load_settings(None, {"detector.name": "student", "detector.checkpoint": str(tmp_path / "none.onnx")})
    with pytest.raises(ClusterError, match=r"no worker can begin: .*none\.onnx"):
        label(bag, tmp_path / "many", settings, crew=Crew(workers=2))


def test_pictures_are_spread_as_recordings_are(tmp_path: Path) -> None:
    from afss_ros.datasets.pictures import encode_picture

    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            content = encode_picture(picture(number if folder == "a" else 10 + number), ".png")
            (tmp_path / folder / f"{number}.png").write_bytes(content)
    (tmp_path / "b" / "1.png").write_bytes(b"no picture")
    folders = [tmp_path / "a", tmp_path / "b"]
    counts = label(folders, tmp_path / "one", load_settings(None), bag=False)
    assert counts["kept"] == 5 and counts["unreadable"] == 1
    assert label(folders, tmp_path / "two", load_settings(None), bag=False, crew=Crew(workers=2)) == counts
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert {sample.sequence for sample in load(tmp_path / "one").samples} == {"a", "b"}
