"""Masks with SAM 2.1 (arXiv 2408.00714) through `transformers`: in one image, and along a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.teacher.models.checkpoints import Checkpoint
from afss_ros.teacher.models.loading import device, inference, load_model, load_processor, to_numpy
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.values import Box, Mask

CHECKPOINT = "facebook/sam2.1-hiera-large"


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    embeddings: list[Any]
    original_sizes: Any


class Sam2Segmenter:
    """Masks of boxes in one image. See `teacher.Segmenter`. The mask score is the model's own estimate of IoU."""

    def __init__(self, checkpoint: Checkpoint, family: str = "sam2") -> None:
        """Load the model.

        Args:
            family: `sam2`, or `sam3` for the tracker of SAM 3, which is asked in the same way.

        Raises:
            TeacherError: the checkpoint is not of this family.
        """
        kind = {"sam2": "Sam2", "sam3": "Sam3Tracker"}[family]
        self._processor = load_processor(f"{kind}Processor", checkpoint)
        self._model = load_model(f"{kind}Model", checkpoint)
        self.provenance: dict[str, object] = {"segmenter": family, **checkpoint.provenance}

    def encode(self, image: Rgb) -> _Encoded:
        """See `teacher.Segmenter.encode`."""
        inputs = self._processor(images=image, return_tensors="pt").to(device())
        with inference():
            embeddings = self._model.get_image_embeddings(inputs["pixel_values"])
        return _Encoded(embeddings, inputs["original_sizes"].cpu())

    def segment(self, features: _Encoded, boxes: Sequence[Box]) -> list[Mask]:
        """See `teacher.Segmenter.segment`."""
        corners = [[box.xyxy.tolist() for box in boxes]]
        prompt = self._processor(input_boxes=corners, original_sizes=features.original_sizes, return_tensors="pt")
        with inference():
            outputs = self._model(
                image_embeddings=features.embeddings,
                input_boxes=prompt["input_boxes"].to(device()),
                multimask_output=False,
            )
        masks = self._processor.post_process_masks(outputs.pred_masks.float().cpu(), features.original_sizes)[0]
        scores = to_numpy(outputs.iou_scores)[0, :, 0].clip(0.0, 1.0)
        return [Mask(mask[0].numpy().astype(bool), float(score)) for mask, score in zip(masks, scores, strict=True)]


class Sam2Propagator:
    """Carries masks through a chunk of video with SAM 2's memory. See `teacher.Propagator`."""

    trust = 1.0

    def __init__(self, checkpoint: Checkpoint, family: str = "sam2") -> None:
        """Load the model; `family` and errors as for `Sam2Segmenter`."""
        kind = {"sam2": "Sam2Video", "sam3": "Sam3TrackerVideo"}[family]
        self._processor = load_processor(f"{kind}Processor", checkpoint)
        self._model = load_model(f"{kind}Model", checkpoint)
        self.provenance: dict[str, object] = {"propagator": family, **checkpoint.provenance}

    def propagate(self, images: Sequence[Rgb], masks: Sequence[NDArray[np.bool_]]) -> list[list[NDArray[np.bool_]]]:
        """See `teacher.Propagator.propagate`."""
        if not masks:
            return [[] for _ in images]
        # One session a chunk: its memory grows with the frames it has seen, and ends with the chunk.
        session = self._processor.init_video_session(video=list(images), inference_device=device())
        self._processor.add_inputs_to_inference_session(
            session,
            frame_idx=0,
            obj_ids=list(range(len(masks))),
            input_masks=[mask.astype(np.float32) for mask in masks],
        )
        size = [[images[0].shape[0], images[0].shape[1]]]
        carried: dict[int, list[NDArray[np.bool_]]] = {0: list(masks)}
        with inference():
            for output in self._model.propagate_in_video_iterator(session, start_frame_idx=0):
                if output.frame_idx == 0:
                    continue
                logits = self._processor.post_process_masks([output.pred_masks.float().cpu()], size, binarize=False)[0]
                by_id = dict(zip(output.object_ids or session.obj_ids, to_numpy(logits)[:, 0] > 0.0, strict=True))
                carried[output.frame_idx] = [np.asarray(by_id[i], bool) for i in range(len(masks))]
        return [carried[i] for i in range(len(images))]
