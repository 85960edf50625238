"""Tampering with the messages of a microdriver, by the runtime's fault points (mdrv_arming.c)."""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass
from pathlib import Path

from faultkit.kit import Tampering, armed_at
from microdriver.contract import Contract

NODE = Path("/dev/microdriver_faults")
DIRECTIONS = ("any", "upcall", "return", "downcall", "result")
# the runtime's own downcalls: enum mdrv_stock
STOCK = {"lock": 0x1000, "unlock": 0x1001, "print": 0x1002, "gate_close": 0x1003, "gate_open": 0x1004}
ANY_CALL = -1
MESSAGE = -1
ALL = (MESSAGE, 0, 0)
ACTIONS = ("drop", "delay", "duplicate", "reorder", "truncate", "corrupt", "stale", "kill", "stop")
VALUE_BYTES = 8
OF_ANY_SIZE = ("list", "string", "data")  # fields whose bytes on the way differ from message to message

Place = tuple[int, int, int]  # where, first and bytes of an arming


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOrder:
    """The words that arm the runtime's fault points."""

    instance: str
    kind: str
    call: int
    nth: int
    times: int
    how: str
    where: int
    first: int
    bytes: int
    value: int


def arm(instance: str, contract: Contract, what: Tampering) -> int:
    """Arm a tampering with one instance's messages, as `faultkit.model.parts.Channelled.tamper` promises."""
    if words := refusal(contract, what):
        raise OSError(errno.EINVAL, words)
    return armed_at(NODE, order(instance, contract, what))


def refusal(contract: Contract, what: Tampering) -> str | None:
    """The reason why a tampering cannot be done to the messages; None if it can."""
    if what.direction not in DIRECTIONS:
        return f"there is no direction {what.direction!r}: there are {', '.join(DIRECTIONS)}"
    if what.action not in ACTIONS:
        return f"there is no action {what.action!r}: there are {', '.join(ACTIONS)}"
    if what.field not in ("", *contract.head, *contract.fields):
        return f"there is no field {what.field!r}: there are {', '.join((*contract.head, *contract.fields))}"
    if what.nth < 1 or what.times < 0 or what.delay_s < 0 or what.cut_bytes < 1:
        return "nth and cut_bytes must be at least 1, times and delay_s at least 0"
    return unknown_call(contract, what) or misfit(contract, what)


def unknown_call(contract: Contract, what: Tampering) -> str | None:
    """Why its message is none of the contract's; None if it is one."""
    if what.message and what.direction == "any":
        return "calls are numbered by direction: name one with the message"
    if what.message and what.message not in (names := numbers(contract, what.direction)):
        return f"there is no {what.direction} {what.message!r}: there are {', '.join(names)}"
    return None


def misfit(contract: Contract, what: Tampering) -> str | None:
    """Why a byte or a value does not fit into its field; None if it does."""
    size = size_of(contract, what.field)
    if what.byte is not None and (what.byte < 0 or (size and what.byte >= size)):
        return f"{what.field or 'the message'} has no byte {what.byte}"
    if what.value is not None:
        size = 1 if what.byte is not None else size
        if not 0 < size <= VALUE_BYTES or not 0 <= what.value < 1 << 8 * size:
            return f"the value {what.value} does not fit into {what.field or 'a message'}: name a byte of it"
    return None


def size_of(contract: Contract, field: str) -> int:
    """The size of a field in bytes; 0 if it differs from message to message."""
    if field in contract.fields and contract.fields[field].shape not in OF_ANY_SIZE:
        return contract.fields[field].size_bytes
    return contract.head.get(field, (0, 0))[1]


def numbers(contract: Contract, direction: str) -> dict[str, int]:
    """The calls of a direction."""
    calls = {name: call.number for name, call in contract.calls(direction).items()}
    return calls | (STOCK if direction in ("downcall", "result") else {})


def order(instance: str, contract: Contract, what: Tampering) -> MessageOrder:
    """The arming of a tampering with one instance's messages."""
    call = numbers(contract, what.direction)[what.message] if what.message else ANY_CALL
    how, (where, first, size), value = way(contract, what)
    return MessageOrder(
        instance=instance, kind=what.direction, call=call, nth=what.nth, times=what.times,
        how=how, where=where, first=first, bytes=size, value=value,
    )  # fmt: skip


def way(contract: Contract, what: Tampering) -> tuple[str, Place, int]:
    """How, where, and with what value."""
    match what.action:
        case "delay":
            return "delay", ALL, round(what.delay_s * 1000)
        case "truncate":
            return "truncate", records(contract), what.cut_bytes
        case "stale":
            return "stale", records(contract), 0
        case "corrupt" if what.value is not None:
            return "set", place(contract, what), what.value
        case "corrupt":
            return "flip", place(contract, what), random.Random(what.draw).getrandbits(32)
        case action:
            return action, ALL, 0


def records(contract: Contract) -> Place:
    """All records of a message that has any."""
    return MESSAGE, contract.head["payload"][0], 0


def place(contract: Contract, what: Tampering) -> Place:
    """The part of the message that is to be changed."""
    byte, size = (what.byte or 0), int(what.byte is not None)
    if what.field in contract.fields:
        return contract.fields[what.field].key, byte, size
    first, whole = contract.head.get(what.field, (0, 0))
    return MESSAGE, first + byte, size or whole
