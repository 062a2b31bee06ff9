"""The resolver that was taught: a network in one `.onnx`, which holds its words and names in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from afss_ros.perception import Detection
from afss_ros.refer.errors import ReferError
from afss_ros.refer.resolver import FOUND, NONE, Answer
from afss_ros.refer.vocabulary import PADDING, Vocabulary
from afss_ros.student import letterbox
from afss_ros.student.runtime import open_session

PREFIX = "afss_refer."
VERSION = "1"
INPUTS = ("image", "tokens")
OUTPUTS = ("mask", "presence", "scores", "classes", "masks")
LARGEST = 1 << 30
"""Bytes of a file that is taken for a network."""
_SURE = 0.5
_HALF = 127


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What a referring network says of itself.

    Attributes:
        vocabulary: the words that it was taught, and how many it reads at once.
        nouns: names of the things that it finds, by number.
        input_size: (H, W) of the pictures that it takes; others are letterboxed into it.
        licence: of the weights.
        training_data: in words.
        metrics: name -> value, as they were measured while it was trained.
        weights_sha256: hash of the weights.
        student_sha256: of the weights of the student that the eyes stand on, as in the metadata of that student; "" for
            eyes of their own.
    """

    vocabulary: Vocabulary
    nouns: tuple[str, ...]
    input_size: tuple[int, int]
    licence: str
    training_data: str
    metrics: Mapping[str, Any]
    weights_sha256: str
    student_sha256: str = ""


def to_metadata(facts: NetworkFacts) -> dict[str, str]:
    """The metadata that an exporter writes into the `.onnx`."""
    values = {
        "version": VERSION,
        "vocabulary": facts.vocabulary.to_json(),
        "nouns": json.dumps(list(facts.nouns)),
        "input_size": json.dumps(list(facts.input_size)),
        "licence": facts.licence,
        "training_data": facts.training_data,
        "metrics": json.dumps(dict(facts.metrics)),
        "weights_sha256": facts.weights_sha256,
        **({"student_sha256": facts.student_sha256} if facts.student_sha256 else {}),
    }
    return {PREFIX + name: value for name, value in values.items()}


def from_metadata(metadata: Mapping[str, str], name: str) -> NetworkFacts:
    """Read what `to_metadata` wrote.

    Raises:
        ReferError: it is no referring network of this version; names the entry.
    """
    if (version := metadata.get(PREFIX + "version")) != VERSION:
        what = "is no referring network" if version is None else f"is of version {version!r}, this reads {VERSION!r}"
        raise ReferError(f"{name}: {what}; export one with `afss refer export RUN --out {name}`")
    entry = ""
    try:
        entry = "vocabulary"
        vocabulary = Vocabulary.from_json(metadata[PREFIX + entry])
        entry = "nouns"
        nouns = json.loads(metadata[PREFIX + entry])
        if not isinstance(nouns, list) or not nouns or not all(isinstance(noun, str) for noun in nouns):
            raise ValueError("a list of names is wanted")
        entry = "input_size"
        height, width = (int(side) for side in json.loads(metadata[PREFIX + entry]))
        entry = "metrics"
        metrics = dict(json.loads(metadata[PREFIX + entry]))
    except (KeyError, ValueError, TypeError) as err:
        raise ReferError(f"{name}: its {PREFIX}{entry} cannot be read ({err}); export it again") from err
    told = [metadata.get(PREFIX + key, "") for key in ("licence", "training_data", "weights_sha256", "student_sha256")]
    return NetworkFacts(vocabulary, tuple(nouns), (height, width), told[0], told[1], metrics, *told[2:])


class NetworkResolver:
    """Answers sentences with a referring network. Not thread-safe.

    Args:
        path: an `.onnx` of `afss refer export`.
        provider: "auto", "cuda", "tensorrt" or "cpu".
        threads: of the CPU work; 0 takes all physical cores.

    Raises:
        ReferError: the file is missing, or no referring network.
        StudentError: ONNX Runtime cannot run it on this provider.
    """

    def __init__(self, path: Path, provider: str = "auto", threads: int = 0) -> None:
        try:
            size = path.stat().st_size
            if not path.is_file() or size > LARGEST:
                raise ReferError(f"{path}: is no file of a network; export one with `afss refer export`")
            content = path.read_bytes()
        except OSError as err:
            raise ReferError(
                f"{path}: cannot be read ({err.strerror or err}); export one with `afss refer export RUN --out {path}`"
            ) from err
        session, self.provider, _ = open_session(content, name=path.name, provider=provider, threads=threads)
        try:
            self.facts = from_metadata(session.get_modelmeta().custom_metadata_map, path.name)
            _check(session, self.facts, path.name)
        except UnicodeDecodeError as err:  # ONNX Runtime hands on the bytes that the file holds
            raise ReferError(f"{path}: holds a name or an entry that is no text ({err}); export it again") from err
        self._session: Any = session
        height, width = self.facts.input_size
        self._canvas = np.zeros((height, width, 3), np.uint8)
        self._box = letterbox.fit((height, width), (height, width))

    @property
    def class_names(self) -> dict[int, str]:
        """Names of the things that it finds, from 1."""
        return dict(enumerate(self.facts.nouns, 1))

    def encode(self, text: str) -> NDArray[np.int64]:
        """Numbers of a sentence's words, int64 (L,).

        Raises:
            UnknownWordError: the network was never taught a word, nor one that means the same; it is named.
            SentenceError: the sentence is empty or too long.
        """
        return self.facts.vocabulary.encode(text)

    @property
    def blind(self) -> NDArray[np.int64]:
        """The tokens of no words at all, to see what the network says to a picture alone."""
        return np.full(self.facts.vocabulary.length, PADDING, np.int64)

    def resolve(self, image: NDArray[np.uint8], text: str) -> Answer:
        """Answer a sentence about an image, uint8 (H, W, 3) RGB.

        Raises:
            SentenceError: the sentence cannot be understood; the word is named.
        """
        return self.answer(image, self.encode(text))

    def answer(self, image: NDArray[np.uint8], tokens: NDArray[np.int64]) -> Answer:
        """Answer tokens int64 (L,) about an image, uint8 (H, W, 3) RGB."""
        size = (image.shape[0], image.shape[1])
        if size != self._box.source:
            self._box = letterbox.fit(size, self.facts.input_size)
            self._canvas[:] = letterbox.PAD_VALUE
        seen = np.ascontiguousarray(letterbox.apply(image, self._box, self._canvas))
        feed = {"image": seen[None], "tokens": tokens[None]}
        mask, presence, scores, classes, masks = self._session.run(list(OUTPUTS), feed)
        found = []
        for place in np.argsort(-scores[0], kind="stable"):
            if scores[0, place] <= 0:
                break
            own = self._at_source(masks[0, place])
            if own.any():
                name = self.facts.nouns[int(classes[0, place])]
                found.append(Detection(name, _box_of(own), float(min(1.0, scores[0, place])), own))
        there = float(presence[0])
        whole = self._at_source(mask[0]) if found else np.zeros(size, bool)
        if not found:
            return Answer(NONE, whole, (), 1 - min(there, _SURE), "there is none that the network sees", 0)
        names = ", ".join(detection.class_name for detection in found)
        why = f"{len(found)} of what the network sees ({names}), presence {there:.2f}"
        return Answer(FOUND, whole, tuple(found), min(d.score for d in found), why, len(found))

    def close(self) -> None:
        """Free the session."""
        self._session = None

    def __enter__(self) -> NetworkResolver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _at_source(self, mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """A mask of the network's view at any size, in the picture's own."""
        box, (high, wide) = self._box, mask.shape
        y, x = high / box.network[0], wide / box.network[1]
        scale_y, scale_x = box.scale_yx
        # Centres of source pixels on the map, in the corner convention.
        matrix = np.array(
            [
                [scale_x * x, 0, (box.left + 0.5 * scale_x) * x - 0.5],
                [0, scale_y * y, (box.top + 0.5 * scale_y) * y - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (box.source[1], box.source[0])
        return np.asarray(cv2.warpAffine(mask, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE) > _HALF)


def _box_of(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def _check(session: Any, facts: NetworkFacts, name: str) -> None:
    """That the graph takes and gives what the metadata says."""
    height, width = facts.input_size
    wanted = {
        "image": ("tensor(uint8)", [1, height, width, 3]),
        "tokens": ("tensor(int64)", [1, facts.vocabulary.length]),
    }
    inputs = {entry.name: (entry.type, list(entry.shape)) for entry in session.get_inputs()}
    outputs = tuple(entry.name for entry in session.get_outputs())
    if inputs != wanted or set(outputs) != set(OUTPUTS):
        raise ReferError(
            f"{name}: takes {inputs} and gives {', '.join(outputs)}, but {wanted} and {', '.join(OUTPUTS)} are wanted;"
            " export it again"
        )
