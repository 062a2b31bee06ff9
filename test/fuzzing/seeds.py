"""The corpus: good inputs of every kind, small enough to be made anew each time, and the names of what was found bad.

What a fuzzing run found is kept in `found/<target>/`, under a name that says what it did, and is tried before all else.
"""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from small_sets import SETS
from tiny_students import build_boxes_student, build_partly_placed_student, build_tiny_student

from afss_ros.bags import BagWriter, messages
from afss_ros.images import encode_compressed
from afss_ros.student import manifest
from afss_ros.student.known_answer import KnownAnswer
from fuzzing.mutate import with_checksums

FOUND = Path(__file__).parent / "found"
SECOND = 10**9


def found(target: str) -> list[tuple[str, bytes]]:
    """What was found before, by this or by people who meant ill: name and content."""
    folder = FOUND / target
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [(path.name, path.read_bytes()) for path in paths] + HOSTILE.get(target, list)()


def hostile_images() -> list[tuple[str, bytes]]:
    """Pictures of a few bytes that claim to be 65,000 pixels a side, and raw ones that contradict their data."""
    jpeg, png = bytearray(encode_compressed(picture(), "jpeg")), bytearray(encode_compressed(picture(), "png"))
    frame = jpeg.index(b"\xff\xc0")
    struct.pack_into(">HH", jpeg, frame + 5, 65_000, 65_000)
    struct.pack_into(">II", png, 16, 65_000, 65_000)
    return [
        ("a_jpeg_that_claims_more", bytes(jpeg)),
        ("a_png_that_claims_more", with_checksums(bytes(png))),
        ("rows_without_end", raw("rgb8", 2**32 - 1, 2**32 - 1, 2**32 - 1, b"")),
        ("no_rows", raw("bayer_rggb8", 0, 0, 0, b"")),
        ("a_step_of_nothing", raw("mono8", 8, 8, 0, bytes(64))),
    ]


def hostile_models() -> list[tuple[str, bytes]]:
    """A student that declares label maps of a gigabyte."""
    with tempfile.TemporaryDirectory() as folder:
        model = onnx.load(build_tiny_student(Path(folder) / "tiny.onnx"))
    for output in model.graph.output:
        for dimension in output.type.tensor_type.shape.dim[1:]:
            dimension.dim_value = 32_768
    return [("outputs_of_a_gigabyte", bytes(model.SerializeToString()))]


def hostile_manifests() -> list[tuple[str, bytes]]:
    return [("brackets_without_end", b"[" * 200_000), ("a_number_without_end", b'{"format": 1' + b"0" * 10_000 + b"}")]


HOSTILE: dict[str, Callable[[], list[tuple[str, bytes]]]] = {
    "images": hostile_images,
    "models": hostile_models,
    "manifests": hostile_manifests,
}


def picture(height: int = 24, width: int = 32) -> np.ndarray:
    rows, columns = np.indices((height, width))
    return np.stack([rows * 7 % 256, columns * 5 % 256, (rows + columns) % 256], -1).astype(np.uint8)


def images() -> list[bytes]:
    """Compressed pictures, and raw ones: a line of JSON with the message's fields, and the data behind it."""
    rgb = picture()
    deep = (rgb[..., 0].astype(np.uint16) * 200)[..., None]
    made = [encode_compressed(rgb, form) for form in ("jpeg", "png")]
    made.append(encode_compressed(np.ascontiguousarray(rgb[..., 0]), "png"))
    for encoding, channels, kind in (
        ("rgb8", 3, np.uint8),
        ("bgra8", 4, np.uint8),
        ("mono8", 1, np.uint8),
        ("bayer_rggb8", 1, np.uint8),
        ("yuv422_yuy2", 2, np.uint8),
        ("mono16", 1, np.uint16),
    ):
        data = deep if kind == np.uint16 else np.repeat(rgb[..., :1], channels, 2)
        made.append(raw(encoding, data.shape[0], data.shape[1], data[0].nbytes, data.tobytes()))
    return made


def raw(encoding: str, height: int, width: int, step: int, data: bytes, *, bigendian: int = 0) -> bytes:
    fields = {"encoding": encoding, "height": height, "width": width, "step": step, "is_bigendian": bigendian}
    return json.dumps(fields).encode() + b"\n" + data


def models() -> list[bytes]:
    """Students with label maps, with boxes, with a subgraph."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        built = [
            build_tiny_student(root / "tiny.onnx"),
            build_tiny_student(root / "strided.onnx", labels_stride=2, needs_context=True),
            build_boxes_student(root / "boxes.onnx"),
            build_partly_placed_student(root / "partly.onnx"),
        ]
        return [path.read_bytes() for path in [*built, _with_branches(root / "tiny.onnx")]]


def _with_branches(tiny: Path) -> Path:
    """A student whose certainty comes out of an If."""
    model = onnx.load(tiny)
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("yes", "no")]
    branches = [
        helper.make_graph([helper.make_node("Identity", ["certainty"], [out.name])], out.name, [], [out])
        for out in made
    ]
    cast = next(node for node in model.graph.node if node.output[0] == "confidence")
    cast.input[0] = "chosen"
    position = list(model.graph.node).index(cast)
    always = helper.make_node("Constant", [], ["always"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True]))
    choice = helper.make_node("If", ["always"], ["chosen"], then_branch=branches[0], else_branch=branches[1])
    model.graph.node.insert(position, always)
    model.graph.node.insert(position + 1, choice)
    path = tiny.with_name("branches.onnx")
    onnx.save(model, str(path))
    return path


def manifests() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        student = Path(folder) / "student.onnx"
        student.write_bytes(b"a student")
        known = KnownAnswer(picture(), np.ones((24, 32), np.uint8))
        return [manifest.write(student, manifest.of_file(student, answer)).read_bytes() for answer in (None, known)]


def recordings() -> list[bytes]:
    """Bags of both storages, one with compressed chunks, and what else is read as a camera."""
    made = [encode_compressed(picture(), "png")]
    with tempfile.TemporaryDirectory() as folder:
        for storage in ("mcap", "sqlite3"):
            path = Path(folder) / storage
            with BagWriter(path, storage=storage) as bag:
                for number in range(1, 4):
                    data = encode_compressed(picture(), "jpeg")
                    stamp = number * SECOND
                    bag.write("/image/compressed", messages.compressed_image(data, "jpeg", stamp, "cam"), stamp)
            made += [part.read_bytes() for part in sorted(path.parent.rglob("*")) if part.suffix in (".mcap", ".db3")]
    return made


def sets() -> dict[str, Callable[[Path], Path]]:
    """Form -> what writes a good set of it."""
    return SETS
