"""For all tests: the schedule, and the table of minutes."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.minutes import Minutes
from tests.schedule import Schedule, workers

settings.register_profile("patient", deadline=None)  # how busy the machine is says nothing about the code
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Register what schedules the tests and counts their minutes."""
    config.pluginmanager.register(Schedule(), "faultkit-schedule")
    config.pluginmanager.register(Minutes(), "faultkit-minutes")


@pytest.fixture
def signals_arrive() -> Iterator[None]:
    """A shell lets its background jobs ignore SIGINT, nohup lets them ignore SIGHUP, and so would what they start."""
    before = [
        (number, signal.signal(number, action))
        for number, action in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL))
    ]
    yield
    for number, action in before:
        signal.signal(number, action)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The number of workers for `-n auto`."""
    return 0 if config.option.usepdb else workers()
