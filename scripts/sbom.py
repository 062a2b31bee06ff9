#!/usr/bin/env python3
"""Write what an environment of this package is made of: one CycloneDX bill of materials for each set of requirements.

    python -m scripts.sbom [OUT]      OUT: out/sbom

Read from the lock files alone, so that a bill says what `scripts/bootstrap.sh` installs, on every Python at once, and
the same lock files give the same bytes. Beside the packages it names what else flies: the students with their sha256,
and the vision_msgs definitions that come with the checkout. Licences are not in lock files; docs/install.md has those
that bind.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATION = "1.6"
SETS = {
    "onboard": ("onboard", "ros-jazzy"),
    "onboard-kilted": ("onboard", "ros-kilted"),
    "ground": ("ground", "ros-jazzy"),
    "optional": ("ground", "optional", "ros-jazzy"),
    "docs": ("docs",),
    "tools": ("uv",),
}
"""The lock files of each environment that `make` makes."""
MODELS = ("*.onnx", "*.safetensors")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]*))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class LockError(Exception):
    """A lock file holds what is no pin, or a pin whose files have no hash."""


@dataclass(frozen=True)
class Pin:
    """One package of a lock file.

    Attributes:
        marker: the machines that it is for; empty for all.
        hashes: sha256 of every file that the index has of this version.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{re.sub(r'[-_.]+', '-', self.name).lower()}@{self.version}"


def pins(text: str, source: str) -> Iterator[Pin]:
    """The packages of a lock file's text.

    Raises:
        LockError: a line is no pin, or a pin has no hash; says which of `source`.
    """
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _PIN.match(line)
        hashes = tuple(sorted(_HASH.findall(line)))
        if found is None or not hashes:
            raise LockError(f"{source}: {line[:80]!r} is no version with its hashes; run make lock")
        marker = (found["marker"] or "").split("--hash")[0].strip()
        yield Pin(found["name"], found["version"], marker, hashes)


def bill(name: str, locks: Sequence[str], root: Path = ROOT) -> dict[str, Any]:
    """The CycloneDX document of a set of lock files, as JSON.

    Raises:
        LockError: one of them is no lock file with hashes.
        OSError: one of them is not there.
    """
    found: dict[str, dict[str, Any]] = {}
    for lock in locks:
        path = root / "requirements" / f"{lock}.txt"
        for pin in pins(path.read_text(), path.name):
            component = found.setdefault(pin.purl, _package(pin))
            markers = component["properties"]
            entry = {"name": f"afss_ros:marker:{path.name}", "value": pin.marker or "always"}
            if entry not in markers:
                markers.append(entry)
    components = [found[key] for key in sorted(found)]
    if name.startswith(("onboard", "ground", "optional")):
        components += [*_models(root), _definitions(root)]
    package = ElementTree.parse(root / "package.xml").getroot()
    version = str(package.findtext("version"))
    this = f"pkg:generic/afss_ros@{version}"
    document: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": this,
                "name": "afss_ros",
                "version": version,
                "purl": this,
                "licenses": [{"license": {"id": str(package.findtext("license"))}}],
            },
            "properties": [{"name": "afss_ros:set", "value": name}],
        },
        "components": components,
        "dependencies": [{"ref": this, "dependsOn": [component["bom-ref"] for component in components]}],
    }
    content = json.dumps(document, sort_keys=True)
    return {**document, "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}"}


def write(out: Path, root: Path = ROOT) -> list[Path]:
    """Write the bill of every set into `out`; the paths."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, locks in SETS.items():
        path = out / f"{name}.cdx.json"
        temporary = path.with_name(f".partial-{path.name}")
        temporary.write_text(json.dumps(bill(name, locks, root), indent=1) + "\n")
        temporary.replace(path)
        written.append(path)
    return written


def _package(pin: Pin) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": content} for content in pin.hashes]
    return {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        # One of these is what is installed, so they are the distribution's and not the component's own.
        "externalReferences": [{"type": "distribution", "url": pin.purl, "hashes": hashes}],
        "properties": [],
    }


def _models(root: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(path for pattern in MODELS for path in (root / "models").glob(pattern)):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield {
            "type": "machine-learning-model",
            "bom-ref": f"models/{path.name}",
            "name": path.name,
            "version": digest[:12],
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }


def _definitions(root: Path) -> dict[str, Any]:
    package = ElementTree.parse(root / "interfaces" / "vision_msgs" / "package.xml").getroot()
    version = str(package.findtext("version"))
    return {
        "type": "library",
        "bom-ref": "interfaces/vision_msgs",
        "name": "vision_msgs",
        "version": version,
        "purl": f"pkg:generic/vision_msgs@{version}",
        "description": "message definitions, from which bindings are made where no ROS is installed",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the bills; 0, or 1 with what is wrong with a lock file."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        written = write(Path(given[0]) if given else ROOT / "out" / "sbom")
    except (LockError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
