"""CHANGELOG.rst is what ROS's release tools read: entries by version, the newest that of package.xml."""

from __future__ import annotations

import re
from importlib.util import find_spec

from catkin_pkg.changelog import BulletList, Changelog, get_changelog_from_path
from catkin_pkg.package import parse_package
from package_metadata import ROOT


def changelog() -> Changelog:
    read = get_changelog_from_path(str(ROOT), "afss_ros")
    assert read is not None
    return read


def test_the_newest_release_is_the_version_of_the_package() -> None:
    (newest, date, _), *_ = changelog().foreach_version()
    assert newest == parse_package(str(ROOT)).version
    assert date is not None


def test_every_entry_is_a_list_that_release_tools_can_render() -> None:
    for version, _, content in changelog().foreach_version():
        assert [type(part) for part in content] == [BulletList], version
        assert all(str(bullet).strip() for bullet in content[0].bullets)


def test_what_modules_are_called_now_exist() -> None:
    text = " ".join((ROOT / "CHANGELOG.rst").read_text().partition("\n0.1.0")[0].split())
    named = re.findall(r"(?:now|is) ``(afss_ros\.[\w.]+)``", text)
    assert len(named) > 3
    assert [name for name in named if find_spec(name) is None] == []
