"""What is fuzzed: the ways on which bytes from outside come in. Each either works or says in its own words why not."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from afss_ros.images import ImageError
from afss_ros.perception import Frame
from afss_ros.sources import SourceError, open_source
from afss_ros.student import Student, StudentError, manifest
from fuzzing import seeds
from fuzzing.mutate import NUMBERS, spoilt


class Unforeseen(Exception):  # noqa: N818 - it is no error of the input, but what a target must never do
    """A command ended in a traceback."""


@dataclass(frozen=True)
class Target:
    """One way in.

    Attributes:
        make: an input from a source of chance.
        feed: gives an input to the package.
        expected: what it may raise.
    """

    make: Callable[[np.random.Generator], bytes]
    feed: Callable[[bytes], None]
    expected: tuple[type[Exception], ...]


@functools.cache
def _seeds(name: str) -> list[bytes]:
    made: list[bytes] = getattr(seeds, name)() + [content for _, content in seeds.found(name)]
    return made


def _spoil(name: str, random: np.random.Generator) -> bytes:
    corpus = _seeds(name)
    return spoilt(corpus[random.integers(len(corpus))], corpus[random.integers(len(corpus))], random)


def make_image(random: np.random.Generator) -> bytes:
    corpus = _seeds("images")
    seed = corpus[random.integers(len(corpus))]
    head, line_end, data = seed.partition(b"\n")
    if not head.startswith(b"{") or random.random() < 0.3:
        return spoilt(seed, corpus[random.integers(len(corpus))], random)
    fields: dict[str, Any] = json.loads(head)
    name = str(random.choice(("encoding", "height", "width", "step", "is_bigendian")))
    if name == "encoding":
        fields[name] = str(random.choice(("rgb8", "rgba8", "mono16", "yuv422", "32FC1", "8UC65", "", "x" * 300)))
    else:
        top = 256 if name == "is_bigendian" else 2**32
        fields[name] = int(random.choice((*NUMBERS, fields[name] + 1, fields[name] * 2))) % top
    return json.dumps(fields).encode() + line_end + (data if random.random() < 0.7 else data[: len(data) // 2])


@functools.cache
def _student() -> Student:
    path = Path(tempfile.mkdtemp()) / "tiny.onnx"
    path.write_bytes(_seeds("models")[0])
    return Student(path, provider="cpu", threads=1)


def feed_image(content: bytes) -> None:
    """As perception_node takes an image: message, picture, student, message."""
    from afss_ros.nodes import messages
    from afss_ros.nodes.image_input import Decoder

    head, _, data = content.partition(b"\n")
    message: Image | CompressedImage
    try:
        fields = json.loads(head)
        message = Image(**fields)
        message.data = data
    except Exception:  # then it is no raw one
        message = CompressedImage(format="jpeg" if content[:2] == b"\xff\xd8" else "png")
        message.data = content
    seen = _student()(Frame(Decoder(lambda: 16)(message)))
    assert seen.labels is not None
    messages.detections_message(seen.detections, {name: id_ for id_, name in seen.class_names.items()}, message.header)
    messages.image_message(seen.labels, "mono8", message.header)


def feed_model(content: bytes) -> None:
    """As the node's configure takes a student without a manifest."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.onnx"
        path.write_bytes(content)
        with Student(path, provider="cpu", threads=1, integrity="verify") as student:
            student.warm_up(1)
            student(Frame(seeds.picture()))


def feed_manifest(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "student.onnx"
        manifest.path_of(model).write_bytes(content)
        manifest.read(model)


def feed_recording(content: bytes) -> None:
    """As every command that plays a recording reads it, whatever it is called."""
    suffix = (
        ".mcap" if content[1:5] == b"MCAP" else ".db3" if content[:6] == b"SQLite" else ".png" if content[:4] else ""
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"recording{suffix}"
        path.write_bytes(content)
        with open_source(path) as source:
            for _ in source:
                pass


def make_set(random: np.random.Generator) -> bytes:
    """A form of set, one of its files, and how it is spoilt; the set is written when it is fed."""
    forms = sorted(seeds.sets())
    return json.dumps({"form": str(random.choice(forms)), "chance": int(random.integers(2**32))}).encode()


def feed_set(content: bytes) -> None:
    """`afss data check` on a set with one file spoilt."""
    from afss_ros.cli import main

    how = json.loads(content)
    random = np.random.default_rng(how["chance"])
    with tempfile.TemporaryDirectory() as folder:
        root = _good_set(how["form"], Path(folder))
        files = sorted(path for path in root.rglob("*") if path.is_file())
        indexes = [path for path in files if path.suffix not in (".png", ".jpg", ".jpeg")] or files
        chosen = indexes if random.random() < 0.8 else files
        path = chosen[random.integers(len(chosen))]
        text = _numbers_spoilt if random.random() < 0.5 else spoilt
        path.write_bytes(text(path.read_bytes(), files[random.integers(len(files))].read_bytes(), random))
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            code = main(["data", "check", str(root)])
    if code not in (0, 1, 3) or "Traceback" in complained.getvalue():
        raise Unforeseen(f"{path.relative_to(root)}: code {code}: {complained.getvalue()[-2000:]}")


@functools.cache
def _written(form: str) -> Path:
    return seeds.sets()[form](Path(tempfile.mkdtemp()) / form)


def _good_set(form: str, folder: Path) -> Path:
    return Path(shutil.copytree(_written(form), folder / form))


_VALUES: tuple[bytes, ...] = (
    b"-1", b"0", b"1e9", b"1e308", b"NaN", b"Infinity", b"-0.5", b"null", b"[]", b"{}", b'""', b"9" * 400,
    b'"../../x"', b'"/etc/passwd"', b'"\\u0000"', b"[[[[1,2,3]]]]", b"true", b"1" + b"0" * 30,
)  # fmt: skip


def _numbers_spoilt(content: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """One number of a text, or one string, exchanged for another."""
    places = list(re.finditer(rb"-?\d+(?:\.\d+)?|\"[^\"]*\"", content))
    if not places:
        return spoilt(content, other, random)
    place = places[random.integers(len(places))]
    return content[: place.start()] + _VALUES[random.integers(len(_VALUES))] + content[place.end() :]


TARGETS: dict[str, Target] = {
    "images": Target(make_image, feed_image, (ImageError,)),
    "models": Target(functools.partial(_spoil, "models"), feed_model, (StudentError,)),
    "manifests": Target(functools.partial(_spoil, "manifests"), feed_manifest, (StudentError,)),
    "recordings": Target(functools.partial(_spoil, "recordings"), feed_recording, (SourceError,)),
    "sets": Target(make_set, feed_set, ()),
}
