"""The parameters of labelling_node. Apart from the node, which needs the ground's packages."""

from __future__ import annotations

from afss_ros.nodes.parameter_specs import Spec, Takes

SPECS: tuple[Spec, ...] = (
    Spec("bag", "", Takes.START, "What to label: a bag, a folder of pictures or a video. Empty: live images."),
    Spec(
        "topic",
        "",
        Takes.START,
        "Image topics of the bag, commas between them. Empty: the only one, or the only one with a camera_info.",
    ),
    Spec("out", "", Takes.START, "The data set to make, or to go on with. Required."),
    Spec("config", "", Takes.START, "YAML settings of the teacher, see config/label.yaml. Empty: the baseline."),
    Spec("prompt", "", Takes.START, "What a craft is called, such as `spacecraft.`. Empty: as config says."),
    Spec("settings", "", Takes.START, "More settings, `name=value` separated by semicolons; they win."),
    Spec(
        "image_transport",
        "raw",
        Takes.START,
        "Live images. raw: sensor_msgs/Image on `image`. compressed: CompressedImage on `image`/compressed.",
        choices=("raw", "compressed"),
    ),
    Spec("queue_size", 256, Takes.START, "Live images that may wait to be labelled.", low=1, high=100_000),
    Spec(
        "drain_s",
        30.0,
        Takes.START,
        "Seconds in which live images that wait are still labelled when the node is ended; then the rest is missed.",
        low=0.0,
        high=86_400.0,
    ),
    Spec("labelled_bag", True, Takes.START, "Write labelled.mcap at the end."),
    Spec("exit_when_done", True, Takes.START, "End when the bag is labelled, or labelling it failed."),
    Spec("download", False, Takes.START, "Fetch missing weights from the Hub."),
    Spec("accept_licence", False, Takes.START, "Of models that ask for it."),
)
