"""Answers of two runs of a driver, whole and cut, as far as they have to be equal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from faultkit.model.events import Kind
from faultkit.pytest_plugin.guests import Ran

MASKS = {
    r"(Ring Addr) +0x[0-9a-f]{8}": r"\1 MASKED",  # where the kernel happened to put the rings
    r"(Timer count) +0x[0-9a-f]{8}": r"\1 MASKED",
    r"((?:RDH|RDT|TDH|TDT) +\(\w+ desc \w+\)) +0x[0-9A-F]{8}": r"\1 MASKED",  # as many packets as there were
    r"((?:tx|rx)_ok\w*|rx_err): \d+": r"\1: MASKED",  # of packets: acknowledgements, and one while it opens
    r"((?:tx|rx)_(?:packets|bytes|broadcast)|rx_long_byte_count): \d+": r"\1: MASKED",
    r"at 0x[0-9a-f(_a-z)]+,": "at MASKED,",  # an address, which the kernel hides
}


def masked(text: str) -> str:
    """A text without what two runs of one driver need not have in common."""
    for pattern, other in MASKS.items():
        text = re.sub(pattern, other, text)
    return text


def answers(ran: Ran) -> Iterator[tuple[str, int, str]]:
    """The answers to all questions, masked."""
    for event in ran.record.events:
        if event.kind == Kind.QUESTION_ANSWERED:
            yield event.data["command"], event.data["status"], masked(event.data["text"])


def messages(ran: Ran, name: str) -> list[str]:
    """A driver's messages in the kernel's log, masked."""
    lines = (re.sub(r"^\[ *\d+\.\d+\] ", "", line) for line in ran.record.console.splitlines())
    return [masked(line) for line in lines if name in line and "microdriver" not in line]
