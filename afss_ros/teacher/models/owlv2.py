"""Boxes by text with OWLv2 (arXiv 2306.09683) through `transformers`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.models.checkpoints import Checkpoint
from afss_ros.teacher.models.loading import by_size, device, inference, load_model, load_processor, to_numpy
from afss_ros.teacher.prompts import CRAFT, PARTS, Prompts
from afss_ros.teacher.values import Box

CHECKPOINT = "google/owlv2-base-patch16-ensemble"


class Owlv2:
    """Boxes of phrases, each phrase scored by itself. See `teacher.Detector`.

    Its scores run lower than Grounding DINO's: a `box_threshold` of 0.1 to 0.2 is usual.
    """

    reads = True
    classes = (CRAFT, *PARTS)

    def __init__(self, checkpoint: Checkpoint, *, box_threshold: float = 0.35):
        """Load the model.

        Raises:
            TeacherError: the checkpoint is not an OWLv2.
        """
        self.box_threshold = box_threshold
        self._processor = load_processor("Owlv2Processor", checkpoint)
        self._model = load_model("Owlv2ForObjectDetection", checkpoint)
        self.provenance: dict[str, object] = {
            "detector": "owlv2",
            **checkpoint.provenance,
            "box_threshold": box_threshold,
        }

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Prompts) -> list[list[Box]]:
        """See `teacher.Detector.detect`."""
        queries = [(name, phrase) for name in prompts.classes for phrase in prompts.phrases[name]]
        texts = [f"a photo of a {phrase}" for _, phrase in queries]  # the template it was trained with
        found: list[list[Box]] = [[] for _ in images]
        for group in by_size(images):
            batch = [images[index] for index in group]
            inputs = self._processor(text=[texts] * len(batch), images=batch, return_tensors="pt").to(device())
            with inference():
                outputs = self._model(**inputs)
            outputs.logits, outputs.pred_boxes = outputs.logits.float(), outputs.pred_boxes.float()
            results = self._processor.post_process_grounded_object_detection(
                outputs, threshold=self.box_threshold, target_sizes=[image.shape[:2] for image in batch]
            )
            for index, result in zip(group, results, strict=True):
                rows = zip(to_numpy(result["scores"]), to_numpy(result["boxes"]), result["labels"], strict=True)
                boxes = [Box(queries[int(label)][0], xyxy, float(score)) for score, xyxy, label in rows]
                found[index] = sorted(boxes, key=lambda box: -box.score)
        return found
