"""The kernel modules of faults, a folder of injectors/kmod for each, and their arming."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Protocol

from faultkit.kit import ARMING, KernelModule, NotPlaced, Order, armed_at

KMOD = Path(__file__).parents[1] / "kmod"


class FaultOrder(Order, Protocol):
    """A dataclass whose fields are the words that arm a kernel fault."""

    fault: ClassVar[str]
    """The fault's folder in injectors/kmod."""


def fault_module(fault: str, *beside: str) -> KernelModule:
    """The kernel module of a fault; it shares the code of the folders `beside` with others."""
    return KernelModule(KMOD / fault, f"faultkit_{fault}", beside=(ARMING, *(KMOD / name for name in beside)))


def shipped(made: KernelModule) -> Mapping[str, KernelModule]:
    """The file that a fault ships so that its kernel module is loaded first of all."""
    return {f"preload/{made.name}.ko": made}


def armed(order: FaultOrder, what: str, refused: str = "cannot be probed") -> int:
    """The open file of a fault that is armed; to close it disarms. Raises: NotPlaced.

    An error says that `what` is to go wrong, and, if the kernel does not take the order, that it is `refused`.
    """
    try:
        return armed_at(f"/dev/faultkit_{order.fault}", order)
    except OSError as reason:
        words = f"cannot be tampered with: {reason.filename}" if reason.filename else refused
        raise NotPlaced(f"{what} {words}: {reason.strerror}") from None
