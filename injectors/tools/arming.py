"""Arming of faults by kernel modules: a device node for each fault, and one line of NAME=VALUE words for each arming.

The kernel's half is injectors/kmod: a folder for each fault, and `arming`, which all of them share.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from fcntl import ioctl
from pathlib import Path
from typing import Any, ClassVar, Protocol

from faultkit.kit import KernelModule, NotPlaced

KMOD = Path(__file__).parents[1] / "kmod"
MISSED = ord("F") << 8 | 1  # ARMING_MISSED in arming.h


class Order(Protocol):
    """A dataclass whose fields are the words that arm a fault."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    fault: ClassVar[str]
    """The fault's folder in injectors/kmod."""


def fault_module(fault: str, *beside: str) -> KernelModule:
    """The kernel module of a fault; it shares the code of the folders `beside` with others."""
    return KernelModule(KMOD / fault, f"faultkit_{fault}", beside=tuple(KMOD / name for name in ("arming", *beside)))


def shipped(made: KernelModule) -> Mapping[str, KernelModule]:
    """The file that a fault ships so that its kernel module is loaded first of all."""
    return {f"preload/{made.name}.ko": made}


def armed(order: Order, what: str, refused: str = "cannot be probed") -> int:
    """The open file of a fault that is armed; to close it disarms. Raises: NotPlaced.

    An error says that `what` is to go wrong, and, if the kernel does not take the order, that it is `refused`.
    """
    node = f"/dev/faultkit_{order.fault}"
    try:
        fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    except OSError as reason:
        raise NotPlaced(f"{what} cannot be tampered with: {node}: {reason.strerror}") from None
    try:
        os.write(fd, line_of(order).encode())
    except OSError as reason:
        os.close(fd)
        raise NotPlaced(f"{what} {refused}: {reason.strerror}") from None
    return fd


def line_of(order: Order) -> str:
    """The words of an arming. Raises: NotPlaced if a value would be two words."""
    words = [f"{each.name}={getattr(order, each.name)}" for each in fields(order)]
    if split := [word for word in words if any(map(str.isspace, word))]:
        raise NotPlaced(f"a fault cannot be armed with {', '.join(split)}")
    return " ".join(words)


def missed_by(fd: int) -> int:
    """The number of occasions that an armed fault could not look at."""
    return ioctl(fd, MISSED)
