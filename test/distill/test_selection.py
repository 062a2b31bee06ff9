"""Selection: every gate stops what it says it stops, splits never divide a sequence, and nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from afss_ros import datasets
from afss_ros.cli import main
from afss_ros.datasets import DatasetWriter, Instance
from afss_ros.datasets.check import check
from afss_ros.datasets.phash import distance
from afss_ros.distill import DistillError
from afss_ros.distill.selection import Selection, select
from afss_ros.distill.selection.candidates import read_candidates
from afss_ros.distill.selection.cut import cut_sequence
from afss_ros.distill.selection.decide import decide
from afss_ros.distill.selection.look import measure
from afss_ros.distill.selection.picture import score_sides
from afss_ros.distill.selection.settings import parse
from afss_ros.distill.selection.splits import split_sequences
from afss_ros.labels import BODY, PANEL, UNLABELLED

SIDE = 64
GATES_OPEN = {"duplicates": -1, "darkest": 0, "clipped": 1, "blur_px": 99}


def picture(index: int, light: int = 150, blur: float = 0.0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A striped craft at a place of its own, and its label map."""
    rng = np.random.default_rng(index)
    image = rng.integers(0, 6, (SIDE, SIDE, 3)).astype(np.uint8)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    x, y = (int(v) for v in rng.integers(2, SIDE - 30, 2))
    width, height = (int(v) for v in rng.integers(12, 28, 2))
    labels[y : y + height, x : x + width] = BODY
    image[labels == BODY] = light
    image[y : y + height : 4, x : x + width] = light // 2
    if blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
    return image, labels


Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a set of `count` frames with `agreement` 0, 0.1, 0.2, ... as `afss label` would."""

    def write(count: int, name: str = "labels", sequences: int = 1, **drawn: dict[int, float]) -> Path:
        root = tmp_path / name
        lines = []
        with DatasetWriter(root, provenance={"made_by": "a test"}) as writer:
            for i in range(count):
                image, labels = picture(i, **{k: v[i] for k, v in drawn.items() if i in v})  # type: ignore[arg-type]
                craft = Instance.from_mask("spacecraft", labels > 0, score=0.8)
                writer.add(
                    f"{i:03d}", image, labels, [craft], split="train", sequence=f"s{i % sequences}",
                    attributes={"stamp_ns": i},
                )  # fmt: skip
                seen = {"kept": True, "scores": {"agreement": i / 10, "detector_score": 0.8}}
                refused = {"kept": False, "scores": {"agreement": 0.0}}
                lines.append(json.dumps({"key": f"{i:03d}", "status": "kept", "instances": [refused, seen]}) + "\n")
        (root / "manifest.jsonl").write_text("".join(lines))
        return root

    return write


def keys(root: Path) -> list[str]:
    return sorted(s.key for s in datasets.load(root))


def dropped(root: Path) -> dict[str, str]:
    return {d["key"]: d["reason"] for d in json.loads((root / "selection.json").read_text())["dropped"]}


def test_a_filter_keeps_by_the_scores_of_the_manifest(make: Make, tmp_path: Path) -> None:
    selected = select([make(8)], tmp_path / "out", parse({**GATES_OPEN, "keep": "agreement >= 0.6"}))
    assert keys(tmp_path / "out") == ["006", "007"]
    assert selected.by_reason == {"kept": 2, "score": 6}
    assert dropped(tmp_path / "out")["003"] == "score"


def test_the_command_says_what_was_dropped_and_draws_it(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["select", str(make(8)), "--keep", "agreement >= 0.6", "--out", str(out)]) == 0
    assert " 6  dropped: the filter keeps none of its instances" in capsys.readouterr().out
    drawn = cv2.imread(str(out / "selection.png"))
    assert drawn is not None
    assert len(np.unique(drawn)) > 50


def test_the_histogram_shows_the_scores_of_both_sides(make: Make) -> None:
    candidates = read_candidates([make(4)])
    verdicts = decide(candidates, parse({**GATES_OPEN, "keep": "agreement >= 0.2"}))
    assert score_sides("agreement", candidates, verdicts) == [[0.2, 0.3], [0.0, 0.1]]


def test_scores_images_and_provenance_come_along(make: Make, tmp_path: Path) -> None:
    labelled = make(3)
    select([labelled], tmp_path / "out", parse(GATES_OPEN))
    before, after = datasets.load(labelled)[2], datasets.load(tmp_path / "out")[2]
    assert after.image.read_bytes() == before.image.read_bytes()
    assert after.attributes["scores"][0]["agreement"] == 0.2
    assert after.attributes["stamp_ns"] == 2
    assert (after.read_labels() == before.read_labels()).all()
    declared = json.loads((tmp_path / "out" / "dataset.json").read_text())["provenance"]
    assert declared["sets"][0]["provenance"] == {"made_by": "a test"}
    # A selection can be selected from again, by the same scores.
    select([tmp_path / "out"], tmp_path / "again", parse({**GATES_OPEN, "keep": "agreement > 0.1"}))
    assert keys(tmp_path / "again") == ["002"]


def test_images_that_teach_nothing_are_dropped_by_the_gate_that_saw_it(make: Make, tmp_path: Path) -> None:
    labelled = make(6, light={0: 6, 1: 255}, blur={2: 6.0})
    select([labelled], tmp_path / "out", Selection(clipped=0.4, duplicates=-1))  # type: ignore[call-arg]
    assert dropped(tmp_path / "out") == {"000": "dark", "001": "bright", "002": "blurred"}


def test_the_width_of_an_edge_grows_with_blur_and_not_with_noise() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for sigma, noise in ((0, 0), (0, 8), (3, 0), (3, 8)):
        image, labels = picture(1, blur=sigma)
        noisy = np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)
        widths.append(measure(noisy, labels > 0).blur_px)
    sharp, sharp_noisy, blurred, blurred_noisy = widths
    assert sharp == pytest.approx(2, abs=0.5)
    assert abs(sharp_noisy - sharp) < 1
    assert blurred > 2 * sharp
    assert blurred_noisy <= blurred + 0.5


def test_of_two_images_alike_the_better_scored_stays(make: Make, tmp_path: Path) -> None:
    labelled = make(4)
    first = datasets.load(labelled)[0]
    with DatasetWriter(labelled, provenance={"made_by": "a test"}) as writer:
        writer.add("twin", first.read_image(), first.read_labels(), first.instances, sequence="s0")
    with (labelled / "manifest.jsonl").open("a") as file:
        file.write(json.dumps({"key": "twin", "instances": [{"kept": True, "scores": {"agreement": 0.9}}]}) + "\n")
    select([labelled], tmp_path / "out", parse({"rank": "agreement", "darkest": 0, "duplicates": 12}))
    assert dropped(tmp_path / "out") == {"000": "duplicate"}


def test_hashes_of_different_pictures_are_far_apart() -> None:
    looks = [measure(*(lambda p: (p[0], p[1] > 0))(picture(i))).hashed for i in range(4)]
    assert min(int(distance(looks[0], other)) for other in looks[1:]) > 20


def test_a_quota_takes_the_best_ranked(make: Make, tmp_path: Path) -> None:
    select([make(6)], tmp_path / "out", parse({**GATES_OPEN, "rank": "agreement", "quotas": {"spacecraft": 2}}))
    assert keys(tmp_path / "out") == ["004", "005"]
    assert set(dropped(tmp_path / "out").values()) == {"quota"}


def test_a_persons_word_comes_before_every_gate(make: Make, tmp_path: Path) -> None:
    labelled = make(6)
    words = {"format": "afss-choices", "version": 1, "keep": ["000"], "drop": ["005"]}
    (labelled / "choices.json").write_text(json.dumps(words))
    select([labelled], tmp_path / "out", parse({**GATES_OPEN, "keep": "agreement >= 0.4"}))
    assert keys(tmp_path / "out") == ["000", "004"]
    assert dropped(tmp_path / "out")["005"] == "person"
    (labelled / "choices.json").rename(tmp_path / "elsewhere.json")
    select(
        [labelled], tmp_path / "file", parse({**GATES_OPEN, "keep": "agreement >= 0.4"}),
        choices=tmp_path / "elsewhere.json",
    )  # fmt: skip
    assert keys(tmp_path / "file") == ["000", "004"]


def test_pixels_of_a_refused_part_become_unlabelled(tmp_path: Path) -> None:
    image, labels = picture(3)
    part = labels > 0
    part[:, : np.flatnonzero(part.any(0))[4]] = False
    labels[part] = PANEL
    craft, panel = Instance.from_mask("spacecraft", labels > 0, 0.9), Instance.from_mask("panel", part, 0.2)
    with DatasetWriter(tmp_path / "labels") as writer:
        writer.add("a", image, labels, [craft, panel])
    select([tmp_path / "labels"], tmp_path / "out", parse({**GATES_OPEN, "keep": "score >= 0.5"}))
    (sample,) = datasets.load(tmp_path / "out")
    assert [i.class_name for i in sample.instances or ()] == ["spacecraft"]
    assert (sample.read_labels() == np.where(part, UNLABELLED, labels)).all()


def test_where_two_labellings_differ_nobody_decides(make: Make, tmp_path: Path) -> None:
    labelled, other = make(4, "one"), tmp_path / "other"
    with DatasetWriter(other) as writer:
        for sample in datasets.load(labelled):
            labels = sample.read_labels()
            labels[: SIDE // 2] = 0  # sees the lower half only
            writer.add(sample.key, sample.read_image(), labels, sample.instances)
    select([labelled], tmp_path / "out", parse({**GATES_OPEN, "keep": "consensus > 0.3"}), against=[other])
    left = datasets.load(tmp_path / "out").samples
    assert 0 < len(left) < 4
    for sample in left:
        mine = next(s for s in datasets.load(labelled) if s.key == sample.key).read_labels()
        upper, lower = sample.read_labels()[: SIDE // 2], sample.read_labels()[SIDE // 2 :]
        assert (upper == np.where(mine[: SIDE // 2] > 0, UNLABELLED, 0)).all()
        assert (lower == mine[SIDE // 2 :]).all()


def test_splits_are_whole_sequences_near_the_wanted_shares() -> None:
    sequences = [f"s{i // 10}" for i in range(100)]
    splits = split_sequences(sequences, val=0.2, test=0.1)
    by_sequence = {name: {s for s, q in zip(splits, sequences, strict=True) if q == name} for name in set(sequences)}
    assert all(len(found) == 1 for found in by_sequence.values())
    assert (splits.count("val"), splits.count("test")) == (20, 10)
    assert splits == split_sequences(sequences, val=0.2, test=0.1)


def test_a_share_that_no_sequence_fits_says_from_which_one_does(caplog: pytest.LogCaptureFixture) -> None:
    assert set(split_sequences(["a"] * 50 + ["b"] * 50, val=0.2, test=0.0)) == {"train"}
    assert "50 of 100 frames, and it would go from a share of 0.26" in caplog.text
    assert split_sequences(["a"] * 50 + ["b"] * 50, val=0.26, test=0.0).count("val") == 50


def test_a_single_sequence_is_cut_into_blocks_of_time_with_frames_dropped_between() -> None:
    times = [float(i) for i in range(40)]
    cut = cut_sequence(times[::-1], val=0.25, test=0.25)
    assert cut is not None
    assert cut[::-1] == ["train"] * 16 + [""] * 2 + ["val"] * 10 + [""] * 2 + ["test"] * 10


def test_a_cut_moves_into_a_gap_that_is_near_and_then_drops_nothing() -> None:
    times = [float(i + (100 if i >= 32 else 0)) for i in range(40)]
    assert cut_sequence(times, val=0.25, test=0.0) == ["train"] * 32 + ["val"] * 8
    assert cut_sequence([t + (i >= 4) for i, t in enumerate(times[:32])], val=0.25, test=0.0) == (
        ["train"] * 22 + [""] * 2 + ["val"] * 8
    )


@pytest.mark.parametrize("frames", [1, 2])
def test_too_few_frames_are_not_cut(frames: int) -> None:
    assert cut_sequence([0.0] * frames, val=0.5, test=0.0) is None


def test_the_blocks_of_a_cut_recording_are_sequences_of_their_own(make: Make, tmp_path: Path) -> None:
    selected = select([make(10)], tmp_path / "out", parse({**GATES_OPEN, "val": 0.3}))
    assert selected.by_split == {"train": 6, "val": 3}
    assert selected.by_reason == {"kept": 9, "guard": 1}
    assert dropped(tmp_path / "out") == {"006": "guard"}
    found = datasets.load(tmp_path / "out")
    assert [(s.key, s.sequence, s.split) for s in found][5:] == [
        ("005", "s0/train", "train"), ("007", "s0/val", "val"), ("008", "s0/val", "val"), ("009", "s0/val", "val"),
    ]  # fmt: skip
    assert (
        "cut in time into 6 train, 3 val, with 1 dropped"
        in json.loads((tmp_path / "out" / "selection.json").read_text())["cut"]
    )
    assert not check(found).problems


def test_the_command_says_that_it_cut_the_only_recording(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["select", str(make(10)), "--val", "0.3", "--duplicates", "-1", "--out", str(tmp_path / "out")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "s0 is the only sequence: cut in time into 6 train, 3 val" in said
    assert "label another recording" in said


def test_several_sets_are_merged_under_their_names_and_split_by_sequence(make: Make, tmp_path: Path) -> None:
    sets = [make(4, "first", sequences=2), make(4, "second", sequences=2)]
    selected = select(sets, tmp_path / "out", parse({**GATES_OPEN, "val": 0.25}))
    assert selected.by_split == {"train": 6, "val": 2}
    assert keys(tmp_path / "out")[0] == "first/000"
    samples = datasets.load(tmp_path / "out").samples
    assert len({(s.sequence, s.split) for s in samples}) == len({s.sequence for s in samples}) == 4


def test_a_selection_killed_half_way_goes_on_and_ends_the_same(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled, settings = make(6), parse(GATES_OPEN)
    select([labelled], tmp_path / "whole", settings)
    add = DatasetWriter.add

    def add_three(self: DatasetWriter, *args: object, **named: object) -> None:
        if len(self) == 3:
            raise KeyboardInterrupt
        add(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(DatasetWriter, "add", add_three)
    with pytest.raises(KeyboardInterrupt):
        select([labelled], tmp_path / "killed", settings)
    monkeypatch.undo()
    select([labelled], tmp_path / "killed", settings)
    for name in ("samples.jsonl", "dataset.json", "selection.json", "instances.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_another_selection_is_not_written_into_the_same_set(make: Make, tmp_path: Path) -> None:
    labelled = make(4)
    select([labelled], tmp_path / "out", parse(GATES_OPEN))
    with pytest.raises(datasets.DatasetError, match="write to another folder"):
        select([labelled], tmp_path / "out", parse({**GATES_OPEN, "keep": "agreement > 0.1"}))


def test_a_broken_image_is_named_and_the_rest_selected(make: Make, tmp_path: Path) -> None:
    labelled = make(3)
    (labelled / "images" / "001.jpg").write_bytes(b"no picture")
    select([labelled], tmp_path / "out", parse(GATES_OPEN))
    assert dropped(tmp_path / "out") == {"001": "unreadable"}


def test_wrong_settings_are_all_named_with_what_is_known() -> None:
    with pytest.raises(DistillError, match=r"(?s)3 fault.*keep.*val.*blurred.*known: keep, rank"):
        parse({"keep": "agreement >", "val": 2, "blurred": 1})


def test_a_score_that_nothing_has_is_refused_with_those_that_there_are(make: Make, tmp_path: Path) -> None:
    with pytest.raises(
        DistillError, match=r"(?s)agrement.*did you mean agreement\?.*there are: agreement, area, .*score"
    ):
        select([make(3)], tmp_path / "out", parse({"keep": "detector_score > 0.5 or agrement > 0.5"}))
    with pytest.raises(DistillError, match=r"--rank sharpness: no instance has a score 'sharpness'; nothing gives it"):
        select([make(3, "again")], tmp_path / "out", parse({"rank": "sharpness"}))


def test_agreement_without_views_says_that_it_needs_them(make: Make, tmp_path: Path) -> None:
    labelled = make(3)
    manifest = (labelled / "manifest.jsonl").read_text()
    (labelled / "manifest.jsonl").write_text(manifest.replace('"agreement"', '"mask_score"'))
    with pytest.raises(DistillError, match=r"(?s)'agreement'.*afss label --views v2.*there are: .*mask_score"):
        select([labelled], tmp_path / "out", parse({"keep": "agreement >= 0.6"}))


def test_choices_of_another_set_drop_nobody(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    labelled = make(4)
    words = {"format": "afss-choices", "version": 1, "keep": [], "drop": ["001", "elsewhere"]}
    (tmp_path / "mixed.json").write_text(json.dumps(words))
    selected = select([labelled], tmp_path / "mixed", parse(GATES_OPEN), choices=tmp_path / "mixed.json")
    assert selected.by_reason == {"kept": 3, "person": 1}
    assert "1 of 2 keys are of no image" in caplog.text
    (tmp_path / "foreign.json").write_text(json.dumps({**words, "drop": ["a", "b"]}))
    with pytest.raises(DistillError, match=r"2 of 2 keys are of no image of .*labels"):
        select([labelled], tmp_path / "foreign", parse(GATES_OPEN), choices=tmp_path / "foreign.json")
    (labelled / "choices.json").write_text(json.dumps(words))
    assert select([labelled], tmp_path / "beside", parse(GATES_OPEN)).by_reason == {"kept": 3, "person": 1}


def test_nothing_left_says_why(make: Make, tmp_path: Path) -> None:
    with pytest.raises(
        DistillError, match=r"nothing of 3 images is left: the filter .* \(3\); agreement is 0.00 to 0.20"
    ):
        select([make(3)], tmp_path / "out", parse({"keep": "agreement > 2"}))
