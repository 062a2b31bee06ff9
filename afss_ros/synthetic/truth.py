"""What is true of a rendered frame, as standard messages in its bag.

- /truth/mask (Image, mono8): label id of every pixel.
- /truth/instances, /truth/parts (Image, mono8): number of the craft, and of the craft's part, that a pixel shows.
- /truth/detections (Detection2DArray): craft that are seen; `id` is the craft's number.
- /truth/part_detections (Detection2DArray): parts that are seen; `id` is `<craft>/<part>`, as `1/panel.2`.
- /truth/craft (Detection3DArray): pose and size of every craft in the camera's optical frame, seen or not.
- /truth/sun (Vector3Stamped): unit vector towards the Sun in the optical frame.
- /truth/craft_info (DiagnosticArray, latched): design, length, radius and parts of each craft.
- /tf (TFMessage): camera and craft in the inertial frame `world`.

Numbers stay with their craft and parts through the recording. A craft's own frame has its origin in the middle of its
bounding box.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afss_ros.bags import LATCHED, BagWriter, messages, spatial
from afss_ros.labels import CLASS_NAMES, SPACECRAFT
from afss_ros.perception import Detection, Perception
from afss_ros.synthetic.craft import pieces
from afss_ros.synthetic.craft.model import Craft
from afss_ros.synthetic.opengl.renderer import Rendered
from afss_ros.synthetic.produce import MIN_PIXELS
from afss_ros.synthetic.scene import Placed, Scene

MASK_TOPIC = "/truth/mask"
INSTANCES_TOPIC = "/truth/instances"
PARTS_TOPIC = "/truth/parts"
DETECTIONS_TOPIC = "/truth/detections"
PART_DETECTIONS_TOPIC = "/truth/part_detections"
CRAFT_TOPIC = "/truth/craft"
CRAFT_INFO_TOPIC = "/truth/craft_info"
SUN_TOPIC = "/truth/sun"
TF_TOPIC = "/tf"
LABEL_INFO_TOPIC = "/truth/label_info"
FRAME_ID = "camera_optical_frame"
WORLD_FRAME = "world"

_TO_OPTICAL = np.diag([1.0, -1.0, -1.0])
"""The renderer's camera (y up, looking along -z) to an optical frame (REP 103: y down, z forward)."""


class Truth:
    """Writes the truth of a recording into its bag, frame by frame."""

    def __init__(self, bag: BagWriter, start_ns: int) -> None:
        self._bag = bag
        self._start_ns = start_ns
        self._known: dict[int, tuple[pieces.Pieces, Craft]] = {}
        bag.add_topic(CRAFT_INFO_TOPIC, "diagnostic_msgs/msg/DiagnosticArray", qos=(LATCHED,))

    def numbered(self, scene: Scene) -> Scene:
        """The same scene with craft whose id map tells parts apart; it is drawn the same to the bit."""
        fresh = [p for p in scene.craft if p.instance not in self._known]
        for placed in fresh:
            found = pieces.find(placed.craft)
            self._known[placed.instance] = found, pieces.numbered(placed.craft, found)
        if fresh:
            self._introduce(scene)
        craft = tuple(
            Placed(self._known[p.instance][1], p.rotation, p.translation, p.instance, p.design) for p in scene.craft
        )
        return Scene(
            scene.width, scene.height, scene.tangent, scene.sky_tangent, craft, scene.planets, scene.light, scene.sky,
            scene.cyclones, scene.kind,
        )  # fmt: skip

    def _introduce(self, scene: Scene) -> None:
        facts: dict[str, str] = {}
        for placed in scene.craft:
            found = self._known[placed.instance][0]
            craft = f"{placed.instance}."
            facts |= {
                f"{craft}design": str(placed.design),
                f"{craft}length_m": f"{found.length:.6g}",
                f"{craft}radius_m": f"{placed.craft.radius:.6g}",
                f"{craft}parts": " ".join(found.names()),
            }
        self._bag.write(
            CRAFT_INFO_TOPIC, messages.diagnostics("craft", "rendered", facts, self._start_ns, FRAME_ID), self._start_ns
        )

    def write_places(
        self, scene: Scene, camera: tuple[NDArray[np.float64], NDArray[np.float64]], stamp_ns: int
    ) -> None:
        """Where camera, craft and Sun are; `camera` is its position (3,) and its axes (3, 3) in the inertial frame."""
        position, axes = camera
        placed = {FRAME_ID: (position, axes @ _TO_OPTICAL)}
        things = []
        for craft in scene.craft:
            placed[f"craft_{craft.instance}"] = position + axes @ craft.translation, axes @ craft.rotation
            things.append(
                spatial.Thing(
                    str(craft.instance),
                    str(SPACECRAFT),
                    1.0,
                    _TO_OPTICAL @ craft.translation,
                    _TO_OPTICAL @ craft.rotation,
                    self._known[craft.instance][0].extents,
                )
            )
        self._bag.write(TF_TOPIC, spatial.transforms(placed, stamp_ns, WORLD_FRAME), stamp_ns)
        self._bag.write(CRAFT_TOPIC, spatial.detections_3d(things, stamp_ns, FRAME_ID), stamp_ns)
        sun = _TO_OPTICAL @ scene.light.sun
        self._bag.write(SUN_TOPIC, spatial.direction(sun / np.linalg.norm(sun), stamp_ns, FRAME_ID), stamp_ns)

    def write_picture(self, rendered: Rendered, scene: Scene, stamp_ns: int) -> None:
        """What the picture shows: `rendered` of the `scene` that `numbered` gave."""
        labels = np.zeros_like(rendered.parts)
        craft, parts, names = [], [], []
        for placed in scene.craft:
            found = self._known[placed.instance][0]
            own = rendered.instances == placed.instance
            labels[own] = found.labels[rendered.parts[own]]
            if int(own.sum()) < MIN_PIXELS:
                continue
            craft.append((str(placed.instance), Detection(CLASS_NAMES[SPACECRAFT], _box(own), 1.0)))
            names = found.names()
            for number in np.unique(rendered.parts[own]).tolist():
                if number:
                    name = CLASS_NAMES[int(found.labels[number])]
                    seen = Detection(name, _box(own & (rendered.parts == number)), 1.0)
                    parts.append((f"{placed.instance}/{names[number - 1]}", seen))
        for topic, picture in (
            (MASK_TOPIC, labels),
            (INSTANCES_TOPIC, rendered.instances),
            (PARTS_TOPIC, rendered.parts),
        ):
            self._bag.write(topic, messages.image(picture, stamp_ns, FRAME_ID), stamp_ns)
        for topic, seen_ones in ((DETECTIONS_TOPIC, craft), (PART_DETECTIONS_TOPIC, parts)):
            perception = Perception(tuple(d for _, d in seen_ones), labels, CLASS_NAMES, stamp_ns)
            identities = [identity for identity, _ in seen_ones]
            self._bag.write(topic, messages.detections(perception, FRAME_ID, identities), stamp_ns)


def _box(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
