"""Strata of faults, beside the injector: side, type and function. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from faultkit.model.codec import name_of
from faultkit.model.parts import Typed

SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Stratum:
    """The classes that a trial's fault belongs to. For a golden trial: no side, type "golden", no function."""

    side: str  # "k-driver", "u-driver", "channel", "device"; "" if the fault does not say
    fault_type: str
    function: str | None  # that the fault lies in or tampers with


def stratum(fault: Any) -> Stratum:
    """The stratum of a fault with a settled site, or of None.

    Several faults in one (a field `faults`) have the side and the type that they agree in, else "several", and no
    function.
    """
    if inner := getattr(fault, "faults", ()):
        parts = [stratum(each) for each in inner]
        return Stratum(agreed(part.side for part in parts), agreed(part.fault_type for part in parts), None)
    return Stratum(str(getattr(fault, "side", "")), type_of(fault), getattr(fault, "function", None))


def type_of(fault: Any) -> str:
    """The type that a fault names; else its class's short name, as tables write it."""
    return fault.fault_type if isinstance(fault, Typed) else name_of(fault)


def agreed(values: Iterable[str]) -> str:
    """The one value that there is."""
    found = set(values)
    return found.pop() if len(found) == 1 else SEVERAL
