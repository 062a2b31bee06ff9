"""Lock files with hashes, and the bills of materials that are made of them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from package_metadata import ROOT

from scripts import sbom

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_version_of_a_lock_file_has_the_hashes_of_its_files(path: Path) -> None:
    found = list(sbom.pins(path.read_text(), path.name))
    versions = re.findall(r"^[a-z0-9][^\s=]*==\S+", path.read_text(), re.MULTILINE)
    assert len(found) == len(versions) > 0, "none is passed over"


def test_the_bills_name_what_is_locked_and_what_flies_beside_it(tmp_path: Path) -> None:
    assert {path.name for path in sbom.write(tmp_path)} == {f"{name}.cdx.json" for name in sbom.SETS}
    locked = {lock for locks in sbom.SETS.values() for lock in locks}
    assert locked == {path.stem for path in LOCKS} - {"test", "opencv4"}, "test.txt is a part of ground.txt"
    bill = json.loads((tmp_path / "onboard.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    by_name = {(component["name"], component["version"]): component for component in bill["components"]}
    for pin in sbom.pins((ROOT / "requirements" / "onboard.txt").read_text(), "onboard.txt"):
        component = by_name[pin.name, pin.version]
        (distribution,) = component["externalReferences"]
        assert {entry["content"] for entry in distribution["hashes"]} == set(pin.hashes)
        assert component["purl"].endswith(f"@{pin.version}")
    student = next(c for c in bill["components"] if c["name"] == "student.onnx")
    assert student["hashes"][0]["content"] == hashlib.sha256((ROOT / "models/student.onnx").read_bytes()).hexdigest()
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(references) == len(set(references)) and bill["dependencies"][0]["dependsOn"] == references


def test_the_same_lock_files_give_the_same_bytes(tmp_path: Path) -> None:
    once, again = (sorted(sbom.write(tmp_path / name)) for name in ("a", "b"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


@pytest.mark.parametrize("line", ["numpy==2.0.0", "numpy>=2.0 --hash=sha256:" + "0" * 64, "-e ."])
def test_a_line_without_version_or_hash_is_refused_by_name(line: str) -> None:
    with pytest.raises(sbom.LockError, match=r"mine\.txt.*make lock"):
        list(sbom.pins(line + "\n", "mine.txt"))
