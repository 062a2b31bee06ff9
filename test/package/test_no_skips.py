"""Where everything is installed, a test that is skipped for want of a package is a failure (`make test-optional`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import python, run

SKIPPING = {
    "mark": "@pytest.mark.skipif(True, reason='no such package')\ndef test_mark(): ...",
    "body": "def test_body(): pytest.importorskip('no_such_package')",
    "module": "pytest.importorskip('no_such_package')\ndef test_module(): ...",
}
OTHERS = """import pytest
def test_passing(): ...
@pytest.mark.xfail
def test_expected_to_fail(): assert False
"""


@pytest.mark.parametrize(("options", "failed"), [([], set()), (["--no-skips"], set(SKIPPING))])
def test_a_skip_is_a_failure_where_skips_are_forbidden(tmp_path: Path, options: list[str], failed: set[str]) -> None:
    for name, text in SKIPPING.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n{text}\n")
    (tmp_path / "test_others.py").write_text(OTHERS)
    command = python("-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-rfE", "-q")
    result = run([*command, "--continue-on-collection-errors", *options, tmp_path])
    bad = [line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert {name for name in SKIPPING if any(f"test_{name}.py" in line for line in bad)} == failed, result.stdout
    assert len(bad) == len(failed)
    assert (result.returncode == 0) == (not failed)
