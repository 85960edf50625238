"""Answers of two runs of a driver, whole and cut, as far as they have to be equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import unified_diff

from faultkit import Detectors
from faultkit.model.events import Kind
from faultkit.pytest_plugin.guests import Ran

QUIET = Detectors(beat_s=1000.0)  # a heartbeat is a packet, which may wait in the device when the link goes down
Answer = tuple[str, int, str]  # question, status and text

MASKS = {
    r"(Ring Addr|Rx buffer addr \(C mode\)) +0x[0-9a-f]{8}(?: 0x[0-9a-f]{8})?": r"\1 MASKED",  # where memory was free
    r"(0x0008a0)[0-9a-f]{2}\b": r"\1 MASKED",  # of 8139too: how long the packets were that it sent last
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


def answers(ran: Ran) -> Iterator[Answer]:
    """The answers to all questions, masked."""
    for event in ran.record.events:
        if event.kind == Kind.QUESTION_ANSWERED:
            yield event.data["command"], event.data["status"], masked(event.data["text"])


def messages(ran: Ran, name: str) -> list[str]:
    """A driver's messages in the kernel's log, masked."""
    lines = (re.sub(r"^\[ *\d+\.\d+\] ", "", line) for line in ran.record.console.splitlines())
    return [masked(line) for line in lines if name in line and "microdriver" not in line]


def differences(cut: Ran, whole: Ran, name: str) -> list[str]:
    """Lines of answers and messages that two runs of the same questions do not have in common."""
    pairs = zip(answers(cut), answers(whole), strict=True)
    found = [line for answer, other in pairs for line in difference(other[0], as_lines(other), as_lines(answer))]
    return [*found, *difference("messages", messages(whole, name), messages(cut, name))]


def as_lines(answer: Answer) -> list[str]:
    """An answer, line by line."""
    return [*(str(word) for word in answer[:2]), *answer[2].splitlines()]


def difference(title: str, whole: list[str], cut: list[str]) -> Iterator[str]:
    """Lines that the whole driver has, and the cut one does not, and the reverse."""
    return unified_diff(whole, cut, title, lineterm="", n=0)


def answered(ran: Ran) -> int:
    """How many questions were answered without an error."""
    return sum(status == 0 for _, status, _ in answers(ran))
