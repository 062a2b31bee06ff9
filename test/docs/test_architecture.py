"""The picture of docs/architecture.md shows the code as it is, and is read from the code rightly."""

from __future__ import annotations

import os
import subprocess
import sys
from graphlib import CycleError
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.draw_architecture import PICTURE, WIDTH, draw, place, shown
from scripts.house import ROOT, House, stale, summary

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Two rooms that fly, two of the ground, and a value that all stand on."""
    write(tmp_path, "perception.py", "import numpy")
    write(tmp_path, "student/__init__.py", '"""Images to detections."""')
    write(tmp_path, "student/run.py", "from afss_ros.perception import Frame\n" * 10)
    write(tmp_path, "nodes/perception/node.py", "from afss_ros.student import run\nfrom afss_ros import perception")
    write(tmp_path, "nodes/labelling/node.py", "def start():\n    from afss_ros.distill.losses import boxes")
    write(tmp_path, "nodes/labelling_node.py", "from afss_ros.nodes.labelling import node")
    write(tmp_path, "distill/losses/boxes.py", "import torch\nimport afss_ros.student.run\nimport afss_ros.bags")
    write(tmp_path, "bags.py", "import numpy")
    write(tmp_path, "loop/run.py", "from afss_ros.distill.losses.boxes import loss\nimport afss_ros.student.run")
    return House(tmp_path)


def write(root: Path, name: str, text: str) -> None:
    path = root / "afss_ros" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_committed_picture_shows_the_code_as_it_is() -> None:
    assert stale(shown(PICTURE), House()) == [], "draw it anew: make picture"


def test_every_room_is_named_in_the_picture() -> None:
    house = House()
    words = {text.text for text in ElementTree.fromstring(draw(house)).iter(f"{SVG}text")}
    assert {*house.rooms} | {cell for room in house.rooms.values() for cell, _ in room.cells} <= words


def test_no_room_covers_another_and_all_lie_on_the_page() -> None:
    boxes = place(House())
    for (name, box), (other, behind) in combinations(boxes.items(), 2):
        apart = box.x + box.width <= behind.x or behind.x + behind.width <= box.x
        assert apart or box.bottom <= behind.y or behind.bottom <= box.y, f"{name} covers {other}"
    assert all(box.x >= 0 and box.x + box.width <= WIDTH and box.y >= 0 for box in boxes.values())


def test_the_picture_is_the_same_whatever_order_sets_have() -> None:
    script = "from scripts.draw_architecture import House, draw; print(draw(House()))"
    drawn = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(drawn) == 1


def test_a_room_stands_one_floor_above_the_highest_that_it_imports(house: House) -> None:
    floors = {name: room.floor for name, room in house.rooms.items()}
    assert floors == {"values": 1, "student": 2, "nodes": 3, "distill": 3, "nodes/labelling": 4, "loop": 4}


def test_what_flying_nodes_need_flies_and_the_labelling_node_does_not(house: House) -> None:
    assert {name for name, room in house.rooms.items() if room.flies} == {"values", "student", "nodes"}


def test_arrows_that_follow_from_others_are_left_out(house: House) -> None:
    assert ("loop", "distill") in house.arrows
    assert ("loop", "student") not in house.arrows
    assert "student" in house.needs["loop"]


def test_a_room_knows_its_folders_and_what_it_is_for(house: House) -> None:
    assert house.rooms["distill"].cells == (("losses", 3),)
    assert {cell for cell, _ in house.rooms["values"].cells} == {"perception", "bags"}
    assert house.rooms["student"].about == "Images to detections"


def test_a_circle_is_named(house: House) -> None:
    write(house.root, "student/back.py", "import afss_ros.loop.run")
    with pytest.raises(CycleError, match=r"student.*loop|loop.*student"):
        House(house.root).rooms  # noqa: B018


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("student/view.py", "import afss_ros.tracking.filter", "tracking is not in the picture"),
        ("distill/families/yolo.py", "", "distill: cells are ['families', 'losses'], the picture has ['losses']"),
        ("nodes/perception/more.py", "import afss_ros.distill.losses.boxes", "nodes: floor is 4, the picture has 3"),
        ("student/long.py", "pass\n" * 9, "student: lines are 20, the picture has 11"),
    ],
)
def test_a_picture_of_yesterday_is_stale(house: House, name: str, text: str, said: str) -> None:
    drawn = summary(house)
    write(house.root, "tracking/filter.py", "") if "tracking" in text else None
    write(house.root, name, text)
    assert said in stale(drawn, House(house.root))


def test_a_few_lines_more_do_not_make_a_picture_stale(house: House) -> None:
    drawn = summary(house)
    write(house.root, "student/more.py", "pass\n" * 2)
    assert stale(drawn, House(house.root)) == []


def test_a_room_that_is_gone_makes_a_picture_stale(house: House) -> None:
    drawn = summary(house) | {"tracking": {}}
    assert stale(drawn, house) == ["there is no tracking any more"]
