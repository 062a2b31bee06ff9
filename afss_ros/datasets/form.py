"""The in-memory form of a data set: `Dataset` of `Sample` of `Instance`. Every reader makes it, every writer takes it.

Nothing here opens an image before it is asked to: a data set is a list of paths and small facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afss_ros.datasets import rle as run_length
from afss_ros.datasets.errors import DatasetError
from afss_ros.datasets.pictures import read_bright, read_component_ids, read_label_ids, read_rgb
from afss_ros.datasets.rle import Rle
from afss_ros.labels import BACKGROUND, CLASS_NAMES, SPACECRAFT, UNLABELLED

WHOLE = CLASS_NAMES[SPACECRAFT]
"""Class name of an instance that is a whole craft."""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One object in one image.

    Attributes:
        class_name: "spacecraft" for a whole craft, or the name of a part.
        box_xyxy: float32 (4,), pixels, corner convention (see `afss_ros.perception`).
        rle: the mask as COCO run lengths `{"size": [H, W], "counts": str}`; None when only the box is known.
        score: 1.0 for ground truth, the labeller's confidence for pseudo-labels.
    """

    class_name: str
    box_xyxy: NDArray[np.float32]
    rle: Rle | None = None
    score: float = 1.0

    def __post_init__(self) -> None:
        box = self.box_xyxy
        if box.shape != (4,) or box.dtype != np.float32:
            raise DatasetError(f"Instance.box_xyxy must be float32 (4,), got {box.dtype} {box.shape}")
        if not (np.isfinite(box).all() and box[2] >= box[0] and box[3] >= box[1]):
            raise DatasetError(f"Instance.box_xyxy must be x_min, y_min, x_max, y_max, got {box.tolist()}")

    @classmethod
    def from_mask(cls, class_name: str, mask: NDArray[np.bool_], score: float = 1.0) -> Instance:
        """The instance that covers `mask` bool (H, W), with the tight box around it."""
        return cls(class_name, run_length.box_of(mask), run_length.encode(mask), score)

    def mask(self) -> NDArray[np.bool_] | None:
        """The mask as bool (H, W), or None when only the box is known."""
        return None if self.rle is None else run_length.decode(self.rle)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image and what is known about it.

    Attributes:
        key: unique in the data set; names the files on disk.
        image: path of the picture.
        labels: path of the label map, None when parts are unknown.
        width, height: of the image, pixels.
        instances: None when nobody looked for objects; an empty tuple when there are none.
        split: "train", "val" or "test"; "" when the set has no splits.
        sequence: frames of one sequence must not be divided between splits; "" when frames are independent.
        attributes: anything else worth keeping: craft name, pose, sun direction, ...
        decode_labels: how the file at `labels` becomes class ids, uint8 (H, W). A module-level function (workers
            pickle samples).
        parts: the parts that were looked for when the label map was made, body apart; what is none of them is body, so
            a part that was not looked for may be among it. None when nobody said: the set's class names then tell.
        only: the parts that were labelled where nobody marked the rest of the craft, so that background may be craft;
            None where background is background.
        label_ids: the ids that may occur in the label map, 255 apart; None for any.
        complete: whether `instances` are all that is there. False where an object could not be read.
        craft_mask: path of a picture of the whole craft, for sets that know no parts.
        decode_craft: how the file at `craft_mask` becomes a mask, bool (H, W).
        components: path of a picture of 16-bit ids, where the set's maker knows which wing or dish a pixel shows: 256
            times the craft's number plus the component's. The attribute "components" says what each id is.
        one_craft: the set promises exactly one craft an image, so the mask of "craft" is the mask of that one.
    """

    key: str
    image: Path
    labels: Path | None
    width: int
    height: int
    instances: tuple[Instance, ...] | None = None
    split: str = ""
    sequence: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    decode_labels: Callable[[Path], NDArray[np.uint8]] = read_label_ids
    parts: tuple[str, ...] | None = None
    only: tuple[str, ...] | None = None
    label_ids: frozenset[int] | None = None
    complete: bool = True
    craft_mask: Path | None = None
    decode_craft: Callable[[Path], NDArray[np.bool_]] = read_bright
    components: Path | None = None
    one_craft: bool = False

    @property
    def searched(self) -> bool:
        """Whether anybody looked for craft here, and listed them all or labelled their parts.

        Without that, nothing found means nothing. A `craft_mask` alone does not count: it says where, not how many.
        """
        marked = self.labels is not None and self.only is None
        return self.complete and (self.instances is not None or marked)

    def read_image(self) -> NDArray[np.uint8]:
        """The picture, uint8 (height, width, 3), RGB.

        Raises:
            DatasetError: it is missing, unreadable, cut off, or not of the declared size.
        """
        image = read_rgb(self.image, (self.width, self.height))
        self._require_size(self.image, image.shape[:2])
        return image

    def read_labels(self) -> NDArray[np.uint8]:
        """The label map, uint8 (height, width), ids of `afss_ros.labels`.

        Raises:
            DatasetError: there is none (`labels` is None), it is unreadable, not of the image's size, or holds an id
                that is no class of the set.
        """
        if self.labels is None:
            raise DatasetError(f"{self.key}: has no label map; ask `sample.labels is not None` first")
        labels = self.decode_labels(self.labels)
        self._require_size(self.labels, labels.shape)
        require_classes(self.labels, labels, self.label_ids)
        return labels

    def read_components(self) -> NDArray[np.uint16]:
        """Which component of which craft each pixel shows, uint16 (height, width); see `components`.

        Raises:
            DatasetError: there is none (`components` is None), it is unreadable, or not of the image's size.
        """
        if self.components is None:
            raise DatasetError(f"{self.key}: does not tell components apart; ask `sample.components is not None` first")
        ids = read_component_ids(self.components)
        self._require_size(self.components, ids.shape)
        return ids

    def read_craft_mask(self) -> NDArray[np.bool_] | None:
        """Pixels of any craft, bool (height, width), from the best there is: parts, mask picture, instance masks.

        None when the set knows boxes or some parts only, or not every craft. Unlabelled pixels count as no craft.
        """
        if self.labels is not None and self.only is None:
            labels = self.read_labels()
            return np.asarray((labels != BACKGROUND) & (labels != UNLABELLED), bool)
        if self.craft_mask is not None:
            mask = self.decode_craft(self.craft_mask)
            self._require_size(self.craft_mask, mask.shape)
            return mask
        if self.instances is None or not self.complete or any(i.rle is None for i in self.instances):
            return None
        union = np.zeros((self.height, self.width), bool)
        for instance in self.instances:
            part = instance.mask()
            assert part is not None
            self._require_size(self.image, part.shape)
            union |= part
        return union

    def read_instances(self) -> tuple[Instance, ...] | None:
        """The instances, with what the masks on disk add when the set promises one craft an image: its box or mask.

        None when nobody looked for objects.
        """
        whole = [i for i in self.instances or () if i.class_name == WHOLE]
        complete = self.instances is not None and (len(whole) != 1 or whole[0].rle is not None)
        mask = None if complete or not self.one_craft else self.read_craft_mask()
        if mask is None:
            return self.instances
        if self.instances is None:
            return (Instance.from_mask(WHOLE, mask),) if mask.any() else ()
        full = replace(whole[0], rle=run_length.encode(mask))
        return tuple(full if i is whole[0] else i for i in self.instances)

    def _require_size(self, path: Path, size: tuple[int, ...]) -> None:
        if tuple(size) != (self.height, self.width):
            raise DatasetError(f"{path}: is {size[1]}x{size[0]}, but the set says {self.width}x{self.height}")


def require_classes(path: Path, labels: NDArray[np.uint8], known: frozenset[int] | None) -> None:
    """Refuse a label map (H, W) that holds an id which is none of `known` and not 255; None knows all.

    Raises:
        DatasetError: names file, id and how many pixels have it.
    """
    if known is None:
        return
    counts = np.bincount(labels.ravel(), minlength=256)
    for identifier in np.flatnonzero(counts).tolist():
        if identifier != UNLABELLED and identifier not in known:
            raise DatasetError(
                f"{path}: id {identifier} ({counts[identifier]} pixels) is no class; they are {sorted(known)}"
            )


@dataclass(frozen=True, slots=True)
class Problem:
    """One file or record that was skipped: where it is, and why."""

    where: str
    reason: str

    def __str__(self) -> str:
        # Names of files may hold bytes that are no text, which no terminal prints.
        return f"{self.where}: {self.reason}".encode(errors="backslashreplace").decode()


SHOWN_PROBLEMS = 10
"""How many problems are read by a person in a log or a table; after that their number tells more."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Samples that can be used, and the problems of those that cannot.

    Attributes:
        root: the folder it came from.
        class_names: label id -> name, of the label maps and the instances.
        samples: in the set's own order.
        problems: what was skipped, each named with its reason.
        notes: what else to know of it: nothing is wrong, but it may not be what somebody meant.
        provenance: how the set came to be, where it says so.
    """

    root: Path
    class_names: dict[int, str]
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits that occur, sorted."""
        return tuple(sorted({s.split for s in self.samples}))

    def only(self, split: str | None) -> Dataset:
        """The part of this set in one split; all of it for None.

        Raises:
            DatasetError: there is no such split.
        """
        if split is None:
            return self
        if self.samples and split not in self.splits:
            known = ", ".join(s or "(none)" for s in self.splits)
            raise DatasetError(f"{self.root}: no split {split!r}; it has {known}. Name one, or none for every sample")
        chosen = tuple(s for s in self.samples if s.split == split)
        return replace(self, samples=chosen)

    def told_problems(self, most: int = SHOWN_PROBLEMS) -> tuple[str, ...]:
        """What to log of the problems: `most` of them in full, and of more how many they are and what names each."""
        told = tuple(str(problem) for problem in self.problems[:most])
        if (more := len(self.problems) - most) <= 0:
            return told
        return (*told, f"{self.root}: {more} problems more; `afss data check {self.root}` counts and names them")
