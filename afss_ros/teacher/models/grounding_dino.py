"""Boxes by text: Grounding DINO, MM-Grounding-DINO and LLMDet, which are one family to `transformers`.

Grounding DINO (arXiv 2303.05499) is what AFSS uses; MM-Grounding-DINO (arXiv 2401.02361) and LLMDet
(arXiv 2501.18954) share its heads and find more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.models.checkpoints import Checkpoint
from afss_ros.teacher.models.loading import by_size, device, inference, load_model, load_processor, to_numpy
from afss_ros.teacher.prompts import CRAFT, PARTS, Prompts
from afss_ros.teacher.values import Box

CHECKPOINTS = {
    "grounding_dino": "IDEA-Research/grounding-dino-tiny",
    "mm_grounding_dino": "openmmlab-community/mm_grounding_dino_large_all",
    "llmdet": "iSEE-Laboratory/llmdet_large",
}
"""Detector name -> the checkpoint that it means by default."""


class GroundingDino:
    """Boxes of the phrases of a prompt. See `teacher.Detector`."""

    reads = True
    classes = (CRAFT, *PARTS)

    def __init__(self, name: str, checkpoint: Checkpoint, *, box_threshold: float = 0.35, text_threshold: float = 0.25):
        """Load the model.

        Args:
            box_threshold: boxes whose best token scores less are not returned.
            text_threshold: tokens above it make the name of what was found.

        Raises:
            TeacherError: the checkpoint is not one of this family.
        """
        self.box_threshold, self.text_threshold = box_threshold, text_threshold
        self._processor = load_processor("AutoProcessor", checkpoint)
        self._model = load_model("AutoModelForZeroShotObjectDetection", checkpoint)
        self.provenance: dict[str, object] = {
            "detector": name,
            **checkpoint.provenance,
            "box_threshold": box_threshold,
            "text_threshold": text_threshold,
        }

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        found: list[list[Box]] = [[] for _ in images]
        text = " ".join(f"{phrase}." for name in prompts.classes for phrase in prompts.phrases[name])
        for group in by_size(images):
            results = self._run([images[index] for index in group], text)
            for index, result in zip(group, results, strict=True):
                found[index] = _boxes(result, prompts)
        return found

    def _run(self, images: list[NDArray[np.uint8]], text: str) -> list[dict[str, object]]:
        inputs = self._processor(images=images, text=[text] * len(images), return_tensors="pt").to(device())
        with inference():
            outputs = self._model(**inputs)
        outputs.logits = outputs.logits.float()  # scores are compared with thresholds: not in bf16
        outputs.pred_boxes = outputs.pred_boxes.float()
        results: list[dict[str, object]] = self._processor.post_process_grounded_object_detection(
            outputs,
            inputs.input_ids,
            threshold=self.box_threshold,
            text_threshold=self.text_threshold,
            target_sizes=[image.shape[:2] for image in images],
        )
        return results


def _boxes(result: dict[str, object], prompts: Prompts) -> list[Box]:
    scores, corners = to_numpy(result["scores"]), to_numpy(result["boxes"])
    texts = result["text_labels"]
    assert isinstance(texts, list)
    boxes = []
    for score, xyxy, text in zip(scores, corners, texts, strict=True):
        # A box whose name no token made clear can only be the craft when nothing else was asked for.
        name = prompts.class_of(text) or (None if prompts.parts else CRAFT)
        if name is not None:
            boxes.append(Box(name, xyxy, float(score)))
    return sorted(boxes, key=lambda box: -box.score)
