"""Record a trajectory as a rosbag2: picture, CameraInfo and all that is true of the frame, see `truth`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import LATCHED, BagWriter, messages
from afss_ros.camera import CameraInfo
from afss_ros.images import encode_compressed
from afss_ros.labels import CLASS_NAMES
from afss_ros.synthetic.camera import Camera, expose
from afss_ros.synthetic.disturbances import Disturbances
from afss_ros.synthetic.encounter import Encounter
from afss_ros.synthetic.opengl.renderer import Renderer
from afss_ros.synthetic.sky import star_field
from afss_ros.synthetic.trajectory import FOV_DEGREES, Trajectory
from afss_ros.synthetic.truth import FRAME_ID, LABEL_INFO_TOPIC, Truth

IMAGE_TOPIC = "/camera/image_raw"
COMPRESSED_TOPIC = "/camera/image_raw/compressed"
INFO_TOPIC = "/camera/camera_info"
START_NS = 1_700_000_000_000_000_000

FLIGHT_CAMERA = Camera(bloom=0.12, bloom_size=0.015, vignette=0.25, read_noise=0.006, shot_noise=0.008, noise_grain=0.5)
"""A decent machine-vision camera: a little bloom, vignetting and noise."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How a trajectory is recorded. `rate_hz` of frames; `quality` of the JPEG, or None for raw pictures."""

    rate_hz: float = 10.0
    quality: int | None = 88
    camera: Camera = FLIGHT_CAMERA
    seed: int = 0
    disturbances: Disturbances = field(default_factory=Disturbances)


def record(
    path: Path,
    trajectory: Trajectory | Encounter,
    recording: Recording,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Render every frame into a bag that appears when it is complete; returns the number of frames.

    Of a frame that is lost the bag has where everything was, and no picture.
    """
    info = CameraInfo.pinhole(trajectory.width, trajectory.height, float(np.radians(FOV_DEGREES)))
    disturbed = recording.disturbances
    with BagWriter(path) as bag, Renderer() as renderer:
        bag.add_topic(LABEL_INFO_TOPIC, "vision_msgs/msg/LabelInfo", qos=(LATCHED,))
        bag.write(LABEL_INFO_TOPIC, messages.label_info(CLASS_NAMES, 0.0, START_NS, FRAME_ID), START_NS)
        truth = Truth(bag, START_NS)
        for frame in range(trajectory.frames):
            stamp_ns = START_NS + round(frame * 1e9 / recording.rate_hz)
            scene = truth.numbered(trajectory.scene(frame))
            truth.write_places(scene, trajectory.camera(frame), stamp_ns)
            if frame not in disturbed.lost:
                rendered = renderer.render(scene)
                free = ~rendered.covered
                radiance = rendered.radiance + star_field(trajectory.stars_before(frame), scene, free)
                camera = disturbed.camera(recording.camera, frame)
                rng = np.random.default_rng([recording.seed, frame])
                picture = expose(camera, disturbed.lit(radiance, frame), rng)
                _write_picture(bag, picture, info, stamp_ns, recording.quality)
                truth.write_picture(rendered, scene, stamp_ns)
            if progress is not None:
                progress(frame + 1)
    return trajectory.frames


def _write_picture(
    bag: BagWriter, picture: NDArray[np.uint8], info: CameraInfo, stamp_ns: int, quality: int | None
) -> None:
    bag.write(INFO_TOPIC, messages.camera_info(info, stamp_ns, FRAME_ID), stamp_ns)
    if quality is None:
        bag.write(IMAGE_TOPIC, messages.image(picture, stamp_ns, FRAME_ID), stamp_ns)
    else:
        data = encode_compressed(picture, "jpeg", quality)
        bag.write(COMPRESSED_TOPIC, messages.compressed_image(data, "jpeg", stamp_ns, FRAME_ID), stamp_ns)
