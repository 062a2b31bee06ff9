"""What takes how long, from ONNX Runtime's own profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from afss_ros.student import StudentError
from afss_ros.student.providers import profile
from afss_ros.student.providers.placement import CPU


def test_a_student_s_operators_are_timed(tiny_student: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    times = profile.measure(tiny_student, provider="cpu", threads=1, runs=3)
    assert list(times.providers) == [CPU]
    assert times.providers[CPU] == pytest.approx(sum(times.operators.values()))
    assert (CPU, "Where") in times.operators
    assert list(tmp_path.iterdir()) == [], "the profile itself is not left behind"


def test_the_median_of_a_node_counts(tmp_path: Path) -> None:
    event = '{{"cat": "Node", "name": "{0}_kernel_time", "dur": {1}, "args": {{"provider": "P", "op_name": "{0}"}}}}'
    events = [event.format("Conv", us) for us in (9000, 1000, 2000)] + [event.format("Add", 500)]
    path = tmp_path / "profile.json"
    path.write_text(f"[{', '.join(events)}, {{}}]")
    times = profile.read(path)
    assert times.operators == {("P", "Conv"): 2.0, ("P", "Add"): 0.5}
    assert times.providers == {"P": 2.5}


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"cat": "Node", "name": "a_kernel_time"}]'])
def test_what_is_no_profile_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(StudentError, match=r"profile\.json is no profile"):
        profile.read(path)
