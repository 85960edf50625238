"""How the tests' own pytest runs are given the plugin."""

from __future__ import annotations

from importlib.metadata import entry_points

INSTALLED = bool(entry_points(group="pytest11", name="faultkit"))  # a second registration would be refused
OPTIONS = (*(() if INSTALLED else ("-p", "faultkit.pytest_plugin")), "-p", "no:cacheprovider", "--strict-markers")
