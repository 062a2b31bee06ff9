"""What a student's file must be: a manifest beside it, `<name>.onnx.manifest.json`, with hash, size and known answer.

A file that contradicts its manifest is not the file that was made: copied in part, damaged on its way or in storage, or
replaced without its manifest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from afss_ros.images import ImageError, decode_compressed, encode_compressed
from afss_ros.student import durable
from afss_ros.student.errors import StudentError
from afss_ros.student.known_answer import LEAST_AGREEMENT, KnownAnswer

FORMAT = 1
SUFFIX = ".manifest.json"
MAX_BYTES = 64 << 20
"""Of a manifest: two pictures as text, and a few numbers."""
LOWEST_AGREEMENT = 0.5
"""A manifest that asks for less asks for nothing."""
INTEGRITY = ("verify", "require", "warn")
_CURE = "copy it again from where it was made, or make it anew: afss manifest"


class ManifestError(StudentError):
    """A manifest cannot be read, or the student beside it is not the one that it tells of."""


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """What is known of a student's file.

    Attributes:
        sha256: of the whole file, hexadecimal.
        size: of the file in bytes.
        known_answer: what it must say of which frame; None for a student without a label map.
    """

    sha256: str
    size: int
    known_answer: KnownAnswer | None = None

    def check(self, name: str, sha256: str, size: int) -> None:
        """Compare with the file that was read.

        Raises:
            ManifestError: it is another one; says which and what to do.
        """
        if (sha256, size) != (self.sha256, self.size):
            raise ManifestError(
                f"{name} is not the file that its manifest tells of: {size} bytes with sha256 {sha256[:16]}...,"
                f" expected {self.size} bytes with {self.sha256[:16]}...; copy both again from where they were made"
            )


def path_of(model: Path) -> Path:
    """Where the manifest of the student at `model` lies."""
    return model.with_name(model.name + SUFFIX)


def read(model: Path) -> Manifest | None:
    """The manifest beside `model`; None where there is none.

    Raises:
        ManifestError: it is there and cannot be understood.
    """
    path = path_of(model)
    try:
        document = json.loads(_content(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:  # brackets nest deeper than Python's own parser goes
        raise ManifestError(
            f"{path}: cannot be read ({error}); copy it again, or make it anew: afss manifest"
        ) from error
    try:
        if document["format"] != FORMAT:
            raise ManifestError(f"{path}: its format is {document['format']!r}, this version reads {FORMAT}")
        sha256, size, known = document["sha256"], document["size"], document.get("known_answer")
        if not isinstance(sha256, str) or len(sha256) != 64 or not isinstance(size, int):
            raise ManifestError(f"{path}: sha256 must be 64 hexadecimal digits and size a number of bytes")
        return Manifest(sha256.lower(), size, None if known is None else _known_answer(known))
    except (KeyError, TypeError, ValueError, ImageError, binascii.Error) as error:
        raise ManifestError(
            f"{path}: not a manifest ({type(error).__name__}: {error}); make it anew: afss manifest"
        ) from error


def checked(model: Path, sha256: str, size: int, integrity: str) -> tuple[Manifest | None, str]:
    """The manifest beside `model`, and what it gives reason to warn of ("" for nothing).

    Args:
        sha256, size: of the file as it was read.
        integrity: what to do about a contradiction, and about no manifest: "verify" refuses the former, "require" both;
            "warn" neither.

    Raises:
        ManifestError: the student is refused.
    """
    if integrity not in INTEGRITY:
        raise ManifestError(f"integrity must be one of {', '.join(INTEGRITY)}, got {integrity!r}")
    try:
        manifest = read(model)
        if manifest is not None:
            manifest.check(str(model), sha256, size)
        elif integrity != "verify":
            raise ManifestError(f"{model} has no manifest beside it ({path_of(model).name}); make one: afss manifest")
    except ManifestError as error:
        if integrity != "warn":
            raise
        return None, str(error)
    return manifest, ""


def write(model: Path, manifest: Manifest) -> Path:
    """Put `manifest` beside `model`, whole or not at all; returns its path."""
    document: dict[str, Any] = {"format": FORMAT, "sha256": manifest.sha256, "size": manifest.size}
    known = manifest.known_answer
    if known is not None:
        document["known_answer"] = {
            "least_agreement": known.least_agreement,
            "image_png": base64.b64encode(encode_compressed(known.image, "png")).decode(),
            "labels_png": base64.b64encode(encode_compressed(known.labels, "png")).decode(),
        }
    path = path_of(model)
    durable.put(path, (json.dumps(document, indent=1) + "\n").encode())
    return path


def of_file(model: Path, known_answer: KnownAnswer | None = None) -> Manifest:
    """The manifest of the file at `model` as it is."""
    content = model.read_bytes()
    return Manifest(hashlib.sha256(content).hexdigest(), len(content), known_answer)


def _content(path: Path) -> bytes:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(f"{path.name} is no regular file")
    if facts.st_size > MAX_BYTES:
        raise OSError(f"{path.name} has {facts.st_size} bytes, a manifest {MAX_BYTES} at most")
    return path.read_bytes()


def _known_answer(document: dict[str, Any]) -> KnownAnswer:
    image, labels = (
        decode_compressed(base64.b64decode(document[key], validate=True), "png") for key in ("image_png", "labels_png")
    )
    least = float(document.get("least_agreement", LEAST_AGREEMENT))
    if not LOWEST_AGREEMENT <= least <= 1.0:
        raise ValueError(f"least_agreement is {least}, which tells no answer from another; {LOWEST_AGREEMENT} to 1")
    return KnownAnswer(image, np.ascontiguousarray(labels[..., 0]), least)
