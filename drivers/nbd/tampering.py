"""Tampering with NBD's messages: the messages that are hit, and their replacements. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.nbd.messages import FIELDS, KINDS, LARGEST_BYTES, Message, field_at
from faultkit.kit import Tampering


@dataclass(slots=True)
class Arming:
    """A tampering, and the number of its messages so far."""

    tampering: Tampering
    met: int = 0

    def is_due(self, message: Message) -> bool:
        """Count the message if it is one of the tampering's; True if it is to be tampered with."""
        what = self.tampering
        if message.direction != what.direction or what.message not in ("", message.kind) or not extent(what, message):
            return False
        self.met += 1
        return self.met >= what.nth and (not what.times or self.met < what.nth + what.times)


def refusal(what: Tampering) -> str | None:
    """The reason why a tampering cannot be done to NBD's messages; None if it can."""
    if what.direction not in FIELDS:
        return f"there is no direction {what.direction!r}: there are {', '.join(FIELDS)}"
    if what.action not in ACTIONS:
        return f"there is no action {what.action!r}: there are {', '.join(ACTIONS)}"
    if what.message not in ("", *KINDS):
        return f"NBD has no message {what.message!r}: there are {', '.join(KINDS)}"
    if what.field not in ("", *FIELDS[what.direction]):
        return f"a {what.direction} has no field {what.field!r}: there are {', '.join(FIELDS[what.direction])}"
    if what.nth < 1 or what.times < 0 or what.delay_s < 0 or what.cut_bytes < 1:
        return "nth and cut_bytes must be at least 1, times and delay_s at least 0"
    return misfit(what)


def misfit(what: Tampering) -> str | None:
    """The reason why a byte or a value does not fit into its field; None if it does."""
    low, high = FIELDS[what.direction].get(what.field, (0, None))
    if what.byte is not None and not 0 <= what.byte < (LARGEST_BYTES if high is None else high - low):
        return f"{what.field or 'the message'} has no byte {what.byte}"
    if what.value is not None and (high is None or not 0 <= what.value < 1 << 8 * (high - low)):
        return f"the value {what.value} does not fit into the field {what.field!r}"
    return None


def extent(what: Tampering, message: Message) -> range:
    """The bytes of a message that may be changed; empty if it has no such field."""
    low, high = FIELDS[message.direction].get(what.field, (0, None))
    found = range(low, len(message.data) if high is None else high)
    return found if what.byte is None else found[what.byte : what.byte + 1]


def tampered(what: Tampering, message: Message) -> tuple[list[bytes], str]:
    """The pieces that arrive in a message's place, and a description in a few words."""
    arriving, words = ACTIONS[what.action](what, message)
    return arriving, f"{message.kind or 'unknown'} {message.direction} of {len(message.data)} bytes: {words}"


def drop(what: Tampering, message: Message) -> tuple[list[bytes], str]:
    """Send nothing in place of the message."""
    del what, message
    return [], "dropped"


def delay(what: Tampering, message: Message) -> tuple[list[bytes], str]:
    """The message itself; the sender waits."""
    return [message.data], f"{what.delay_s:g} s later"


def truncate(what: Tampering, message: Message) -> tuple[list[bytes], str]:
    """The end is missing."""
    return [message.data[: -what.cut_bytes]], f"the last {what.cut_bytes} bytes missing"


def duplicate(what: Tampering, message: Message) -> tuple[list[bytes], str]:
    """The message, twice."""
    del what
    return [message.data, message.data], "twice"


def corrupt(what: Tampering, message: Message) -> tuple[list[bytes], str]:
    """Another value in a field, or a bit flipped."""
    where = extent(what, message)
    old = message.data[where.start : where.stop]
    if what.value is not None:
        new = what.value.to_bytes(len(old), "big")
        return [replaced(message, where.start, new)], f"{what.field} {old.hex()} -> {new.hex()}"
    at, bit = divmod(random.Random(what.draw).randrange(8 * len(where)), 8)
    changed = bytes([old[at] ^ 1 << bit])
    at += where.start
    name = field_at(message.direction, at)
    return [replaced(message, at, changed)], f"{name}, byte {at}: {message.data[at]:02x} -> {changed.hex()}"


def replaced(message: Message, at: int, new: bytes) -> bytes:
    """A message with some other bytes in it."""
    return message.data[:at] + new + message.data[at + len(new) :]


ACTIONS: Mapping[str, Callable[[Tampering, Message], tuple[list[bytes], str]]] = {
    "drop": drop,
    "delay": delay,
    "truncate": truncate,
    "duplicate": duplicate,
    "corrupt": corrupt,
}
