"""The environment every test runs in: our own prefix on the ament index, ROS on this machine only, fields checked.

`--no-skips` is for an environment that was made to have all that the chosen tests need, so that none passes by absence.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

# Before anything imports rclpy or starts a process: both read these once.
prefixes = [path for path in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if path]
os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join(dict.fromkeys([*prefixes, sys.prefix]))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Generated messages check the types of their fields only on demand; a wrong one is serialised to garbage otherwise.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ.setdefault("ROS_LOG_DIR", str(Path(tempfile.gettempdir()) / "afss_ros_test_log"))

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="let a test fail that would be skipped")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _forbid_skip(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _forbid_skip(collector.config, (yield))


def _forbid_skip(config: pytest.Config, report: Report) -> Report:
    # What is expected to fail is reported as skipped, too.
    if config.getoption("no_skips") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.longreprtext}\n--no-skips: nothing may be skipped in this environment"
    return report
