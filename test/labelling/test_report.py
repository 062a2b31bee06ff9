"""The report in a real browser, opened from the file system as a person does."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from browser import Page, chromium
from numpy.typing import NDArray
from recorded import picture, record

from afss_ros.datasets import DatasetError, load
from afss_ros.labelling.command import label
from afss_ros.labelling.report import filled, write_report
from afss_ros.labelling.settings import load_settings

CARDS = "return [...document.querySelectorAll('.card')].map((card) => card.dataset.key.slice(-2))"
COUNTS = """return [...document.querySelectorAll('#counts button')]
    .map((button) => [button.dataset.status, Number(button.querySelector('b').textContent)])"""
SORT = """const sort = document.getElementById('sort');
    sort.value = 'detector_score'; sort.dispatchEvent(new Event('change'))"""
SLIDE = """const slider = document.querySelector('[data-score=detector_score]');
    slider.value = 0.6; slider.dispatchEvent(new Event('input'))"""
UNSAVED = "return document.getElementById('unsaved').textContent"
STATE = "return document.getElementById('choice-state').textContent"
ENTER, ESCAPE, END = "\ue007", "\ue00c", "\ue010"


def reopen(page: Page, path: Path, state: str) -> None:
    """Open a page that has choices to remember: Chromium hands them from process to process in its own time."""
    for _ in range(20):
        page.open(path)
        if page.run(STATE) == state:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path.name} opens with {page.run(STATE)!r}, not with {state!r}")


def save(page: Page, downloads: Path) -> Any:
    """Save the choices, and take the file away: Chromium would give the next one another name."""
    before = set(downloads.glob("*.json"))
    page.click("#save")
    deadline = time.monotonic() + 60
    while not (new := set(downloads.glob("*.json")) - before):
        assert time.monotonic() < deadline, f"nothing was saved in {downloads}"
        time.sleep(0.1)
    (saved,) = new
    content = json.loads(saved.read_text())
    saved.unlink()
    return content


def with_debris(index: int) -> NDArray[np.uint8]:
    """The more debris flies by, the less sure the baseline is of the craft."""
    image = picture(index)
    image[80:92, 100 : 102 + 3 * index] = 200
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    bag = record(root / "flight.mcap", [0, 1, 2, 3, 3, 4, 5, 6], broken=[6], draw=with_debris)
    label(bag, root / "labels", load_settings(None, {"refine.views": "v3", "keep": "detector_score >= 0.55"}))
    return root / "labels"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Path]]:
    downloads = tmp_path_factory.mktemp("downloads")
    with chromium(downloads) as page:
        yield page, downloads


@pytest.fixture
def page(browser: tuple[Page, Path], folder: Path) -> Page:
    browser[0].open(folder / "report.html")
    browser[0].run("localStorage.clear()")
    browser[0].open(folder / "report.html")
    return browser[0]


def test_every_labelled_frame_is_shown_with_its_picture_and_overlay(page: Page, folder: Path, tmp_path: Path) -> None:
    assert page.run(CARDS) == ["00", "01", "02", "03", "05", "07"]
    assert page.run("return [...document.querySelectorAll('.card img')].every((i) => i.complete && i.naturalWidth > 0)")
    assert page.run("return [...document.querySelectorAll('.card')].every((c) => c.querySelector('.mark path'))")
    page.picture(tmp_path / "report.png")
    shown = cv2.imread(str(tmp_path / "report.png"))
    assert shown is not None and shown.std() > 10
    assert page.errors() == []


def test_the_counts_add_up_and_what_was_not_labelled_is_named(page: Page) -> None:
    counts = dict(page.run(COUNTS))
    assert sum(counts.values()) == 8
    assert counts["skipped"] == 1 and counts["unreadable"] == 1 and counts["kept"] + counts["refused"] == 6
    text = page.run("return document.getElementById('other').innerText")
    assert "near-duplicate of flight_camera_image_000003" in text and "the message was cut" in text


def test_frames_sort_by_any_score(page: Page, folder: Path) -> None:
    scores = {
        record["key"][-2:]: record["instances"][0]["scores"]["detector_score"]
        for record in map(json.loads, (folder / "manifest.jsonl").read_text().splitlines())
        if record.get("instances")
    }
    assert len(set(scores.values())) > 3
    page.run(
        "const s = document.getElementById('sort'); s.value = 'detector_score'; s.dispatchEvent(new Event('change'))"
    )
    assert [scores[key] for key in page.run(CARDS)] == sorted(scores.values())
    page.click("#direction")
    assert [scores[key] for key in page.run(CARDS)] == sorted(scores.values(), reverse=True)


def test_filters_narrow_the_sheet(page: Page) -> None:
    page.run("const f = document.getElementById('find'); f.value = '00000'; f.dispatchEvent(new Event('input'))")
    assert len(page.run(CARDS)) == 6
    page.run("const f = document.getElementById('find'); f.value = '03'; f.dispatchEvent(new Event('input'))")
    assert page.run(CARDS) == ["03"]
    page.run("const f = document.getElementById('find'); f.value = ''; f.dispatchEvent(new Event('input'))")
    page.run(SLIDE)
    assert 0 < len(page.run(CARDS)) < 6
    assert page.run("return document.querySelectorAll('.histogram svg rect').length") >= 60


def test_choices_by_key_and_click_are_saved_and_honoured_by_load(
    page: Page, browser: tuple[Page, Path], folder: Path
) -> None:
    kept = [sample.key for sample in load(folder)]
    page.click("#counts button[data-status=kept]")
    page.press("d", "k")  # each goes on to the next
    assert page.run(UNSAVED) == "not saved to a file yet"
    page.press(ENTER)
    assert page.run("return !document.getElementById('detail').hidden")
    page.click("#detail button[data-choice=drop]")
    page.press(ESCAPE)
    assert page.run("return document.getElementById('choice-state').textContent") == "1 keep, 2 drop"
    choices = save(page, browser[1])
    assert page.run(UNSAVED) == ""
    assert choices == {"format": "afss-choices", "version": 1, "keep": [kept[1]], "drop": [kept[0], kept[2]]}
    (folder / "choices.json").write_text(json.dumps(choices))
    assert [sample.key for sample in load(folder)] == [kept[1], *kept[3:]]
    page.run("localStorage.clear()")
    page.open(write_report(folder))
    assert page.run("return document.getElementById('choice-state').textContent") == "1 keep, 2 drop"
    (folder / "choices.json").unlink()
    write_report(folder)


def test_choices_outlive_the_page(page: Page, folder: Path) -> None:
    page.click("#counts button[data-status=kept]")
    page.press("d")
    reopen(page, folder / "report.html", "0 keep, 1 drop")


def test_choices_that_no_file_has_are_said_to_be_unsaved_after_reopening_too(
    page: Page, browser: tuple[Page, Path], folder: Path
) -> None:
    page.click("#counts button[data-status=kept]")
    page.press("d")
    reopen(page, folder / "report.html", "0 keep, 1 drop")
    assert page.run(UNSAVED) == "not saved to a file yet"
    save(page, browser[1])
    page.open(folder / "report.html")
    assert (page.run(STATE), page.run(UNSAVED)) == ("0 keep, 1 drop", "")


def test_a_newer_choices_file_holds_and_only_what_no_file_has_is_kept_beside_it(
    page: Page, browser: tuple[Page, Path], folder: Path
) -> None:
    """Saved here: drop 0. Not saved: keep 1. Somebody else's file, which comes after: drop 2 and 3."""
    kept = [sample.key for sample in load(folder)]
    page.click("#counts button[data-status=kept]")
    page.press("d")
    save(page, browser[1])
    page.press("k")
    (folder / "choices.json").write_text(
        json.dumps({"format": "afss-choices", "version": 1, "keep": [], "drop": kept[2:4]})
    )
    page.open(write_report(folder))
    choices = page.run("return [...document.querySelectorAll('.card')].map((c) => [c.dataset.key, c.dataset.choice])")
    (folder / "choices.json").unlink()
    write_report(folder)
    assert {key: choice for key, choice in choices if choice} == {kept[1]: "keep", kept[2]: "drop", kept[3]: "drop"}
    assert page.run(UNSAVED) == "not saved to a file yet"


def test_choices_stay_with_their_set(page: Page, folder: Path, tmp_path: Path) -> None:
    """Two recordings of one name, labelled with the same settings, into sets of their own."""
    other = tmp_path / "again"
    other.mkdir()
    bag = record(other / "flight.mcap", [0, 1, 2, 3, 3, 4, 5, 7], draw=lambda index: with_debris(index)[:, ::-1].copy())
    settings = load_settings(None, {"refine.views": "v3", "keep": "detector_score >= 0.55"})
    label(bag, other / "labels", settings, bag=False)
    page.click("#counts button[data-status=kept]")
    page.press("d")
    assert page.run(STATE) == "0 keep, 1 drop"
    page.open(other / "labels" / "report.html")
    assert page.run(STATE) == "0 keep, 0 drop"
    (folder.parent / "moved").symlink_to(folder)
    reopen(page, folder.parent / "moved" / "report.html", "0 keep, 1 drop")


def test_a_set_of_thousands_of_frames_opens_and_is_walked_to_its_end(page: Page, folder: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    shutil.copytree(folder, large)
    (large / "summary.json").unlink()
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    record = next(json.loads(line) for line in lines if '"status":"kept"' in line)
    thumbnail = f"thumbs/{record['key']}.jpg"
    with (large / "manifest.jsonl").open("w") as manifest:
        for number in range(3000):
            manifest.write(json.dumps({**record, "key": f"frame_{number:04d}"}, separators=(",", ":")) + "\n")
    shutil.copyfile(large / thumbnail, large / "thumbs" / "frame_2999.jpg")
    begun = time.monotonic()
    page.open(write_report(large))
    page.press(END)
    assert page.run("return document.querySelector('.card.selected').dataset.key") == "frame_2999"
    page.press("d")
    assert page.run(STATE) == "0 keep, 1 drop"
    assert page.run("return document.querySelectorAll('.card').length") == 3000
    assert page.run("return document.querySelectorAll('.card img').length") < 500, "no more than near the window"
    assert time.monotonic() - begun < 120
    assert [e for e in page.errors() if "thumbs/" not in e] == []


def test_the_detail_shows_every_score_and_the_full_picture(page: Page) -> None:
    page.click("#counts button[data-status=kept]")
    page.press(ENTER)
    detail = page.run("return document.getElementById('detail').innerText")
    assert "spacecraft" in detail and "flight.mcap:/camera/image" in detail and "128 x 96" in detail
    assert page.run("return document.querySelectorAll('#detail-scores th').length") == 6
    assert "/images/" in page.run("return document.querySelector('#picture img').src")
    page.press("o")
    assert page.run("return getComputedStyle(document.querySelector('#picture .mark')).visibility") == "hidden"


def test_a_choices_file_that_is_none_is_refused(folder: Path) -> None:
    (folder / "choices.json").write_text('{"drop": 3}')
    with pytest.raises(DatasetError, match=r"choices.json: cannot be read as choices"):
        load(folder)
    (folder / "choices.json").unlink()


def test_many_frames_are_decided_on_together_and_an_empty_sheet_says_how_to_go_on(page: Page, folder: Path) -> None:
    kept = [sample.key for sample in load(folder)]
    page.click("[data-all=drop]")
    assert page.run("return document.getElementById('choice-state').textContent") == f"0 keep, {len(kept)} drop"
    page.click("#counts button[data-status=empty]")
    assert page.run(CARDS) == []
    assert "Press Escape" in page.run("return document.getElementById('nothing').textContent")
    page.press(ESCAPE)
    assert len(page.run(CARDS)) == 6
    page.click("[data-all='']")
    assert page.run("return document.getElementById('choice-state').textContent") == "0 keep, 0 drop"


def test_the_filter_s_threshold_is_drawn_in_its_histogram(page: Page) -> None:
    assert page.run("return document.querySelectorAll('.histogram .threshold').length") == 1
    assert page.run("return document.querySelector('.histogram .threshold title').textContent") == "kept from 0.55"


def test_what_a_part_says_is_no_place_for_another() -> None:
    page = filled("<title>__TITLE__</title><script>__DATA__</script>", {"TITLE": "__DATA__", "DATA": "__TITLE__"})
    assert page == "<title>__DATA__</title><script>__TITLE__</script>"
