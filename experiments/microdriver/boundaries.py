"""Every wrong value that is worth a try in the messages of a contract, from the contract's own tables."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from injectors.channel.channel import Channel
from microdriver.contract import IN, OUT, Call, Contract, Field

KINDS = {"return": 2, "downcall": 3}  # enum mdrv_kind
CARRIES = {"return": OUT, "downcall": IN}  # what crosses from the u-driver to the k-driver
HEARD = {"return": ("kind", "call", "seq", "status", "bytes"),
         "downcall": ("kind", "call", "seq", "bytes", "turn", "args.0")}  # fmt: skip
SETTABLE_BYTES = 8  # of a larger field, bits can be flipped
RECORD = ("record.object", "record.field", "record.bytes")


@dataclass(frozen=True, slots=True)
class MessageKind:
    """A kind of message from the u-driver. `buffer`: it carries data of no fixed place, which no table tells of."""

    direction: str
    call: str
    buffer: bool = False


def wrongs(contract: Contract, message: MessageKind, draw: random.Random, most: int | None = None) -> Iterator[Channel]:
    """Each field of a message with each value at a boundary, and with a flipped bit; or with `most` of these, drawn.

    What means nothing in a message counts as one field, with all its bits set in each part.
    """
    corrupt = partial(Channel, "corrupt", message.direction, message.call)
    for field, values in fields(contract, message):
        wrong = [corrupt(field=field, value=value) for value in values]
        wrong.append(corrupt(field=field, draw=draw.getrandbits(32)))
        yield from some(wrong, draw, most)
    parts = unheard(contract, message)
    yield from some([corrupt(field=part, value=top(contract.head[part][1])) for part in parts], draw, most)


def some(wrong: list[Channel], draw: random.Random, most: int | None) -> list[Channel]:
    """A sample of `most` faults, or all of them."""
    return wrong if most is None else draw.sample(wrong, min(most, len(wrong)))


def fields(contract: Contract, message: MessageKind) -> Iterator[tuple[str, list[int]]]:
    """The fields of a message: its head's, those of its first record, and those of shared objects that it may tell."""
    call = contract.calls(message.direction).get(message.call)  # None: the runtime's own
    own = {"kind": KINDS[message.direction], "status": 0} | ({"call": call.number} if call else {})
    tells = changeable(contract, message, call)
    for part in (*HEARD[message.direction], *(RECORD if tells or message.buffer else ())):
        yield part, boundaries(contract.head[part][1], own.get(part))
    for field in tells:
        near = () if field.size_bytes > SETTABLE_BYTES else (field.low - 1, field.high + 1)
        yield field.name, boundaries(field.size_bytes, None, near) if near else []


def changeable(contract: Contract, message: MessageKind, call: Call | None) -> list[Field]:
    """The shared fields that the u-driver may change with a message."""
    return [contract.fields[name] for name, mode in (call.sees if call else ()) if mode & CARRIES[message.direction]]


def unheard(contract: Contract, message: MessageKind) -> Iterator[str]:
    """The parts of a head that mean nothing in a message of this direction: nobody may look at them."""
    meant = (*HEARD[message.direction], *RECORD, "payload")
    return (part for part in contract.head if part not in meant)


def boundaries(size_bytes: int, own: int | None, others: Iterable[int] = ()) -> list[int]:
    """0, 1, all ones, the sign bit alone, the neighbours of a field's `own` value, and `others`, as far as they fit."""
    near = () if own is None else (own - 1, own + 1)
    fitting = {0, 1, top(size_bytes), 1 << (8 * size_bytes - 1), *near, *others} - {own}
    return sorted(value for value in fitting if 0 <= value <= top(size_bytes))


def top(size_bytes: int) -> int:
    """The largest number of so many bytes."""
    return (1 << 8 * size_bytes) - 1
