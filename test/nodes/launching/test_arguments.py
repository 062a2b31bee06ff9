"""Launch arguments in the spellings of ROS users, and what is said of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from perception_peer import ROOT

from afss_ros.nodes.launching import LaunchError, boolean, number, source_path


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "on", " true "])
def test_words_for_true(word: str) -> None:
    assert boolean("use_sim_time", word) is True


@pytest.mark.parametrize("word", ["false", "False", "FALSE", "0", "no", "off"])
def test_words_for_false(word: str) -> None:
    assert boolean("use_sim_time", word) is False


@pytest.mark.parametrize("word", ["", "perhaps", "2", "tru"])
def test_another_word_is_refused_by_name(word: str) -> None:
    with pytest.raises(LaunchError, match=f"use_sim_time must be true or false .*, got '{word}'"):
        boolean("use_sim_time", word)


def test_a_rate_is_a_finite_number() -> None:
    assert number("rate", "5") == 5.0
    for word in ("fast", "", "nan", "inf"):
        with pytest.raises(LaunchError, match=f"rate must be a number, got '{word}'"):
            number("rate", word)


def test_a_source_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "flight").mkdir()
    assert source_path("~/flight") == str(tmp_path / "flight")
    with pytest.raises(LaunchError, match=r"no source at /no/such\.mcap; give a folder"):
        source_path("/no/such.mcap")


def test_the_launch_files_need_none_of_our_packages() -> None:
    """`ros2 launch` runs in the system's Python; ours may be in an environment of their own."""
    script = (
        "import sys; import afss_ros.nodes.launching;"
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path += {[str(ROOT), *sys.path]!r}; {script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    allowed = {"afss_ros", "yaml", "cython_runtime"}  # the last is in the wheel of PyYAML
    assert {name for name in loaded.stdout.split() if not name.startswith("_")} <= allowed
