"""Public sets of sentences: tiny ones in their exact forms, with the traps that they are known for."""

from __future__ import annotations

import collections
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afss_ros.cli import main
from afss_ros.datasets.pictures import encode_picture
from afss_ros.datasets.rle import decode, encode
from afss_ros.refer import ReferError
from afss_ros.refer.forms.convert import convert
from afss_ros.refer.forms.plain_pickle import load
from afss_ros.refer.sets.references import read_references


def a_picture(path: Path, height: int = 40, width: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_picture(np.full((height, width, 3), 90, np.uint8), ".png"))


def a_mask(x: int, height: int = 40, width: int = 40) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros((height, width), bool)
    mask[10:20, x : x + 8] = True
    return mask


def scenes(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "scenes.jsonl").read_text().splitlines()]


def a_refcoco(root: Path, refs: list[dict[str, Any]], size: tuple[int, int] = (40, 40)) -> Path:
    a_picture(root / "JPEGImages" / "00001.png", *size)
    square = [10.0, 10.0, 18.0, 10.0, 18.0, 20.0, 10.0, 20.0]
    document = {
        "images": [{"id": 1, "file_name": "00001.png", "height": 40, "width": 40}],
        "categories": [{"id": 7, "name": "ship"}],
        "annotations": [
            {"id": 11, "image_id": 1, "category_id": 7, "segmentation": [square]},
            {"id": 12, "image_id": 1, "category_id": 7, "segmentation": encode(a_mask(25))},
        ],
    }
    (root / "instances.json").write_text(json.dumps(document))
    (root / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=2))
    return root


def a_ref(target: Any, text: str, split: str = "train") -> dict[str, Any]:
    return {"image_id": 1, "ann_id": target, "split": split, "sentences": [{"sent": text, "raw": text}]}


def test_refs_of_one_sentence_are_one_and_some_mean_nothing(tmp_path: Path) -> None:
    refs = [a_ref(11, "all ships"), a_ref(12, "all ships"), a_ref(12, "the ship  on the right"), a_ref(-1, "the bus")]
    refs += [a_ref(11, "左边的船"), a_ref(11, "the gleaming ship", "test")]
    done = convert(a_refcoco(tmp_path / "set", refs), tmp_path / "out")
    assert done.pictures == 2 and not done.problems
    found = {(r.text, r.kind): r for r in read_references(tmp_path / "out")}
    assert set(found) == {
        ("all ships", "group"), ("the ship on the right", "other"), ("the bus", "none"), ("the gleaming ship", "other"),
    }  # fmt: skip
    assert len(found["all ships", "group"].targets) == 2
    assert found["the ship on the right", "other"].meaning is not None
    assert found["the gleaming ship", "other"].meaning is None
    train = next(scene for scene in scenes(tmp_path / "out") if scene["split"] == "train")
    polygon, run_length = (decode(thing["mask"]) for thing in train["things"])
    assert np.array_equal(polygon, a_mask(10)) and np.array_equal(run_length, a_mask(25))
    assert main(["refer", "evaluate", "class-word", "--data", str(tmp_path / "out")]) == 0


def test_a_picture_of_another_size_than_its_mask_scales_the_mask(tmp_path: Path) -> None:
    done = convert(a_refcoco(tmp_path / "set", [a_ref(12, "the ship")], (40, 41)), tmp_path / "out")
    assert "a mask of (40, 40) was scaled to the picture, (40, 41)" in done.problems[0]
    (scene,) = scenes(tmp_path / "out")
    assert scene["size"] == [40, 41] and decode(scene["things"][0]["mask"]).shape == (40, 41)


class Trap:
    """What a bad pickle would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('the pickle was run')",))


@pytest.mark.parametrize(
    "value", [Trap(), collections.OrderedDict(a=1), np.float32(1), Path("x")], ids=["code", "ordered", "numpy", "path"]
)
def test_a_pickle_of_anything_but_plain_values_is_refused(tmp_path: Path, value: Any) -> None:
    (tmp_path / "a.p").write_bytes(pickle.dumps([value]))
    with pytest.raises(ReferError, match="only plain values are read"):
        load(tmp_path / "a.p")


def test_a_pickle_that_claims_room_for_what_it_has_not_is_refused(tmp_path: Path) -> None:
    """Seven bytes, for which an unpickler sets 17 GB aside."""
    (tmp_path / "a.p").write_bytes(b"\x80\x02Nr\xff\xff\xff\x7f.")
    with pytest.raises(ReferError, match="remembers a value as number 2147483647"):
        load(tmp_path / "a.p")


def test_plain_pickles_of_both_pythons_are_read(tmp_path: Path) -> None:
    for protocol in (0, 2, 4):
        (tmp_path / "a.p").write_bytes(pickle.dumps([{"a": (1, 2.5, "ü", None, True)}], protocol=protocol))
        assert load(tmp_path / "a.p") == [{"a": (1, 2.5, "ü", None, True)}]
    (tmp_path / "a.p").write_bytes(b"(lp0\nS'left'\np1\na.")  # a text of Python 2
    assert load(tmp_path / "a.p") == ["left"]
    (tmp_path / "a.p").write_bytes(b"no pickle")
    with pytest.raises(ReferError, match=r"a.p: is no pickle"):
        load(tmp_path / "a.p")


def test_phrases_of_classes(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for name in ("1001", "1002"):
        a_picture(root / "images" / f"{name}.png")
        path = root / "masks" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_picture(np.repeat(a_mask(5)[:, :, None] * np.uint8(255), 3, 2), ".png"))
    lines = "1001 vehicle along paved road\n\n1002 building\n1002 house\n1002 building\n"
    (root / "output_phrase_train.txt").write_text(lines)
    (root / "output_phrase_test.txt").write_text("1003 road\nnothing\n")
    done = convert(root, tmp_path / "out")
    assert done.sentences == 3 and len({scene["key"] for scene in scenes(tmp_path / "out")}) == 2
    assert done.problems == [
        "output_phrase_test.txt, line 1: there is no picture 1003",
        "output_phrase_test.txt, line 2: is no 'picture phrase': 'nothing'",
    ]


def test_phrases_beside_file_names_and_masks_of_any_white(tmp_path: Path) -> None:
    root = tmp_path / "set" / "RISBench_dataset"
    for name, white in (("P1_a", 1), ("P1_b", 255), ("P2", 0)):
        a_picture(root / "img_rgb" / f"{name}.png")
        path = root / "mask" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        rim = np.roll(a_mask(5), 1, 1) * np.uint8(white // 4)  # what compression leaves
        path.write_bytes(encode_picture(np.maximum(a_mask(5) * np.uint8(white), rim), ".png"))
    (root / "output_phrase_train.txt").write_text("P1_a.png the  red ship\nP1_b.png the left ship\n")
    (root / "output_phrase_test.txt").write_text("P2.png the bridge\n../P2.png the bridge\nP3.png the bridge\n")
    done = convert(tmp_path / "set", tmp_path / "out")
    assert {r.source for r in read_references(tmp_path / "out")} == {"risbench"}
    assert done.problems == [
        "output_phrase_test.txt, line 2: is no 'picture phrase': '../P2.png the bridge'",
        "output_phrase_test.txt, line 3: there is no picture P3.png",
    ]
    found = {r.text: r for r in read_references(tmp_path / "out")}
    assert set(found) == {"the red ship", "the left ship", "the bridge"}
    assert found["the bridge"].kind == "none" and not found["the bridge"].targets
    for scene in scenes(tmp_path / "out"):
        assert all(np.array_equal(decode(thing["mask"]), a_mask(5)) for thing in scene["things"])


def test_patches_in_xml_are_read_and_never_run(tmp_path: Path) -> None:
    root = tmp_path / "set" / "val"
    a_picture(root / "images" / "P1.png")
    (root / "annotations").mkdir()
    trap = "__import__('os').system('true')"
    objects = "".join(
        f"<object><name>ship</name><id>{n}</id><segmentation>{rle}</segmentation><expressions>"
        f"<expression id='0'>the ship {n}</expression></expressions></object>"
        for n, rle in enumerate([repr(encode(a_mask(3))), repr(encode(a_mask(20)))])
    )
    group = (
        f"<groups><group><id>1000001</id><category>ship</category><segmentation>{encode(a_mask(3) | a_mask(20))!r}"
        "</segmentation><expressions><expression type='unique'>all ships</expression></expressions></group></groups>"
    )
    (root / "annotations" / "P1.xml").write_text(f"<annotation>{objects}{group}</annotation>")
    (root / "annotations" / "P2.xml").write_text("<annotation/>")
    a_picture(root / "images" / "P3.png")
    bad = f"<annotation><object><segmentation>{trap}</segmentation><expression>a</expression></object></annotation>"
    (root / "annotations" / "P3.xml").write_text(bad)
    a_picture(root / "images" / "P4.png")
    (root / "annotations" / "P4.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    done = convert(tmp_path / "set", tmp_path / "out")
    assert done.sentences == 3
    assert [p.split(":")[0] for p in done.problems] == ["P2.xml", "P3.xml", "P4.xml"]
    assert {r.text for r in read_references(tmp_path / "out")} == {"the ship 0", "the ship 1", "all ships"}


def test_class_sentences_of_old_films(tmp_path: Path) -> None:
    root = tmp_path / "set"
    a_picture(root / "image" / "a.png")
    labels = np.zeros((40, 40), np.uint8)
    labels[:10], labels[30:] = 1, 3
    (root / "mask_gt").mkdir()
    (root / "mask_gt" / "a.png").write_bytes(encode_picture(labels, ".png"))
    (root / "labelled_train.txt").write_text("a.png\nb.png\n")
    done = convert(root, tmp_path / "out")
    assert done.problems == ["labelled_train.txt, line 2: there is no label map b"]
    found = read_references(tmp_path / "out")
    assert [(r.text, r.view) for r in found] == [
        ("all buildings in the image", "grey"),
        ("all water in the image", "grey"),
    ]


def test_what_is_no_set_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["refer", "convert", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "of no form that is known (refcoco" in capsys.readouterr().err
    with pytest.raises(ReferError, match="no form is called 'coco'"):
        convert(tmp_path, tmp_path / "out", "coco")
    root = a_refcoco(tmp_path / "set", [a_ref(99, "the ship")])
    with pytest.raises(ReferError, match=r"not one sentence .*annotation 99, which is not there"):
        convert(root, tmp_path / "out")
    (root / "refs(unc).p").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ReferError, match="of another form"):
        convert(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_one_sentence_lacks_costs_no_other(tmp_path: Path) -> None:
    root = a_refcoco(tmp_path / "set", [a_ref(n, f"ship {n}") for n in (11, 12, 13, 14, 15, 16, 99)])
    document = json.loads((root / "instances.json").read_text())
    own = {"image_id": 1, "category_id": 7}
    document["annotations"] += [
        {**own, "id": 13, "segmentation": [encode(a_mask(2)), encode(a_mask(25))]},
        {**own, "id": 14, "segmentation": encode(np.zeros((40, 40), bool))},
        {**own, "id": 15, "bbox": [10, 10, 8, 10]},
        {**own, "id": 16, "image_id": 2, "segmentation": encode(a_mask(2))},
    ]
    (root / "instances.json").write_text(json.dumps(document))
    done = convert(root, tmp_path / "out")
    assert [r.text for r in read_references(tmp_path / "out")] == ["ship 11", "ship 12", "ship 13"]
    assert [decode(thing["mask"]).sum() for thing in scenes(tmp_path / "out")[0]["things"]] == [80, 80, 160]
    assert done.problems == [
        "image 1: the mask of annotation 14 is empty",
        "image 1: annotation 15 has no mask; a box alone does not tell what is meant",
        "image 1: annotation 16 is of image 2",
        "image 1: a sentence means annotation 99, which is not there",
    ]


def test_a_ref_that_does_not_say_what_it_means_is_none_about_nothing(tmp_path: Path) -> None:
    ref = a_ref(11, "the ship")
    del ref["ann_id"]
    with pytest.raises(ReferError, match="ann_id"):
        convert(a_refcoco(tmp_path / "set", [ref]), tmp_path / "out")


def test_nouns_of_craft_mean_nothing_where_there_are_none(tmp_path: Path) -> None:
    convert(a_refcoco(tmp_path / "set", [a_ref(11, "the left vehicle"), a_ref(11, "the left ship")]), tmp_path / "out")
    said = {r.text: r.meaning for r in read_references(tmp_path / "out")}
    assert said["the left vehicle"] is None and said["the left ship"] is not None


def test_pictures_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    root = a_refcoco(tmp_path / "set", [a_ref(11, "the ship"), {**a_ref(13, "the ship"), "image_id": 2}])
    document = json.loads((root / "instances.json").read_text())
    document["images"].append({**document["images"][0], "id": 2})
    document["annotations"].append({**document["annotations"][0], "id": 13, "image_id": 2})
    (root / "instances.json").write_text(json.dumps(document))
    done = convert(root, tmp_path / "out")
    assert done.pictures == 1 and "there is one of this name already" in done.problems[0]
