"""Versions of the guest's packages: read, pinned for apt, and compared. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

Versions = Mapping[str, str]  # package -> version
STATUS = re.compile(r"^Package: (\S+)$.*?^Version: (\S+)$", re.MULTILINE | re.DOTALL)
MOST_DIFFERENCES = 12  # lines in one message
PIN_PRIORITY = 1001  # apt also downgrades to it


def installed(status: str) -> dict[str, str]:
    """The versions in dpkg's status file."""
    return dict(sorted(STATUS.findall(status)))


def preferences(pins: Versions) -> str:
    """The file that makes apt prefer these versions; where the archive lacks one, apt takes another."""
    return "\n".join(
        f"Package: {name}\nPin: version {version}\nPin-Priority: {PIN_PRIORITY}\n" for name, version in pins.items()
    )


def differences(then: Versions, now: Versions) -> Iterator[str]:
    """Describe each package that differs in a line, by name."""
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            yield f"{name}: {then.get(name, 'absent')} then, {now.get(name, 'absent')} now"


def differences_text(then: Versions, now: Versions) -> str:
    """The differences as text of bounded length."""
    lines = list(differences(then, now))
    rest = len(lines) - MOST_DIFFERENCES
    return "; ".join([*islice(lines, MOST_DIFFERENCES), *([f"and {rest} more"] if rest > 0 else [])])
