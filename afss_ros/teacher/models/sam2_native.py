"""Masks with SAM 2.1 through Meta's own `sam2` package and its checkpoints (`sam2.1_hiera_large.pt` and the like).

The package is an extra of its own (`pip install 'afss_ros[sam2]'`): on PyPI it is a third party's packaging of Meta's
code. Checkpoints are pickles; the package opens them with torch's `weights_only`, which runs no code.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets.pictures import encode_picture
from afss_ros.teacher.errors import TeacherError
from afss_ros.teacher.models.checkpoints import Checkpoint, find_file
from afss_ros.teacher.models.loading import device, inference
from afss_ros.teacher.protocols import Rgb
from afss_ros.teacher.values import Box, Mask

CHECKPOINT = "sam2.1_hiera_large.pt"
_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/092824"
_SIZES = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}


def find_checkpoint(name: str) -> Checkpoint:
    """The checkpoint file `name` (a path, or a file in `$AFSS_CHECKPOINTS`).

    Raises:
        TeacherError: it is not here; says where to get it and where to put it.
    """
    return find_file(name, f"{_URL}/{Path(name).name}")


def config_of(checkpoint: Checkpoint) -> str:
    """The name of the Hydra configuration inside the `sam2` package that belongs to one of Meta's files.

    Raises:
        TeacherError: the file's name does not tell.
    """
    for size, letter in _SIZES.items():
        for version in ("sam2.1", "sam2"):
            if checkpoint.path.name.startswith(f"{version}_hiera_{size}"):
                return f"configs/{version}/{version}_hiera_{letter}.yaml"
    raise TeacherError(
        f"{checkpoint.path.name} is none of Meta's file names; name its configuration:"
        " --set segmenter.config=configs/sam2.1/sam2.1_hiera_l.yaml"
    )


def _builder(name: str) -> Any:
    try:
        from sam2 import build_sam
    except ImportError as error:
        raise TeacherError(
            f"the sam2 package is not installed ({error}); pip install 'afss_ros[sam2]', or use the segmenter 'sam2',"
            " which runs the same model through transformers"
        ) from error
    except Exception as error:  # it sets Hydra up while it is imported
        raise TeacherError(
            f"the sam2 package is installed but cannot be imported: {type(error).__name__}: {error}; get the versions"
            " that go together with: pip install 'afss_ros[sam2]'"
        ) from error
    _quieten()
    return getattr(build_sam, name)


def _quieten() -> None:
    """Give the package a logger of its own and take its progress bars: it tells the root logger of every image."""
    from sam2 import build_sam, sam2_image_predictor, sam2_video_predictor
    from sam2.utils import misc

    logger = logging.getLogger("sam2")
    logger.setLevel(logging.WARNING)
    build_sam.logging = sam2_image_predictor.logging = logger
    sam2_video_predictor.tqdm = misc.tqdm = lambda items, **_: items


def _build(name: str, checkpoint: Checkpoint, config: str) -> Any:
    try:
        return _builder(name)(config or config_of(checkpoint), str(checkpoint.path), device=device())
    except TeacherError:
        raise
    except Exception as error:  # Hydra, torch and the package each have their own
        raise TeacherError(f"{checkpoint.path} cannot be loaded as SAM 2: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    features: dict[str, Any]
    size: tuple[int, int]


class Sam2NativeSegmenter:
    """Masks of boxes in one image. See `teacher.Segmenter`. The mask score is the model's own estimate of IoU."""

    def __init__(self, checkpoint: Checkpoint, config: str = "") -> None:
        """Load the model; `config` is found by the checkpoint's name when empty.

        Raises:
            TeacherError: the package is missing, or the checkpoint is not a SAM 2.
        """
        model = _build("build_sam2", checkpoint, config)
        from sam2.sam2_image_predictor import SAM2ImagePredictor

        self._predictor = SAM2ImagePredictor(model)
        self.provenance: dict[str, object] = {"segmenter": "sam2_native", **checkpoint.provenance}

    def encode(self, image: Rgb) -> _Encoded:
        """See `teacher.Segmenter.encode`."""
        with inference():
            self._predictor.set_image(image)
        # The predictor keeps one image; its features are taken out, so that several images can be held at once.
        return _Encoded(self._predictor._features, (image.shape[0], image.shape[1]))

    def segment(self, features: _Encoded, boxes: Sequence[Box]) -> list[Mask]:
        """See `teacher.Segmenter.segment`."""
        predictor = self._predictor
        predictor._features, predictor._orig_hw, predictor._is_image_set = features.features, [features.size], True
        corners = np.stack([box.xyxy for box in boxes])
        with inference():
            masks, scores, _ = predictor.predict(box=corners, multimask_output=False)
        masks, scores = masks.reshape(len(boxes), *features.size), np.asarray(scores).reshape(len(boxes))
        return [
            Mask(np.asarray(mask > 0, bool), float(np.clip(score, 0, 1)))
            for mask, score in zip(masks, scores, strict=True)
        ]


class Sam2NativePropagator:
    """Carries masks through a chunk of video with SAM 2's memory. See `teacher.Propagator`."""

    trust = 1.0

    def __init__(self, checkpoint: Checkpoint, config: str = "") -> None:
        """Load the model; as `Sam2NativeSegmenter`."""
        self._predictor = _build("build_sam2_video_predictor", checkpoint, config)
        self.provenance: dict[str, object] = {"propagator": "sam2_native", **checkpoint.provenance}

    def propagate(self, images: Sequence[Rgb], masks: Sequence[NDArray[np.bool_]]) -> list[list[NDArray[np.bool_]]]:
        """See `teacher.Propagator.propagate`."""
        if not masks:
            return [[] for _ in images]
        carried: dict[int, list[NDArray[np.bool_]]] = {0: list(masks)}
        with tempfile.TemporaryDirectory(prefix="afss-sam2-") as folder, inference():
            for number, image in enumerate(images):  # the package reads a video from files alone
                (Path(folder) / f"{number}.jpg").write_bytes(encode_picture(image, ".jpg", 100))
            state = self._predictor.init_state(folder)
            for number, mask in enumerate(masks):
                self._predictor.add_new_mask(state, 0, number, mask)
            for frame, ids, logits in self._predictor.propagate_in_video(state):
                if frame > 0:
                    found = dict(zip(ids, logits[:, 0].float().cpu().numpy() > 0.0, strict=True))
                    carried[frame] = [np.asarray(found[number], bool) for number in range(len(masks))]
        return [carried[number] for number in range(len(images))]
