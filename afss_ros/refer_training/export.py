"""From a run to one `.onnx` that flies: it appears only when ONNX Runtime and torch give the same answers."""

from __future__ import annotations

import hashlib
import io
import os
import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

import afss_ros
from afss_ros.put import put
from afss_ros.refer.errors import ReferError
from afss_ros.refer.network import INPUTS, OUTPUTS, NetworkFacts, to_metadata
from afss_ros.refer.sets.made import make
from afss_ros.refer.vocabulary import Vocabulary
from afss_ros.refer_training.network import ReferNetwork
from afss_ros.refer_training.run import BEST, restored
from afss_ros.student.runtime import session_options

_OPSET = 18
_PROBES = 6
_GREY_LEVELS = 1
_EDGE = 0.001
"""Share of a mask's pixels that may differ by more: where a value lies on a border, the last digit decides."""


def export(run: Path, out: Path) -> Path:
    """Write the trained network of a run.

    Raises:
        ReferError: the run holds none, or ONNX Runtime and torch disagree.
    """
    network, nouns, vocabulary, recipe, saved = restored(run / BEST)
    side = recipe.data.size
    measured = [entry for entry in saved["history"] if entry.get("part") == "validation"]
    metrics: dict[str, float] = measured[-1] if measured else {}
    facts = NetworkFacts(
        vocabulary,
        nouns,
        (side, side),
        recipe.licence,
        ", ".join(path.name for path in recipe.data.sets),
        {name: value for name, value in metrics.items() if name != "part"},
        _hash(network),
        "" if network.foundation is None else network.foundation.sha256,
    )
    model = onnx.load_from_string(_graph(network, side, vocabulary.length))
    onnx.helper.set_model_props(model, to_metadata(facts))
    model.producer_name, model.producer_version = "afss_ros", afss_ros.__version__
    write_verified(model.SerializeToString(), out, network, vocabulary, side)
    return out


def _graph(network: ReferNetwork, side: int, length: int) -> bytes:
    image, tokens = torch.zeros(1, side, side, 3, dtype=torch.uint8), torch.ones(1, length, dtype=torch.int64)
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        # The tracer warns of every shape that it takes for fixed; here all of them are.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (image, tokens), buffer, input_names=list(INPUTS), output_names=list(OUTPUTS),
            opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
    content: bytes = buffer.getvalue()
    return content


def _hash(network: ReferNetwork) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def write_verified(content: bytes, out: Path, network: ReferNetwork, vocabulary: Vocabulary, side: int) -> None:
    """Write the file under its name if it answers as torch does.

    Raises:
        ReferError: it does not.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{os.getpid()}.{out.name}")
    try:
        temporary.write_bytes(content)
        session = onnxruntime.InferenceSession(str(temporary), session_options(1), providers=["CPUExecutionProvider"])
        for image, tokens in probes(vocabulary, side):
            found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"image": image, "tokens": tokens}), strict=True))
            with torch.inference_mode():
                wanted = network(torch.from_numpy(image), torch.from_numpy(tokens))
            _compare(out.name, [found[name] for name in OUTPUTS], [value.numpy() for value in wanted])
        put(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def probes(vocabulary: Vocabulary, side: int) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Pictures uint8 (1, S, S, 3) and tokens int64 (1, L) to compare on."""
    rng = random.Random(1)
    found = []
    for number in range(_PROBES):
        _, picture = make(number)
        image = np.zeros((1, side, side, 3), np.uint8)
        least = min(side, picture.shape[0])
        image[0, :least, :least] = picture[:least, :least]
        tokens = np.zeros((1, vocabulary.length), np.int64)
        count = rng.randint(1, vocabulary.length)
        tokens[0, :count] = [rng.randint(1, len(vocabulary.words)) for _ in range(count)]
        found.append((image, tokens))
    return found


def _compare(name: str, found: Sequence[NDArray[np.generic]], wanted: Sequence[NDArray[np.generic]]) -> None:
    for output, ours, torches in zip(OUTPUTS, found, wanted, strict=True):
        apart = np.abs(np.asarray(ours, np.float64) - np.asarray(torches, np.float64))
        if output in ("mask", "masks"):
            if (share := float((apart > _GREY_LEVELS).mean())) > _EDGE:
                raise ReferError(f"{name}: ONNX Runtime and torch differ on {share:.4f} of the pixels of {output}")
        elif output != "classes" and float(apart.max(initial=0.0)) > 1e-3:
            raise ReferError(f"{name}: ONNX Runtime and torch give {output} that differ by {apart.max():.5f}")
