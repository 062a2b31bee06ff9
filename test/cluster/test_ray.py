"""On a Ray cluster of several nodes: the same bytes, whatever befalls workers, nodes and the driver.

One cluster for all tests of this file, because its start takes longer than they do.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from cluster_steps import Squares
from processes import PATIENCE_S, ROOT, finish, python, started
from recorded import record

from afss_ros import cli
from afss_ros.cluster import ClusterError, Crew, Done, Outcome, SetAside, Shard, Tally
from afss_ros.geo.stretch import Stretch
from afss_ros.labelling.command import label
from afss_ros.labelling.settings import load_settings

TEST = ROOT / "test"
SETTINGS = {"batch": 2, "refine.views": "v2"}


class Nodes:
    """The cluster's nodes, and its address."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = self._heard()
        self.ids: list[str] = []

    def add(self) -> str:
        self._say("add")
        self.ids.append(self._heard())
        return self.ids[-1]

    def kill(self, node: str) -> None:
        self._say(f"kill {node}")
        self._heard()
        self.ids.remove(node)

    def end(self) -> None:
        self._say("quit")
        self._process.wait(PATIENCE_S)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _heard(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the cluster did not start"
        return line


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    # Steps of tests are modules of this folder, which workers import too.
    changes = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(TEST)]), "RAY_USAGE_STATS_ENABLED": "0"}
    with started(python(TEST / "ray_nodes.py"), changes=changes, stderr=None, stdin=subprocess.PIPE) as process:
        nodes = Nodes(process)
        nodes.add()
        yield nodes
        nodes.end()


def shards(count: int) -> Iterator[Shard]:
    return (Shard(f"number {n}", (n,)) for n in range(count))


def squares(outcomes: Iterable[Outcome]) -> list[int]:
    return sorted(value for outcome in outcomes if isinstance(outcome, Done) for value in outcome.value)


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording, and beside it what one process makes of it."""
    folder = tmp_path_factory.mktemp("whole")
    bag = record(folder / "flight.mcap", [*range(16), 15], broken=[5])
    label(bag, folder / "one", load_settings(None, SETTINGS), bag=False)
    return folder


def command(whole: Path, out: Path, nodes: Nodes) -> list[str]:
    settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
    return ["label", str(whole / "flight.mcap"), *settings, "--no-bag", "--out", str(out), "--cluster", nodes.address]


def test_no_cluster_is_said_with_the_cure() -> None:
    with pytest.raises(ClusterError, match=r"no Ray cluster at '127.0.0.1:1'.*ray start --head"):
        list(Crew("127.0.0.1:1").run(Squares(), shards(1)))


def test_a_driver_that_is_killed_is_gone_on_with(whole: Path, nodes: Nodes, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(python("-m", "afss_ros.cli", *command(whole, out, nodes))) as first:
        until(lambda: (out / "manifest.jsonl").exists() and (out / "manifest.jsonl").stat().st_size > 0, first)
        first.send_signal(signal.SIGKILL)
    assert not (out / "report.html").exists()
    with started(python("-m", "afss_ros.cli", *command(whole, out, nodes))) as second:
        code, output = finish(second)
    assert code == 3, output  # a frame is broken
    assert tree(out) == tree(whole / "one")


def until(condition: object, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)


def test_workers_and_nodes_that_die_and_a_node_that_joins_late(
    nodes: Nodes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "slow").touch()
    (tmp_path / "once-7").touch()  # a worker dies at it
    first = nodes.ids[0]
    told: list[Tally] = []
    done: list[Outcome] = []
    late = ""
    with caplog.at_level(logging.WARNING):
        for outcome in Crew(nodes.address).run(Squares(str(tmp_path)), until_seen(tmp_path, 4000), told.append):
            done.append(outcome)
            if len(done) == 20:
                late = nodes.add()
            if len(done) > 20 and first in nodes.ids and list(tmp_path.glob(f"begun-*-{late}")):
                (tmp_path / "enough").touch()
                nodes.kill(first)
    assert late and first not in nodes.ids
    numbers = len(done)
    assert squares(done) == [n**2 for n in range(numbers)]
    assert told[-1].retried >= 1 and told[-1].failed == 0
    # Its answer to the one before may be lost with it.
    assert "number 7: " in caplog.text or "number 6: " in caplog.text


def until_seen(folder: Path, most: int) -> Iterator[Shard]:
    """Shards until somebody has seen enough, and twenty more."""
    left = 20
    for shard in shards(most):
        left -= (folder / "enough").exists()
        if left < 0:
            return
        yield shard


def test_a_shard_that_always_crashes_is_named_and_a_full_node_is_avoided(nodes: Nodes, tmp_path: Path) -> None:
    if len(nodes.ids) < 2:
        nodes.add()
    (tmp_path / "slow").touch()
    (tmp_path / "full").write_text(nodes.ids[0])
    (tmp_path / "crash-5").touch()
    done = list(Crew(nodes.address).run(Squares(str(tmp_path)), shards(12)))
    assert squares(done) == [n**2 for n in range(12) if n != 5]
    (aside,) = [outcome for outcome in done if isinstance(outcome, SetAside)]
    assert aside.shard.name == "number 5" and "died" in aside.reason
    assert {path.name.split("-")[3] for path in tmp_path.glob("begun-*")} == {nodes.ids[1]}
    (tmp_path / "full").write_text("*")
    nodes.kill(nodes.ids[-1])  # which counts as alive, with room on its disk, for some seconds more
    with pytest.raises(ClusterError, match=r"No space left on device.*run the same command again"):
        list(Crew(nodes.address).run(Squares(str(tmp_path)), shards(12)))


def test_rendering_on_a_cluster_gives_the_bytes_of_one_process(nodes: Nodes, tmp_path: Path) -> None:
    plain = ["render", "--count", "10", "--size", "48"]
    assert cli.main([*plain, str(tmp_path / "one"), "--processes", "1"]) == 0
    assert cli.main([*plain, str(tmp_path / "many"), "--cluster", nodes.address]) == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "many")


def test_a_raster_is_predicted_on_a_cluster_to_the_bytes_of_one_process(
    nodes: Nodes, tiny_student: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(5).integers(1, 256, (3, 150, 100)).astype(np.uint8)
    at = {"crs": "EPSG:32633", "transform": rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_000_000)}
    shape = {"driver": "GTiff", "count": 3, "height": 150, "width": 100, "dtype": "uint8"}
    with rasterio.open(tmp_path / "scene.tif", "w", **shape, **at) as file:
        file.write(pixels)
    (tmp_path / "stretch.json").write_text(json.dumps(Stretch((0,) * 3, (255,) * 3).to_json()))
    plain = ["geo", "predict", str(tmp_path / "scene.tif"), "--model", str(tiny_student)]
    plain += ["--stretch", str(tmp_path / "stretch.json"), "--overlap", "20", "--provider", "cpu"]
    assert cli.main([*plain, "--out", str(tmp_path / "one.tif")]) == 0
    assert cli.main([*plain, "--out", str(tmp_path / "many.tif"), "--cluster", nodes.address]) == 0
    assert (tmp_path / "many.tif").read_bytes() == (tmp_path / "one.tif").read_bytes()


def test_a_shard_that_hangs_is_cut_off_and_named(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "hang-2").touch()
    done = list(Crew(nodes.address, timeout_s=4).run(Squares(str(tmp_path)), shards(4)))
    assert squares(done) == [0, 1, 9]
    (aside,) = [outcome for outcome in done if isinstance(outcome, SetAside)]
    assert aside.shard.name == "number 2" and "no answer within 4 s" in aside.reason


def test_nothing_imports_ray_unless_it_is_asked_for(whole: Path) -> None:
    script = (
        "import sys, pathlib; from afss_ros.labelling.command import label;"
        "from afss_ros.cluster import Crew; import afss_ros.synthetic.produce, afss_ros.cli.app;"
        "print('ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "False"
