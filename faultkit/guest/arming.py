"""Arming of faults by a kernel module: a device node, and for each arming one line of NAME=VALUE words.

The kernel's half is faultkit/kernel: arming.h says what modules and lines look like.
"""

from __future__ import annotations

import os
from dataclasses import fields
from fcntl import ioctl
from pathlib import Path
from typing import Any, ClassVar, Protocol

from faultkit.model.errors import NotPlaced

ARMING = Path(__file__).parents[1] / "kernel"
MISSED = ord("F") << 8 | 1  # ARMING_MISSED in arming.h


class Order(Protocol):
    """A dataclass whose fields are the words that arm a fault."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


def armed_at(node: str | Path, order: Order) -> int:
    """The open file of a fault that is armed; to close it disarms.

    It is readable when the fault has been met. Each read gives one hit; EAGAIN if there is none.
    Raises: OSError, with the node's name if it cannot be opened; NotPlaced if a word is none.
    """
    line = line_of(order).encode()
    fd = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.write(fd, line)
    except OSError:
        os.close(fd)
        raise
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
