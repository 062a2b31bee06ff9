"""What setup.py and package.xml say, and what the source tree imports: the two sides of the tests of test/package."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]


@cache
def setup_arguments() -> Mapping[str, Any]:
    """Return the keyword arguments that setup.py hands to setuptools."""
    with mock.patch("setuptools.setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    return MappingProxyType(dict(setup.call_args.kwargs))


def distribution_names(requirements: list[str]) -> set[str]:
    """Return the names alone, normalised: `opencv-python-headless>=4.8` becomes `opencv-python-headless`."""
    return {re.split(r"[\s;<>=!~\[]", line)[0].lower().replace("_", "-").replace(".", "-") for line in requirements}


def rosdep_keys() -> set[str]:
    """Return the run dependencies that package.xml names."""
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    return {str(element.text) for tag in ("depend", "exec_depend") for element in root.findall(tag)}


@cache
def modules() -> tuple[Path, ...]:
    """Return every Python file of the package, relative to the checkout."""
    return tuple(sorted(path.relative_to(ROOT) for path in (ROOT / "afss_ros").rglob("*.py")))


@cache
def modules_of_tests() -> tuple[Path, ...]:
    """Return every Python file of the tests, relative to the checkout."""
    return tuple(sorted(path.relative_to(ROOT) for path in [ROOT / "conftest.py", *(ROOT / "test").rglob("*.py")]))


@cache
def imports(module: Path) -> frozenset[str]:
    """Return the full names that a file imports anywhere, also inside functions and `if TYPE_CHECKING`."""
    return frozenset(_imported(module))


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "afss_ros":
            yield from (f"afss_ros.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def third_party(module: Path) -> set[str]:
    """Return the top-level names of what a file imports from outside Python and this package."""
    return {name.partition(".")[0] for name in imports(module)} - _not_third_party()


@cache
def _not_third_party() -> frozenset[str]:
    tests = modules_of_tests()
    ours = {"afss_ros", "scripts", *(path.stem for path in tests)}
    ours |= {path.parent.name for path in tests if path.name == "__init__.py"}
    return sys.stdlib_module_names | ours | {"compression"}  # Python 3.14 has it


def room(module: Path) -> str:
    """Return the part of the package that a file belongs to: `student` for `afss_ros/student/letterbox.py`."""
    return module.parts[1].removesuffix(".py")
