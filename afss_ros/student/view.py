"""How frames of one size are shown to the network: as a whole, or as a whole and in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection
from afss_ros.student import letterbox, stitch, tiling
from afss_ros.student.contract import StudentContract
from afss_ros.student.errors import StudentError
from afss_ros.student.letterbox import Letterbox, Size
from afss_ros.student.stitch import Outputs

TILING = ("none", "auto")


@dataclass(frozen=True, slots=True)
class Tiling:
    """When and how frames are cut into tiles; see `tiling.plan`.

    Attributes:
        mode: "none" scales every frame down to the network; "auto" cuts those that are larger into tiles.
        overlap: of neighbouring tiles, as a fraction of a tile, 0.05..0.5: whatever is smaller is whole in one of them.
        max_tiles: bounds the time for a frame; 1 or more.
    """

    mode: str = "none"
    overlap: float = 0.25
    max_tiles: int = 16

    def __post_init__(self) -> None:
        if self.mode not in TILING:
            raise StudentError(f"tiling must be one of {', '.join(TILING)}, got {self.mode!r}")
        if not 0.05 <= self.overlap <= 0.5:
            raise StudentError(f"the overlap of tiles must lie in 0.05..0.5, got {self.overlap}")
        if self.max_tiles < 1:
            raise StudentError(f"max_tiles must be 1 or more, got {self.max_tiles}")


class View:
    """Frames of one size, to and from the network. Keeps what is the same for all of them, and the memory for one.

    Attributes:
        whole: from the frame to the network's input.
        plan: of the tiles; None when the frame is only seen as a whole.
        box: from the frame to what the outputs are in pixels of: the network's input, or the canvas of the tiles.
        source, how: the frames' size (H, W), and when they are cut into tiles.
        indices: from the outputs' label map to the frame, see `letterbox.take`.
    """

    def __init__(self, source: Size, contract: StudentContract, how: Tiling) -> None:
        self.source, self.how = source, how
        self.whole: Letterbox = letterbox.fit(source, contract.input_size)
        self.plan = (
            tiling.plan(source, contract.input_size, contract.labels_size, overlap=how.overlap, max_tiles=how.max_tiles)
            if how.mode == "auto"
            else None
        )
        self.box = self.whole if self.plan is None else self.plan.box
        self.indices: letterbox.Indices | None = None
        if contract.labels_size is not None:
            labels_size = contract.labels_size if self.plan is None else self.plan.labels_size
            self.indices = letterbox.nearest_indices(self.box, labels_size)
        self._contract = contract
        self._whole_image = np.full((*self.whole.network, 3), letterbox.PAD_VALUE, np.uint8)
        self._canvas = None if self.plan is None else np.full((*self.box.network, 3), letterbox.PAD_VALUE, np.uint8)

    def network_images(self, image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """What the network is to see: the whole frame first, then every tile. Valid until the next call."""
        images = [letterbox.apply(image, self.whole, self._whole_image)]
        if self.plan is not None and self._canvas is not None:
            canvas = letterbox.apply(image, self.plan.box, self._canvas)
            images += [np.ascontiguousarray(canvas[window]) for window in self.plan.windows]
        return images

    def together(self, looks: Sequence[Outputs], seen: Sequence[Detection], least_score: float) -> Outputs:
        """The outputs for all `network_images` as one, in pixels of `box`.

        Args:
            seen: the detections of the whole view.
            least_score: boxes of tiles below it are left out.
        """
        if self.plan is None:
            return looks[0]
        whole, tiles = looks[0], looks[1:]
        outputs: dict[str, NDArray[np.generic]] = {}
        if "labels" in whole:
            large = stitch.large_craft(seen, self.plan)
            outputs |= stitch.stitch_labels(whole, tiles, self.plan, self.whole, large)
        if self._contract.has_presence:
            outputs |= stitch.stitch_presence(whole, tiles, self.plan)
        if self._contract.box_source == "boxes":
            outputs |= stitch.stitch_boxes(whole, tiles, self.plan, self.whole, least_score)
        return outputs
