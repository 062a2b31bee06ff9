"""Workers begin with the long files."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


def test_long_files_come_first_where_workers_share_them_and_nowhere_else(pytestconfig: pytest.Config) -> None:
    ours: Any = next(p for p in pytestconfig.pluginmanager.get_plugins() if hasattr(p, "LONG"))
    assert [name for name in ours.LONG if not (pytestconfig.rootpath / name).is_file()] == []
    names = ["test/b.py::b", f"{ours.LONG[1]}::b", f"{ours.LONG[1]}::a", "test/a.py::a", f"{ours.LONG[0]}::a"]

    def ordered(config: Any) -> list[str]:
        items = [SimpleNamespace(nodeid=name) for name in names]
        ours.pytest_collection_modifyitems(config, items)
        return [item.nodeid for item in items]

    assert ordered(SimpleNamespace()) == names
    assert ordered(SimpleNamespace(workerinput={})) == [names[4], names[1], names[2], names[0], names[3]]
