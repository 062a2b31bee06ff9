"""The parameters of perception_node: one table that declares, describes, checks and reads them.

`config/perception.yaml` and the table in docs/ros.md say the same; a test holds the three together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from afss_ros.nodes.parameter_specs import Spec, Takes, descriptor

SPECS: tuple[Spec, ...] = (
    Spec("autostart", False, Takes.START, "Configure and activate without a lifecycle manager."),
    Spec(
        "cameras",
        "",
        Takes.START,
        "Cameras, a node for each in this process: names, or name:=/topic/of/images. Empty: one node, on `image`.",
    ),
    Spec("model.path", "", Takes.CONFIGURE, "Student .onnx to run. Empty: the student that the package ships."),
    Spec("model.slots", "", Takes.CONFIGURE, "Folder of two slots to fly from, instead of model.path. Empty: none."),
    Spec(
        "model.trial_frames",
        100,
        Takes.ANY_TIME,
        "Frames that an activated slot must see without a failure before it is confirmed.",
        low=1,
        high=1_000_000,
    ),
    Spec(
        "model.provider",
        "auto",
        Takes.CONFIGURE,
        "ONNX Runtime execution provider. auto: the fastest that starts here; a named one starts or configure fails.",
        choices=("auto", "cpu", "cuda", "tensorrt", "openvino"),
    ),
    Spec("model.threads", 0, Takes.CONFIGURE, "CPU threads of one inference. 0: one per core.", low=0, high=256),
    Spec("model.warm_up_runs", 2, Takes.CONFIGURE, "Inferences on a blank image at configure.", low=0, high=100),
    Spec(
        "model.integrity",
        "verify",
        Takes.CONFIGURE,
        "verify: refuse a student that contradicts its manifest. require: one without a manifest, too. warn: fly both.",
        choices=("verify", "require", "warn"),
    ),
    Spec(
        "model.prove_every",
        60.0,
        Takes.ANY_TIME,
        "Seconds between two questions for the known answer, in idle moments. 0: at configure alone.",
        low=0.0,
        high=86_400.0,
    ),
    Spec(
        "model.check_memory_every",
        10.0,
        Takes.CONFIGURE,
        "Seconds within which all weights held in memory are hashed, and repaired. 0: they are not held (CPU alone).",
        low=0.0,
        high=86_400.0,
    ),
    Spec(
        "model.tiling",
        "none",
        Takes.CONFIGURE,
        "none: frames are scaled down to the network. auto: larger ones are seen in tiles too, at an inference a tile.",
        choices=("none", "auto"),
    ),
    Spec(
        "model.tile_overlap",
        0.25,
        Takes.CONFIGURE,
        "Overlap of neighbouring tiles, as a fraction of a tile; what is smaller is never cut.",
        low=0.05,
        high=0.5,
    ),
    Spec(
        "model.max_tiles",
        16,
        Takes.CONFIGURE,
        "Most tiles of a frame; one that needs more is scaled down first, as little as will do.",
        low=1,
        high=1024,
    ),
    Spec(
        "provider.max_cpu_share",
        0.1,
        Takes.CONFIGURE,
        "Largest share of the graph's nodes that may fall from the provider to the CPU; with more it is refused.",
        low=0.0,
        high=1.0,
    ),
    Spec("provider.device_id", 0, Takes.CONFIGURE, "Which of several devices of the provider.", low=0, high=64),
    Spec(
        "provider.fp16",
        False,
        Takes.CONFIGURE,
        "Let TensorRT compute in half precision.",
    ),
    Spec(
        "provider.workspace_mib",
        0,
        Takes.CONFIGURE,
        "MiB of device memory for the work of TensorRT, or for all that CUDA takes. 0: as much as they like.",
        low=0,
        high=1_000_000,
    ),
    Spec(
        "provider.cache_directory",
        "",
        Takes.CONFIGURE,
        "Folder of the engines that TensorRT compiled. Empty: $AFSS_CACHE_DIR, else ~/.cache/afss_ros.",
    ),
    Spec(
        "provider.cache_mib",
        2048,
        Takes.CONFIGURE,
        "MiB of all engines together; the longest unused go first. 0: none is kept.",
        low=0,
        high=1_000_000,
    ),
    Spec(
        "provider.binding",
        "host",
        Takes.CONFIGURE,
        "Where the session's tensors lie. graph: in device memory, and the whole run is captured as a CUDA graph.",
        choices=("host", "device", "graph"),
    ),
    Spec(
        "provider.options",
        "",
        Takes.CONFIGURE,
        "ONNX Runtime's own options of the provider, over all others: name=value, with commas.",
    ),
    Spec(
        "input.image_transport",
        "raw",
        Takes.CONFIGURE,
        "raw: sensor_msgs/Image on `image`. compressed: sensor_msgs/CompressedImage on `image`/compressed.",
        choices=("raw", "compressed"),
    ),
    Spec(
        "input.reliability",
        "best_effort",
        Takes.CONFIGURE,
        "QoS reliability of the image subscription. best_effort matches every publisher.",
        choices=("best_effort", "reliable"),
    ),
    Spec(
        "input.grey_bits",
        16,
        Takes.ANY_TIME,
        "Bits of a mono16 pixel that the camera uses, the lowest ones; the upper 8 of them are seen.",
        low=8,
        high=16,
    ),
    Spec(
        "detection.score_threshold",
        0.5,
        Takes.ANY_TIME,
        "Detections below this score are not published.",
        low=0.0,
        high=1.0,
    ),
    Spec(
        "detection.min_area",
        16,
        Takes.ANY_TIME,
        "Smallest object in pixels of the label map, where boxes come from the label map.",
        low=1,
        high=10_000_000,
    ),
    Spec(
        "detections.deadline",
        0.0,
        Takes.CONFIGURE,
        "DDS deadline of ~/detections: most seconds between two messages that the node promises. 0: no promise.",
        low=0.0,
        high=3600.0,
    ),
    Spec(
        "detections.liveliness_lease",
        0.0,
        Takes.CONFIGURE,
        "DDS liveliness of ~/detections, by topic: seconds without a message after which it is dead. 0: the process's.",
        low=0.0,
        high=3600.0,
    ),
    Spec(
        "tracking.enabled",
        False,
        Takes.ANY_TIME,
        "Follow craft: identities in ~/detections, and ~/tracks, ~/bearings and ~/positions.",
    ),
    Spec(
        "tracking.confirm_hits",
        3,
        Takes.ANY_TIME,
        "Frames, of two more, in which a craft must be seen before it is confirmed.",
        low=1,
        high=30,
    ),
    Spec(
        "tracking.coast",
        1.5,
        Takes.ANY_TIME,
        "Seconds that a confirmed craft goes on unseen before it is lost.",
        low=0.0,
        high=60.0,
    ),
    Spec(
        "tracking.remember",
        20.0,
        Takes.ANY_TIME,
        "Seconds that a lost craft's identity waits for it.",
        low=0.0,
        high=3600.0,
    ),
    Spec(
        "tracking.publish_tf",
        False,
        Takes.ANY_TIME,
        "Publish a frame on /tf for each craft that has a position. Needs tf2_msgs.",
    ),
    Spec(
        "tracking.depth",
        False,
        Takes.CONFIGURE,
        "Listen to `depth`, an image registered to the pictures, for the range of craft.",
    ),
    Spec(
        "target.length_m",
        0.0,
        Takes.ANY_TIME,
        "Largest dimension of the craft in metres, from which its range is told. 0: unknown.",
        low=0.0,
        high=10000.0,
    ),
    Spec(
        "downlink.apid",
        100,
        Takes.ANY_TIME,
        "Application process identifier of the space packets on ~/packets.",
        low=0,
        high=2039,
    ),
    Spec(
        "downlink.bits_per_second",
        0.0,
        Takes.ANY_TIME,
        "Of the link that ~/packets are for: the most doubtful frames first, what does not fit never. 0: no limit.",
        low=0.0,
        high=1e9,
    ),
    Spec(
        "refer.resolver",
        "none",
        Takes.CONFIGURE,
        "Who answers the sentences of ~/query, on ~/referred: the grammar, or a network. none: there is no such topic.",
        choices=("none", "grammar", "network"),
    ),
    Spec(
        "refer.model",
        "",
        Takes.CONFIGURE,
        "The referring network, an .onnx of `afss refer export`, with refer.resolver: network.",
    ),
    Spec("overlay.alpha", 0.45, Takes.ANY_TIME, "Opacity of the masks in ~/overlay.", low=0.0, high=1.0),
    Spec(
        "monitor.max_rate",
        1.0,
        Takes.ANY_TIME,
        "Pictures a second that the input monitor looks at, at most. 0: none.",
        low=0.0,
        high=1000.0,
    ),
    Spec(
        "monitor.frozen_after",
        10.0,
        Takes.CONFIGURE,
        "Seconds of equal pictures, by their stamps, after which the camera counts as frozen. 0: never.",
        low=0.0,
        high=3600.0,
    ),
    Spec("hard_frames.record", False, Takes.CONFIGURE, "Record the frames that the student is unsure of."),
    Spec(
        "hard_frames.directory",
        "",
        Takes.CONFIGURE,
        "Folder of the bags. Empty: $ROS_HOME (~/.ros) /afss_hard_frames/<name of the node>.",
    ),
    Spec(
        "hard_frames.image_format",
        "jpeg",
        Takes.CONFIGURE,
        "How raw images are recorded; compressed ones are recorded as they came.",
        choices=("jpeg", "png", "raw"),
    ),
    Spec(
        "hard_frames.max_mib",
        256,
        Takes.CONFIGURE,
        "MiB of all bags together; the least doubtful bag goes first.",
        low=1,
        high=1_000_000,
    ),
    Spec(
        "hard_frames.keep_free_mib",
        512,
        Takes.CONFIGURE,
        "MiB of the file system that are never used.",
        low=0,
        high=1_000_000,
    ),
    Spec("hard_frames.min_doubt", 0.5, Takes.ANY_TIME, "Frames with less doubt are not recorded.", low=0.0, high=1.0),
    Spec(
        "hard_frames.max_rate",
        0.5,
        Takes.ANY_TIME,
        "Frames recorded per second, on average over a minute; 0 pauses the recording.",
        low=0.0,
        high=100.0,
    ),
    Spec(
        "hard_frames.min_gap",
        1.0,
        Takes.ANY_TIME,
        "Seconds between two recorded frames, at least; the most doubtful of a while is taken.",
        low=0.0,
        high=3600.0,
    ),
    Spec(
        "power.mode",
        "nominal",
        Takes.ANY_TIME,
        "off: no images are taken. survival: one in a while. nominal: all there is time for. full: those in tiles.",
        choices=("off", "survival", "nominal", "full"),
    ),
    Spec(
        "power.survival_period",
        10.0,
        Takes.ANY_TIME,
        "Seconds from one frame to the next in survival; the newest is taken.",
        low=0.1,
        high=86_400.0,
    ),
    Spec(
        "power.survival_model",
        "",
        Takes.CONFIGURE,
        "Student .onnx of survival, of the same classes, kept loaded. Empty: model.path flies in all modes.",
    ),
    Spec("diagnostics.period", 1.0, Takes.START, "Seconds between two reports on /diagnostics.", low=0.05, high=60.0),
    Spec(
        "diagnostics.stale_after",
        2.0,
        Takes.ANY_TIME,
        "Seconds without an image, while active, after which /diagnostics says STALE.",
        low=0.1,
        high=3600.0,
    ),
    Spec(
        "watchdog.frame_limit",
        0.0,
        Takes.ANY_TIME,
        "Seconds that a frame may be in work before /diagnostics says ERROR. 0: what the warm-up allows, 2 at least.",
        low=0.0,
        high=3600.0,
    ),
    Spec(
        "watchdog.configure_limit",
        300.0,
        Takes.ANY_TIME,
        "Seconds that loading and warming up a student may take before configure is a FAILURE.",
        low=1.0,
        high=86_400.0,
    ),
    Spec(
        "watchdog.stop_limit",
        5.0,
        Takes.ANY_TIME,
        "Seconds that deactivate, cleanup and the end of the process wait for the frame in work.",
        low=0.1,
        high=3600.0,
    ),
    Spec(
        "watchdog.exit",
        False,
        Takes.ANY_TIME,
        "End the process, with exit code 3, when a frame is in work for twice that limit, to be started anew.",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters' values at one moment; fields are the names of `SPECS`, dots as underscores."""

    autostart: bool
    cameras: str
    model_path: str
    model_slots: str
    model_trial_frames: int
    model_provider: str
    model_threads: int
    model_warm_up_runs: int
    model_integrity: str
    model_prove_every: float
    model_check_memory_every: float
    model_tiling: str
    model_tile_overlap: float
    model_max_tiles: int
    provider_max_cpu_share: float
    provider_device_id: int
    provider_fp16: bool
    provider_workspace_mib: int
    provider_cache_directory: str
    provider_cache_mib: int
    provider_binding: str
    provider_options: str
    input_image_transport: str
    input_reliability: str
    input_grey_bits: int
    detection_score_threshold: float
    detection_min_area: int
    detections_deadline: float
    detections_liveliness_lease: float
    tracking_enabled: bool
    tracking_confirm_hits: int
    tracking_coast: float
    tracking_remember: float
    tracking_publish_tf: bool
    tracking_depth: bool
    target_length_m: float
    downlink_apid: int
    downlink_bits_per_second: float
    refer_resolver: str
    refer_model: str
    overlay_alpha: float
    monitor_max_rate: float
    monitor_frozen_after: float
    hard_frames_record: bool
    hard_frames_directory: str
    hard_frames_image_format: str
    hard_frames_max_mib: int
    hard_frames_keep_free_mib: int
    hard_frames_min_doubt: float
    hard_frames_max_rate: float
    hard_frames_min_gap: float
    power_mode: str
    power_survival_period: float
    power_survival_model: str
    diagnostics_period: float
    diagnostics_stale_after: float
    watchdog_frame_limit: float
    watchdog_configure_limit: float
    watchdog_stop_limit: float
    watchdog_exit: bool


def declare(node: Node) -> None:
    """Declare every parameter, with description and range.

    Raises:
        rclpy.exceptions.ParameterException: an override has the wrong type or lies outside its range or choices.
    """
    for spec in SPECS:
        node.declare_parameter(spec.name, spec.default, descriptor(spec))


def read(node: Node) -> Settings:
    return Settings(
        **{spec.name.replace(".", "_"): _meant(spec, node.get_parameter(spec.name).value) for spec in SPECS}
    )


def _meant(spec: Spec, value: Any) -> Any:
    """The value, or `off` where YAML made false of it."""
    return "off" if value is False and "off" in spec.choices else value


def ignored_overrides(node: Node) -> dict[str, str]:
    """Parameters given to the node that it does not have, each with the likeliest right name (or "").

    rclpy drops them without a word, so a misspelt line in a parameter file would look as if it worked.
    """
    given = getattr(node, "_parameter_overrides", {})  # rclpy offers no public way to them
    known = [spec.name for spec in SPECS]
    unknown = [name for name in given if not node.has_parameter(name) and not name.startswith("qos_overrides.")]
    return {name: next(iter(get_close_matches(name, known, cutoff=0.5)), "") for name in unknown}


def check(parameters: Iterable[Parameter], *, state: str) -> SetParametersResult:
    """Whether the node takes these values in its lifecycle `state`; ranges and types are left to rclpy.

    Parameters that are not ours are none of our business.
    """
    specs = {spec.name: spec for spec in SPECS}
    for parameter in parameters:
        spec = specs.get(parameter.name)
        if spec is None:
            continue
        if spec.choices and _meant(spec, parameter.value) not in spec.choices:
            return SetParametersResult(
                successful=False,
                reason=f"{spec.name} must be one of {', '.join(spec.choices)}, got {parameter.value!r}",
            )
        if spec.takes is Takes.CONFIGURE and state != "unconfigured":
            return SetParametersResult(
                successful=False,
                reason=f"{spec.name} is read at configure and the node is {state}: deactivate and clean up first",
            )
    return SetParametersResult(successful=True)
