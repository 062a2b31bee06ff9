"""SAM 3 (arXiv 2511.16719) through `transformers`, for those who accept its licence: boxes by text, masks by box.

Its weights come under Meta's own "SAM License", not an open-source one, and behind a form on the Hub.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Access, Checkpoint
from afss_ros.teacher.models.loading import by_size, device, inference, load_model, load_processor, to_numpy
from afss_ros.teacher.prompts import CRAFT, PARTS, Prompts
from afss_ros.teacher.values import Box

CHECKPOINT = "facebook/sam3"
NOTICE = (
    "SAM 3's weights are under Meta's SAM License, which is not an open-source licence: it restricts some uses"
    " (military and nuclear ones among them) and passes its terms on to whoever gets the weights or what is made from"
    " them. Read it at https://github.com/facebookresearch/sam3/blob/main/LICENSE"
)
_log = logging.getLogger(__name__)


def require_acceptance(access: Access) -> None:
    """Go on only when the licence was accepted; the notice is shown once.

    Raises:
        TeacherError: it was not.
    """
    if not access.accept_licence:
        raise TeacherError(f"{NOTICE}; then run again with --accept-licence, or use another model (llmdet, sam2)")
    _show_notice()


@cache
def _show_notice() -> None:
    _log.warning("%s. You accepted it with --accept-licence.", NOTICE)


class Sam3Detector:
    """Boxes of phrases, each phrase a concept of its own. See `teacher.Detector`.

    An image is encoded once for all phrases.
    """

    reads = True
    classes = (CRAFT, *PARTS)

    def __init__(self, checkpoint: Checkpoint, *, box_threshold: float = 0.35) -> None:
        """Load the model.

        Raises:
            TeacherError: the checkpoint is not a SAM 3.
        """
        self.box_threshold = box_threshold
        self._processor = load_processor("Sam3Processor", checkpoint)
        self._model = load_model("Sam3Model", checkpoint)
        self.provenance: dict[str, object] = {
            "detector": "sam3",
            **checkpoint.provenance,
            "box_threshold": box_threshold,
        }

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        found: list[list[Box]] = [[] for _ in images]
        for group in by_size(images):
            batch = [images[index] for index in group]
            for index, boxes in zip(group, self._group(batch, prompts), strict=True):
                found[index] = sorted(boxes, key=lambda box: -box.score)
        return found

    def _group(self, images: list[NDArray[np.uint8]], prompts: Prompts) -> list[list[Box]]:
        found: list[list[Box]] = [[] for _ in images]
        pictures = self._processor(images=images, return_tensors="pt").to(device())
        sizes = [image.shape[:2] for image in images]
        with inference():
            vision = self._model.get_vision_features(pictures["pixel_values"])
            for name in prompts.classes:
                for phrase in prompts.phrases[name]:
                    text = self._processor(text=[phrase] * len(images), return_tensors="pt").to(device())
                    outputs = self._model(vision_embeds=vision, **text)
                    results = self._processor.post_process_instance_segmentation(
                        outputs, threshold=self.box_threshold, target_sizes=sizes
                    )
                    for boxes, result in zip(found, results, strict=True):
                        pairs = zip(to_numpy(result["scores"]), to_numpy(result["boxes"]), strict=True)
                        boxes += [Box(name, xyxy, float(score)) for score, xyxy in pairs]
        return found
