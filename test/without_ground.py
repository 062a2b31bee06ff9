"""Processes that find nothing of what the ground needs: as on board, whatever is installed here."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path

from package_metadata import ROOT, distribution_names

_SITECUSTOMIZE = """
import importlib.metadata, json, re
from importlib.machinery import PathFinder
from pathlib import Path

hidden = json.loads((Path(__file__).parent / "hidden.json").read_text())
find_spec, find_distributions = PathFinder.find_spec, importlib.metadata.MetadataPathFinder.find_distributions

def find_spec_on_board(fullname, path=None, target=None):
    return None if fullname.partition(".")[0] in hidden["modules"] else find_spec(fullname, path, target)

def find_distributions_on_board(context):
    name = re.sub(r"[-_.]+", "-", context.name or "").lower()
    return iter(()) if name in hidden["distributions"] else find_distributions(context)

PathFinder.find_spec = staticmethod(find_spec_on_board)
importlib.metadata.MetadataPathFinder.find_distributions = staticmethod(find_distributions_on_board)
"""


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a process that is told, before it imports anything, that these are not installed.

    Args:
        folder: for the file that tells it.
    """
    distributions = hidden_distributions()
    # Python 3.10 knows the modules of those distributions alone that list them; most have their distribution's name.
    modules = [name.replace("-", "_") for name in sorted(distributions)]
    modules += [
        module
        for module, owners in metadata.packages_distributions().items()
        if distribution_names(owners) <= distributions
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hidden.json").write_text(json.dumps({"modules": modules, "distributions": sorted(distributions)}))
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "PYTHONDONTWRITEBYTECODE": "1"}


def hidden_distributions() -> set[str]:
    """What is pinned for the ground and nowhere on board: the older typer there needs a package that this one has."""

    def pinned(stage: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{stage}.txt").read_text().splitlines()
        return distribution_names([line for line in lines if "==" in line])

    return pinned("ground") - pinned("onboard") - pinned("opencv4")
