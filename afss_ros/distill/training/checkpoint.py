"""What a run leaves on disk, written whole or not at all.

`last.pt` holds everything that decides the next step, so a killed run that resumes gives the same result as one that
was never killed. `best.pt` holds the weights to export, with all that is needed to rebuild the network around them. A
published `.safetensors` holds the same in less room, without paths of the machine it was made on: what to give away,
for others to export and to start from.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors

from afss_ros.datasets.files import write_atomically
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe, parse
from afss_ros.distill.training import sealed

_PUBLISHED = ".safetensors"
_MEANING = "afss.trained"
_HASH = "afss.sha256"
_SETS = ("train", "validation")


@dataclass
class Trained:
    """Weights with their meaning.

    Attributes:
        recipe: the run's recipe, as plain data.
        weights: state dict of the `Network`, averaged if the recipe averages.
        mean, std: normalisation, 8-bit counts per channel.
        metrics: of the validation that chose these weights.
        step: at which they were taken.
        samples: number of training images.
        provenance: of each training set, by its path.
        seen: what the weights were trained on, in words; "" says that recipe and samples tell.
        unlearned: the parts that no label map has ever taught these weights, `spacecraft` among them where none has
            taught anything.
    """

    recipe: dict[str, Any]
    weights: dict[str, torch.Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    step: int = 0
    samples: int = 0
    provenance: dict[str, Any] = field(default_factory=dict)
    seen: str = ""
    unlearned: tuple[str, ...] = ()

    def parsed_recipe(self) -> Recipe:
        """The recipe, validated again: a checkpoint of another version of this package may not fit."""
        return parse(self.recipe, where="the checkpoint's recipe")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint of plain data and tensors, atomically.

    Raises:
        DatasetError: it cannot be written; nothing of it is left.
    """
    content = io.BytesIO()  # torch's own writer tells of a full disk by a failed check in C++
    torch.save(state, content)
    write_atomically(path, sealed.seal(content.getvalue()))


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Only tensors and plain data are unpickled, so a foreign file runs no code.

    Raises:
        DistillError: it is missing, no checkpoint, not what was written, or holds numbers that are none.
    """
    if path.exists() and not path.is_file():
        raise DistillError(f"{path}: is no regular file; give a run of `afss train`, or its best.pt")
    try:
        content = path.read_bytes()
        sealed.check(content)
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except FileNotFoundError as err:
        raise DistillError(f"{path}: missing; is {path.parent} a run of `afss train`?") from err
    except sealed.BrokenSealError as err:
        raise DistillError(
            f"{path}: no checkpoint of ours, or a damaged one: {err}; copy it again, or remove it to begin anew"
        ) from err
    except Exception as err:
        raise DistillError(f"{path}: no checkpoint of ours ({type(err).__name__}: {err})") from err
    if name := sealed.not_finite(state):
        raise DistillError(
            f"{path}: {name} holds values that are NaN or infinite, from which nothing is learned; remove it and begin"
            " anew, with a lower learning rate if the loss grew before"
        )
    return state


def save_best(run: Path, trained: Trained) -> None:
    """Write `best.pt`."""
    save(run / "best.pt", asdict(trained))


def load_best(run: Path) -> Trained:
    """Read the weights to export from a run directory, from a `best.pt` itself, or from what `publish` wrote.

    Raises:
        DistillError: there are none.
    """
    if run.suffix == _PUBLISHED:
        return _read_published(run)
    path = run if run.is_file() else run / "best.pt"
    if not path.exists() and (run / "last.pt").exists():
        raise DistillError(
            f"{run}: has validated nothing yet, so it has no best.pt; go on with it first, by the command that began it"
        )
    state = load(path)
    try:
        return Trained(**state)
    except TypeError as err:
        raise DistillError(f"{path}: not a best.pt of this version ({err})") from err


def continued(recipe: Recipe, initial: Path) -> Recipe:
    """The same recipe for the student whose weights `initial` holds, begun from them.

    Args:
        initial: whatever `load_best` reads.

    Raises:
        DistillError: it holds no weights.
    """
    student = load_best(initial).parsed_recipe().student
    return recipe.model_copy(update={"student": student.model_copy(update={"initial": initial})})


def publish(path: Path, trained: Trained, seen: str) -> None:
    """Write weights with their meaning as safetensors, which nobody needs to unpickle, atomically.

    Kernels and matrices are in half precision, what normalises them in full: statistics can leave float16's range.
    Neither paths nor the runs that they started from are kept; `seen` says in words what was there.

    Raises:
        DistillError: the name does not end in .safetensors.
    """
    if path.suffix != _PUBLISHED:
        raise DistillError(f"{path}: published weights are named *{_PUBLISHED}")
    recipe = trained.parsed_recipe()
    data = recipe.data.model_copy(update={k: tuple(Path(p.name) for p in getattr(recipe.data, k)) for k in _SETS})
    student = recipe.student.model_copy(update={"initial": None})
    named = {Path(name).name: facts for name, facts in trained.provenance.items()}
    plain = recipe.model_copy(update={"data": data, "student": student}).model_dump(mode="json")
    meaning = asdict(replace(trained, recipe=plain, weights={}, provenance=named, seen=seen))
    small = {k: v.half() if v.is_floating_point() and v.ndim > 1 else v for k, v in trained.weights.items()}
    told = json.dumps(meaning)
    write_atomically(
        path,
        to_safetensors(
            {k: v.contiguous() for k, v in small.items()}, {_MEANING: told, _HASH: _published_hash(told, small)}
        ),
    )


def _read_published(path: Path) -> Trained:
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
            meaning = json.loads(told[_MEANING])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        trained = Trained(**meaning)
    except FileNotFoundError as err:
        raise DistillError(f"{path}: missing") from err
    except (SafetensorError, KeyError, TypeError, ValueError) as err:
        raise DistillError(f"{path}: no weights that `afss export --weights` wrote ({err!r})") from err
    if _HASH in told and told[_HASH] != _published_hash(told[_MEANING], weights):
        raise DistillError(f"{path}: its content has another hash than when it was written; copy it again")
    if name := sealed.not_finite(weights):
        raise DistillError(f"{path}: {name} holds values that are NaN or infinite; copy it again")
    trained.weights = {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
    trained.mean, trained.std, trained.unlearned = tuple(trained.mean), tuple(trained.std), tuple(trained.unlearned)
    return trained


def _published_hash(meaning: str, weights: dict[str, torch.Tensor]) -> str:
    """Over what a published file says and holds, in the order of the names."""
    found = hashlib.sha256(meaning.encode())
    for name, tensor in sorted(weights.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
