"""Recordings in an object store, and sets written to one: moto serves S3 on this machine, over HTTP."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded import record

from afss_ros import cli
from afss_ros.cluster import ClusterError, Crew
from afss_ros.cluster.stores import Folder, expanded, local, make_room
from afss_ros.labelling.command import label
from afss_ros.labelling.engine import Progress
from afss_ros.labelling.settings import load_settings

SETTINGS = {"batch": 2}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AFSS_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("fleet")
    yield "s3://fleet"
    system.rm("fleet", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def put(path: Path, url: str) -> None:
    import fsspec

    system, place = fsspec.core.url_to_fs(url)
    system.put(str(path), place, recursive=path.is_dir())
    system.invalidate_cache()


def stored(url: str) -> dict[str, bytes]:
    import fsspec

    system, place = fsspec.core.url_to_fs(url)
    system.invalidate_cache()
    return {key.removeprefix(f"{place}/"): system.cat_file(key) for key in system.find(place)}


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_file_is_fetched_once_and_again_when_it_has_changed(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first")
    put(tmp_path / "a.txt", f"{bucket}/a.txt")
    here = local(f"{bucket}/a.txt")
    assert (here.name, here.read_text()) == ("a.txt", "first")
    before = here.stat().st_ino
    assert local(f"{bucket}/a.txt").stat().st_ino == before
    (tmp_path / "a.txt").write_text("second")
    put(tmp_path / "a.txt", f"{bucket}/a.txt")
    assert local(f"{bucket}/a.txt").read_text() == "second"
    assert local("recordings/a.txt") == Path("recordings/a.txt")
    with pytest.raises(ClusterError, match=r"s3://fleet/b.txt: is not in the store"):
        local(f"{bucket}/b.txt")


def test_wildcards_name_what_is_there_in_order(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    for name in ("b.mcap", "a.mcap", "c.txt"):
        put(tmp_path / "x", f"{bucket}/{name}")
    assert expanded(["z.mcap", f"{bucket}/*.mcap"]) == ["z.mcap", f"{bucket}/a.mcap", f"{bucket}/b.mcap"]
    with pytest.raises(ClusterError, match="nothing matches"):
        expanded([f"{bucket}/*.db3"])


def test_the_cache_keeps_what_was_used_last(tmp_path: Path) -> None:
    for age, name in enumerate(("old", "older", "oldest")):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "data").write_bytes(b"x" * 100)
        mark = tmp_path / "in" / name / "fetched.json"
        mark.write_text("{}")
        os.utime(mark, (time.time(), time.time() - 1000 * (age + 1)))
    make_room(tmp_path, 250, keep=tmp_path / "in" / "oldest")
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["old", "oldest"]


def test_a_set_in_a_store_is_that_of_a_folder_whoever_began_it(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = record(tmp_path / "flight.mcap", range(9), broken=[4])
    put(bag, f"{bucket}/recordings/flight.mcap")
    settings = load_settings(None, SETTINGS)
    label(bag, tmp_path / "one", settings)

    def stop(progress: Progress) -> None:
        if progress.counts["kept"] == 4:
            raise KeyboardInterrupt

    url = f"{bucket}/labels/fleet"
    with pytest.raises(KeyboardInterrupt):
        label(f"{bucket}/recordings/*.mcap", url, settings, crew=Crew(workers=2), advanced=stop)
    assert "manifest.jsonl" in stored(url) and "report.html" not in stored(url)
    monkeypatch.setenv("AFSS_CACHE", str(tmp_path / "another machine"))
    label(f"{bucket}/recordings/*.mcap", url, settings, crew=Crew(workers=2))
    found, wanted = stored(url), tree(tmp_path / "one")
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []


def test_frames_are_rendered_into_a_store(bucket: str, tmp_path: Path) -> None:
    plain = ["render", "--count", "3", "--size", "48", "--processes", "1"]
    assert cli.main([*plain, str(tmp_path / "one")]) == 0
    assert cli.main([*plain, f"{bucket}/train"]) == 0
    assert stored(f"{bucket}/train") == tree(tmp_path / "one")


def test_a_folder_is_a_folder_by_path_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Folder.of("set")
    assert folder.path == tmp_path / "set"
    folder.publish(["nothing"])
    folder.fetch()
    folder.publish_all()
    assert not folder.path.exists()
