"""For all tests: the schedule, and the table of minutes."""

from __future__ import annotations

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The number of workers for `-n auto`."""
    return 0 if config.option.usepdb else workers()
