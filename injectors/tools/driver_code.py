"""The module of a driver that faults go into."""

from __future__ import annotations

from collections.abc import Mapping

from faultkit.kit import ModuleCode


def module_of(code: Mapping[str, ModuleCode]) -> ModuleCode:
    """The module that faults go into: the driver's first."""
    return next(iter(code.values()))
