"""The pytest plugin: a driver's own tests run trials on forks of a prepared guest. See docs/pytest.md.

Loaded in every pytest session where faultkit is installed, so what is slow to import waits until a test asks for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from faultkit import Outcome
from faultkit.model import same_names

__all__ = [
    "faultkit_guest",
]
MARKER = "faultkit(driver, workload, monitors=(), policy=Nothing(), seed=1, parts=()): what `faultkit_guest` prepares"
FIXTURE = "faultkit_guest"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the plugin's options."""
    group = parser.getgroup("faultkit", "fault injection into drivers")
    group.addoption(
        "--faultkit-keep",
        metavar="DIR",
        type=Path,
        help="keep the trials of failed tests below DIR, each test's as results for `faultkit show` and `replay`",
    )
    group.addoption(
        "--faultkit-require",
        action="store_true",
        help="where guests cannot run, fail the tests that need one instead of skipping them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for --strict-markers; let the tests import our packages beside theirs."""
    same_names.install()
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def faultkit_session(request: pytest.FixtureRequest) -> Any:
    """The guest's image and the templates that this session has used; skips with the reason where there can be none."""
    found, missing = importlib.import_module("faultkit.pytest_plugin.guests").session()
    if found is not None:
        return found
    reason = f"guests cannot run here: {missing}"
    if request.config.getoption("--faultkit-require"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def faultkit_guest(request: pytest.FixtureRequest) -> Any:
    """The guest that the marker describes; each `run()` is a trial on a fork of its own."""
    settings: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("faultkit"))):
        settings |= mark.kwargs  # the closest to the test has the last word
    if not {"driver", "workload"} <= set(settings):
        pytest.fail(f"{FIXTURE} needs @pytest.mark.faultkit(driver=..., workload=...)", pytrace=False)
    session = request.getfixturevalue("faultkit_session")
    try:
        return session.guest(**settings)
    except TypeError as reason:
        pytest.fail(f"@pytest.mark.faultkit(...): {reason}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what happened in its last trial, and keeps all of them if asked to."""
    report = yield
    guest = getattr(item, "funcargs", {}).get(FIXTURE)
    if guest is not None and guest.trials and call.when == "call" and report.failed:
        stories = importlib.import_module("faultkit.pytest_plugin.stories")
        report.sections += stories.sections(item, guest)
    return report


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """`assert trial.outcome <= Outcome.RECOVERED` fails with names in place of numbers."""
    if isinstance(left, Outcome) and isinstance(right, Outcome):
        return [f"{left.name} {op} {right.name}", f"from mildest to worst: {', '.join(o.name for o in Outcome)}"]
    return None
