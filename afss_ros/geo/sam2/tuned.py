"""A SAM 2 ready to be asked about rasters: one that was tuned here, or a checkpoint as it was published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afss_ros.datasets.files import read_json
from afss_ros.geo.errors import GeoError
from afss_ros.geo.sam2.network import META, OFFLINE, Sam2, load
from afss_ros.geo.stretch import Stretch
from afss_ros.teacher.models.checkpoints import Access

MODEL, FACTS = "model", "afss.json"
"""Folder of a run that holds the network, and the file in it that says how it was tuned."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A SAM 2 and how pictures must be shown to it.

    Attributes:
        sam2: on its device, in evaluation.
        name: what was asked for.
        size: side of the windows that it learned from, pixels of the raster; 0 where it was not tuned.
        tone, bands: of its training set; None and () where it was not tuned on one.
        knows_bare_ground: whether its object score learned what is no object on such pictures.
    """

    sam2: Sam2
    name: str
    size: int = 0
    tone: Stretch | None = None
    bands: tuple[str, ...] = ()
    knows_bare_ground: bool = False


def ready(name: str, revision: str = "", access: Access = OFFLINE) -> Ready:
    """The SAM 2 of a run of tune-sam2, or a checkpoint by Hub name, folder or file.

    Raises:
        GeoError: a run that has no network yet, or whose facts cannot be read.
        TeacherError: see `network.load`.
    """
    folder = Path(name).expanduser()
    if (folder / MODEL / FACTS).is_file():
        folder = folder / MODEL
    elif (folder / "last.pt").exists():
        raise GeoError(f"{name}: this run has no network yet; go on with it: afss geo tune-sam2 ... --out {name}")
    if not (folder / FACTS).is_file():
        return Ready(_still(load(name, revision, access)), name)
    facts = read_json(folder / FACTS)
    try:
        files = [path for path in folder.iterdir() if path.name.endswith(META)]
        geo: Mapping[str, Any] = facts["geo"] or {}
        tone = Stretch.from_json(geo["stretch"], str(folder)) if "stretch" in geo else None
        size, bare = int(facts["size"]), float(facts["settings"]["bare_ground"])
        bands = tuple(str(b) for b in geo.get("bands", ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GeoError(f"{folder / FACTS}: says nothing of a tuned SAM 2 ({type(error).__name__}: {error})") from error
    return Ready(_still(load(str(files[0] if files else folder))), name, size, tone, bands, bare > 0)


def _still(sam2: Sam2) -> Sam2:
    sam2.module.eval().requires_grad_(False)
    return sam2
