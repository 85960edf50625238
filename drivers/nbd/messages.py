"""The messages of NBD's transmission phase, cut out of a stream.

Source: the NBD protocol (doc/proto.md of the NetworkBlockDevice project), "Transmission", with simple replies: nbd.ko
asks for no others.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REQUEST = struct.Struct(">IHH8sQI")  # magic, flags, type, cookie, offset, length
REPLY = struct.Struct(">II8s")  # magic, error, cookie
REQUEST_MAGIC, REPLY_MAGIC = bytes.fromhex("25609513"), bytes.fromhex("67446698")
MAGIC_BYTES = 4
KINDS = ("read", "write", "disconnect", "flush", "trim", "cache", "write_zeroes")
LARGEST_BYTES = 32 << 20  # the longest payload that a server has to take

Span = tuple[int, int | None]
FIELDS: Mapping[str, Mapping[str, Span]] = {
    "request": {
        "magic": (0, 4),
        "flags": (4, 6),
        "type": (6, 8),
        "cookie": (8, 16),
        "offset": (16, 24),
        "length": (24, 28),
        "payload": (28, None),
    },
    "reply": {"magic": (0, 4), "error": (4, 8), "cookie": (8, 16), "payload": (16, None)},
}
Receive = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and the kind of request that it is or answers; "" if that is unknown."""

    direction: str
    kind: str
    data: bytes


@dataclass(slots=True)
class Conversation:
    """A connection's memory of its requests, which tells how to read the replies."""

    expected: dict[bytes, list[tuple[str, int]]] = field(default_factory=dict)

    def request(self, receive: Receive) -> Message:
        """The request that comes next; `receive` gives exactly so many bytes."""
        head = receive(REQUEST.size)
        kind, _, size = summary(head)
        return Message("request", kind, head + receive(size if kind == "write" and size <= LARGEST_BYTES else 0))

    def reply(self, receive: Receive) -> Message:
        """The reply that comes next."""
        head = receive(REPLY.size)
        _, error, cookie = REPLY.unpack(head)
        kind, size = self._take(cookie)
        return Message("reply", kind, head + receive(0 if error else size))

    def sent(self, data: bytes) -> None:
        """A request goes out to the server, as it has become."""
        if data.startswith(REQUEST_MAGIC) and len(data) >= REQUEST.size:
            kind, cookie, size = summary(data)
            self.expected.setdefault(cookie, []).append((kind, size if kind == "read" else 0))

    def _take(self, cookie: bytes) -> tuple[str, int]:
        """The kind of the request with this cookie, and the size of the payload that answers it."""
        waiting = self.expected.pop(cookie, [])
        if len(waiting) > 1:
            self.expected[cookie] = waiting[1:]
        return waiting[0] if waiting else ("", 0)


def summary(request: bytes) -> tuple[str, bytes, int]:
    """A request's kind, cookie and length."""
    _, _, number, cookie, _, length = REQUEST.unpack_from(request)
    return KINDS[number] if number < len(KINDS) else "", cookie, length


def field_at(direction: str, at: int) -> str:
    """The field that a byte of a message belongs to."""
    spans = FIELDS[direction].items()
    return next(name for name, (low, high) in spans if low <= at and (high is None or at < high))
