"""Sets of sentences: what is built is true to an independent judge, and what is built wrongly is found."""

from __future__ import annotations

import ast
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refer_scenes import ONE_CRAFT, label_map
from refer_verdicts import verdicts

from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.datasets.errors import DatasetError
from afss_ros.refer import ReferError
from afss_ros.refer.denote import denote
from afss_ros.refer.meaning import Meaning, mirrored
from afss_ros.refer.predicates import CRISP
from afss_ros.refer.scene import Scene
from afss_ros.refer.sets import check
from afss_ros.refer.sets.build import build
from afss_ros.refer.sets.evaluate import by_class_word, evaluate
from afss_ros.refer.sets.generate import Expression, Wishes, generate
from afss_ros.refer.sets.made import make
from afss_ros.refer.sets.references import read_references, read_scenes, write_lines
from afss_ros.refer.things import coloured, from_labels

SCENES = 40


@pytest.fixture(scope="module")
def made() -> list[tuple[Scene, np.ndarray[Any, Any], list[Expression]]]:
    found = []
    for seed in range(SCENES):
        scene, picture = make(seed)
        found.append((scene, picture, generate(scene, random.Random(seed), Wishes(counted=True))))
    return found


def test_the_judge_finds_nothing_ambiguous_or_false(made: Any, tmp_path: Path) -> None:
    for scene, picture, said in made:
        found = verdicts(scene, picture, said, tmp_path)
        assert [(e.text, v) for e, v in zip(said, found, strict=True) if v != check.CERTAIN] == []


def test_nearly_every_thing_gets_an_expression_of_its_own(made: Any) -> None:
    things = sum(len(scene.things) for scene, _, _ in made)
    named = sum(len({e.targets for e in said if len(e.targets) == 1}) for _, _, said in made)
    assert named >= 0.9 * things
    assert {e.kind for _, _, said in made for e in said} >= {
        "class",
        "side",
        "size",
        "colour",
        "relation",
        "group",
        "none",
    }


def without_margins(meaning: Meaning, scene: Scene) -> Any:
    return denote(meaning, scene, CRISP)


def sides_exchanged(meaning: Meaning, scene: Scene) -> Any:
    return denote(mirrored(meaning), scene)


def without_cut_things(meaning: Meaning, scene: Scene) -> Any:
    return denote(meaning, replace(scene, things=tuple(t for t in scene.things if not t.cut or t.noun == "spacecraft")))


@pytest.mark.parametrize("mutation", [without_margins, sides_exchanged, without_cut_things])
def test_a_generator_that_errs_is_found(mutation: Callable[[Meaning, Scene], Any], made: Any, tmp_path: Path) -> None:
    wrong = []
    for seed, (scene, picture, _) in enumerate(made[:12]):
        said = generate(scene, random.Random(seed), Wishes(counted=True), judge=mutation)
        wrong += [v for v in verdicts(scene, picture, said, tmp_path) if v != check.CERTAIN]
    assert len(wrong) >= 10


def test_the_mirror_and_a_shift_by_a_pixel_keep_every_expression_true(made: Any) -> None:
    for scene, _, said in made:
        width = scene.size[1]
        turned = [mirrored_thing(t, width) for t in scene.things]
        mirror = replace(scene, things=tuple(turned), axes={name: (-x, y) for name, (x, y) in scene.axes.items()})
        for e in said:
            assert denote(mirrored(e.meaning), mirror).targets == e.targets, e.text
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            moved = [moved_by(t, dx, dy, scene.size) for t in scene.things]
            if any(t is None or t.cut for t in (*moved, *scene.things)):
                continue  # what leaves the picture changes the scene
            shifted = replace(scene, things=tuple(t for t in moved if t is not None))
            for e in said:
                assert set(denote(e.meaning, shifted, CRISP).targets) == set(e.targets), (e.text, dx, dy)


def mirrored_thing(thing: Any, width: int) -> Any:
    corner = width - thing.corner[0] - thing.window.shape[1], thing.corner[1]
    return replace(thing, window=np.ascontiguousarray(thing.window[:, ::-1]), corner=corner)


def moved_by(thing: Any, dx: int, dy: int, size: tuple[int, int]) -> Any:
    x, y = thing.corner[0] + dx, thing.corner[1] + dy
    height, width = thing.window.shape
    return replace(thing, corner=(x, y)) if x > 0 and y > 0 and x + width < size[1] and y + height < size[0] else None


def test_the_judge_shares_no_code_with_the_generator() -> None:
    tree = ast.parse(Path(check.__file__).read_text())
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names]
    assert not [name for name in names if "refer" in name]
    assert {name.split(".")[0] for name in names} <= {
        "__future__",
        "json",
        "re",
        "collections",
        "dataclasses",
        "functools",
        "pathlib",
        "typing",
        "numpy",
        "afss_ros",
    }


def a_set(folder: Path, **sample: Any) -> Path:
    drawn = label_map(*ONE_CRAFT)
    image = coloured_picture(drawn)
    with DatasetWriter(folder) as writer:
        writer.add("one", image, labels=drawn, instances=[Instance.from_mask("spacecraft", drawn > 0)], **sample)
    return folder


def coloured_picture(drawn: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    table = np.array([[0, 0, 0], [200, 140, 45], [35, 60, 205], [235, 235, 235]], np.uint8)
    return np.asarray(table[drawn], np.uint8)


def test_a_set_of_craft_is_built_and_judged_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = a_set(tmp_path / "set")
    assert main(["refer", "build", str(root), "--out", str(tmp_path / "refer")]) == 0
    references = read_references(tmp_path / "refer")
    assert len(references) >= 10
    assert {r.kind for r in references} >= {"side", "relation", "none"}
    assert main(["refer", "check", str(tmp_path / "refer")]) == 0
    assert f"{len(references)} certain" in capsys.readouterr().out
    again = (tmp_path / "refer" / "references.jsonl").read_bytes()
    assert main(["refer", "build", str(root), "--out", str(tmp_path / "refer")]) == 0
    assert (tmp_path / "refer" / "references.jsonl").read_bytes() == again

    lines = [json.loads(line) for line in again.decode().splitlines()]
    wrong = next(line for line in lines if line["kind"] == "side")
    wrong["targets"] = [1]
    write_lines(tmp_path / "refer" / "references.jsonl", lines)
    assert main(["refer", "check", str(tmp_path / "refer")]) == 1
    out = capsys.readouterr()
    assert "1 false" in out.out and wrong["text"] in out.out


def test_a_wording_that_exchanges_sides_is_false() -> None:
    scene = from_labels(label_map(*ONE_CRAFT), specks=True)
    scene = coloured(scene, coloured_picture(label_map(*ONE_CRAFT)))
    meaning = {"noun": "panel", "number": "one", "tests": [{"test": "toward", "where": "left"}]}
    record = {"meaning": meaning, "targets": [3], "text": "the right panel"}
    world = check._World(*scene.size, {}, {})
    assert check.judge(record, world)[0] == check.FALSE


def test_what_cannot_be_built_or_judged_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReferError, match="no kind of expression is called smell"):
        build("made:2", tmp_path, kinds=("smell",))
    with pytest.raises(ReferError, match="made:500"):
        build("made:x", tmp_path)
    with pytest.raises(DatasetError):
        build(str(tmp_path / "nowhere"), tmp_path)
    (tmp_path / "scenes.jsonl").write_text("{}\n")
    with pytest.raises(DatasetError, match=r"scenes.jsonl, line 1"):
        check.check(tmp_path)
    (tmp_path / "references.jsonl").write_text('{"scene": 3}\n')
    with pytest.raises(ReferError, match=r"references.jsonl, line 1"):
        read_references(tmp_path)


@pytest.mark.parametrize(
    ("file", "place", "value"),
    [
        ("scenes", ("things", 0, "id"), []),
        ("scenes", ("things", 0, "mask"), 3),
        ("scenes", ("window",), ["a", None, {}, 1]),
        ("scenes", ("image",), 7),
        ("references", ("meaning",), {}),
        ("references", ("meaning", "tests"), [{"test": "partof"}]),
        ("references", ("text",), 0.5),
        ("references", ("targets",), [[1]]),
        ("references", ("kind",), {}),
    ],
)
def test_a_record_with_a_field_of_another_type_is_named_by_judge_and_reader(
    file: str, place: tuple[Any, ...], value: Any, two_scenes: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(two_scenes, tmp_path / "set"))
    path = root / f"{file}.jsonl"
    first, *rest = path.read_text().splitlines()
    record = holder = json.loads(first)
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    path.write_text("\n".join([json.dumps(record), *rest]) + "\n")
    with pytest.raises(DatasetError, match=rf"{file}\.jsonl, (line 1|scene)"):
        check.check(root)
    if (file == "references" and place != ("kind",)) or place[0] == "things" or place == ("image",):
        reader = read_references if file == "references" else read_scenes
        with pytest.raises(ReferError, match=rf"{file}\.jsonl, line 1"):
            reader(root)


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sentences") / "set"
    build("made:2", root)
    return root


def test_where_not_everything_is_labelled_nothing_is_said(tmp_path: Path) -> None:
    drawn = label_map(*ONE_CRAFT)
    box = Instance("panel", np.array([1, 1, 9, 9], np.float32))
    with DatasetWriter(tmp_path / "set") as writer:
        writer.add("one", coloured_picture(drawn), instances=[box])
    built = build(str(tmp_path / "set"), tmp_path / "out")
    assert built.scenes == 0
    assert "has a box and no mask" in built.problems[0]


def test_a_resolver_is_measured_by_kind_and_where_nothing_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build("made:6", tmp_path / "made")
    ask = ["refer", "evaluate", "truth", "--data", str(tmp_path / "made")]
    assert main([*ask, "--json", str(tmp_path / "figures.json")]) == 0
    truth = json.loads((tmp_path / "figures.json").read_text())
    assert truth["overall"]["miou"] == truth["overall"]["oiou"] == truth["overall"]["no_target_accuracy"] == 1.0
    assert truth["overall"]["refused"] == 0
    assert {score["miou"] for score in truth["by_kind"].values()} == {1.0}
    bar = evaluate(tmp_path / "made", by_class_word)
    assert bar.overall.no_target_accuracy == 0.0
    assert bar.overall.target_accuracy == 1.0
    side = bar.by_kind["side"].miou
    assert side is not None and 0.1 < side < 0.7
    assert main(["refer", "evaluate", "nobody", "--data", str(tmp_path / "made")]) == 1
    assert "no resolver is called 'nobody'" in capsys.readouterr().err
    with pytest.raises(ReferError, match="no sentence of split 'x'"):
        evaluate(tmp_path / "made", by_class_word, "x")
