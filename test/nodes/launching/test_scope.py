"""What an include was given is not taken over by the next one; what was set for all of them is."""

from __future__ import annotations

from afss_ros.nodes.launching import forget_used, mark_used


def test_a_value_of_an_earlier_include_is_forgotten() -> None:
    configurations = {"source": "left.mcap", "image": "/left/image", "other": "1"}
    assert forget_used(configurations, ["source", "image"]) == {}, "nothing was used yet"
    mark_used(configurations, ["source", "image", "rate"])
    assert configurations == {"source": "left.mcap", "image": "/left/image", "other": "1"}, "it can still be read"
    configurations["image"] = "/right/image"
    assert forget_used(configurations, ["source", "image", "other"]) == {"source": "left.mcap"}
    assert configurations == {"image": "/right/image", "other": "1"}


def test_a_value_that_is_given_again_is_not_forgotten_though_it_is_the_same() -> None:
    text = "/image"
    configurations = {"image": text}
    mark_used(configurations, ["image"])
    configurations["image"] = text
    assert forget_used(configurations, ["image"]) == {}
    assert configurations == {"image": text}


def test_the_command_line_is_for_the_whole_launch() -> None:
    configurations = {"model": "better.onnx", "image": "/image"}
    mark_used(configurations, ["model", "image"], argv=["model:=better.onnx"])
    assert forget_used(configurations, ["model", "image"]) == {"image": "/image"}


def test_marks_outlive_the_copy_that_a_scope_makes() -> None:
    configurations = {"image": "/image"}
    mark_used(configurations, ["image"])
    assert forget_used(configurations.copy(), ["image"]) == {"image": "/image"}
