"""What a run needs of the machine: a folder of its own, room on its disk, memory that loader processes share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from afss_ros.datasets import files
from afss_ros.datasets.errors import DatasetError
from afss_ros.distill.errors import DistillError
from afss_ros.distill.recipe import Recipe

SHARED = Path("/dev/shm")
_AHEAD = 4  # batches that each loader process makes in advance
_SHORTAGE = ("shared memory", "shm", "bus error", "dataloader worker")


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """Keep a run's folder for this process; the system frees it, however the process ends.

    Raises:
        DistillError: another process trains there, or the folder cannot be made.
    """
    with ExitStack() as kept:
        try:
            kept.enter_context(files.alone(run))
        except DatasetError as err:
            raise DistillError(str(err)) from err
        yield


def require_shared_memory(recipe: Recipe) -> None:
    """Refuse to start loader processes for which there is no room to hand batches over in.

    Raises:
        DistillError: says how much there is, how much it takes, and the cure.
    """
    if not recipe.data.workers or not SHARED.is_dir():
        return
    needed = recipe.data.workers * _AHEAD * recipe.batch * recipe.data.size**2 * 4
    free = shutil.disk_usage(SHARED).free
    if free < needed:
        raise DistillError(
            f"{SHARED} has {free / 1e6:.0f} MB free, and {recipe.data.workers} loader processes need about"
            f" {needed / 1e6:.0f}: set data.workers: 0, or give it more (docker run --shm-size)"
        )


@contextmanager
def outer_conditions(recipe: Recipe, run: Path) -> Iterator[None]:
    """Tell a full disk, and the end of shared memory, in words.

    Raises:
        DistillError: either; the same command goes on from the last checkpoint when there is room.
    """
    require_shared_memory(recipe)
    cure = "make room and run the same command again: it goes on from the last checkpoint"
    try:
        yield
    except DatasetError as err:
        if isinstance(err.__cause__, OSError):
            raise DistillError(f"{err}; {cure}") from err
        raise
    except (OSError, RuntimeError) as err:
        text = str(err)
        if recipe.data.workers and any(word in text.lower() for word in _SHORTAGE):
            raise DistillError(
                f"the loader processes ended, as they do without room in {SHARED}: {text.splitlines()[0]}; set"
                " data.workers: 0, or give it more (docker run --shm-size)"
            ) from err
        if isinstance(err, OSError):
            raise DistillError(f"{err.filename or run}: {err.strerror or err}; {cure}") from err
        raise
