"""A block device's configuration: the queue attributes that a reload of its driver forgets.

Source: Documentation/ABI/stable/sysfs-block.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# a new scheduler resets the number of requests: it is put back first
ATTRIBUTES = ("scheduler", "nr_requests", "read_ahead_kb", "max_sectors_kb", "nomerges", "rq_affinity", "rotational")


def queue(device: str) -> Path:
    """Where the attributes of a device's queue are."""
    return Path("/sys/block") / device / "queue"


def settings(device: str) -> dict[str, str]:
    """Attribute -> value. Raises: OSError if there is no such device."""
    return {name: chosen((queue(device) / name).read_text()) for name in ATTRIBUTES}


def apply(device: str, wanted: Mapping[str, str]) -> None:
    """Restore the attributes that differ. Raises: OSError."""
    for name in ATTRIBUTES:
        attribute = queue(device) / name
        if chosen(attribute.read_text()) != wanted[name]:
            attribute.write_text(wanted[name])


def chosen(text: str) -> str:
    """The value itself; of a list of choices, the one in brackets ("none [mq-deadline]")."""
    return text.partition("[")[2].partition("]")[0] or text.strip()
