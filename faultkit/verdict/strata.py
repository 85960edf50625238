"""The classes of faults that results are broken down by: side, type, function and target. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from faultkit.model.code import Site
from faultkit.model.codec import name_of
from faultkit.model.parts import Compound, InFunction, InRegion, Sited, Typed

SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Stratum:
    """The classes that a trial's fault belongs to. For a golden trial: no side, type "golden", no function."""

    side: str  # "k-driver", "u-driver", "channel", "device"; "" if the fault does not say
    fault_type: str
    function: str | None  # that the fault lies in or tampers with
    target: str | None  # the function, or else the region of memory


def stratum(fault: Any) -> Stratum:
    """The classes of a settled fault, or of None.

    A compound fault has the side and the type that its faults agree in, else "several", and no function or target.
    """
    if isinstance(fault, Compound):
        parts = [stratum(each) for each in fault.faults]
        return Stratum(agreed(part.side for part in parts), agreed(part.fault_type for part in parts), None, None)
    function = function_of(fault)
    target = function or (fault.region if isinstance(fault, InRegion) else None)
    return Stratum(str(getattr(fault, "side", "")), type_of(fault), function, target)


def function_of(fault: Any) -> str | None:
    """The function that a fault lies in or tampers with; None if there is none."""
    if isinstance(fault, Sited) and isinstance(fault.site, Site):
        return fault.site.function
    return fault.function if isinstance(fault, InFunction) else None


def type_of(fault: Any) -> str:
    """The type that a fault names; else its class's short name."""
    return fault.fault_type if isinstance(fault, Typed) else name_of(fault)


def agreed(values: Iterable[str]) -> str:
    """The one value that occurs, or "several"."""
    found = set(values)
    return found.pop() if len(found) == 1 else SEVERAL
