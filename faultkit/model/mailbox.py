"""The memory that host and guest share: the plan goes in, the results come out; nothing else crosses.

A trial must not depend on when the host does anything, so the two never run at the same time: the agent
writes here, then stops the guest at that very instruction; the host reads and writes while it is stopped.
What the agent wrote outlives a kernel crash. Layout, little endian:

    0      state (u32), length of the text (u32), of the log (u64), of the raw section (u64)
    4 KiB  text: spec, manifest, plan, a host call's answer, or what went wrong
    4 MiB  log: one JSON line an event, [t_ns, source, kind, data]; its last 256 KiB are for last words
    20 MiB raw: what the monitors collected; name and data, each behind its length (u32)
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from enum import IntEnum
from mmap import mmap
from typing import Any

from faultkit.model.events import LAST_WORDS

SIZE = 32 << 20
ADDRESS = 5 << 30  # guest-physical; beyond RAM, where no kernel driver looks
ENCODED = json.JSONEncoder(separators=(",", ":")).encode
TEXT, LOG, RAW = 4 << 10, 4 << 20, 20 << 20
LAST = 256 << 10  # of the log
LINE_BYTES = 64 << 10  # of one event
HEADER = struct.Struct("<IIQQ")
WORD = struct.Struct("<II")  # state and text length only
LENGTH = struct.Struct("<I")
COLLECTED = 1000  # the most names in the raw section: a faulty guest may claim millions


class State(IntEnum):
    """The reason for which the guest is stopped, and the side that acts next."""

    BOOTING = 0
    READY = 1  # prepared: the text is the manifest
    FROZEN = 2  # the point from which trials are forked
    RUNNING = 3  # host -> guest: the text is a plan, or the answer to a call
    CALL = 4  # the fault's host side is asked to act
    DONE = 5  # the trial is over
    BROKEN = 6  # the agent failed: the text says how


class Mailbox:
    """One side's view of the shared memory."""

    def __init__(self, memory: mmap) -> None:
        self._memory = memory
        self._log = self._raw = 0

    @property
    def state(self) -> State | None:
        """The state word; None if a faulty guest overwrote it."""
        value = self._header()[0]
        return State(value) if value <= max(State) else None

    def put(self, state: State, text: str = "") -> None:
        """Write a text, then the state."""
        data = text.encode()
        if len(data) > LOG - TEXT:
            raise ValueError(f"{len(data)} bytes do not fit into the mailbox")
        self._memory[TEXT : TEXT + len(data)] = data
        WORD.pack_into(self._memory, 0, state, len(data))  # the host's answers leave the guest's log alone

    def text(self) -> str:
        """The text that was put last."""
        return self._memory[TEXT : TEXT + min(self._header()[1], LOG - TEXT)].decode(errors="replace")

    def log(self, t_ns: int, source: str, kind: str, data: dict[str, Any]) -> bool:
        """Append an event; False if it is too long, or the log is full. Last words have room of their own."""
        line = ENCODED((t_ns, source, kind, data)).encode() + b"\n"
        end = LOG + self._log + len(line)
        if len(line) > LINE_BYTES or end > (RAW if kind in LAST_WORDS else RAW - LAST):
            return False
        self._memory[end - len(line) : end] = line
        self._log += len(line)
        struct.pack_into("<Q", self._memory, 8, self._log)
        return True

    def lines(self) -> Iterator[list[Any]]:
        """The logged events, for the guest itself. A line that is garbled is skipped."""
        for line in self.log_lines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def log_lines(self) -> Iterator[bytes]:
        """The lines of the log, as they are; for the host, which trusts none of them."""
        size = min(self._header()[2], RAW - LOG)
        log, at = self._memory[LOG : LOG + size], 0
        while at < size:
            end = log.find(b"\n", at)
            end = size if end < 0 else end
            yield log[at:end]
            at = end + 1

    def add_raw(self, name: str, data: bytes) -> bool:
        """Append what a monitor collected; False if it does not fit."""
        block = b"".join(LENGTH.pack(len(part)) + part for part in (name.encode(), data))
        start = RAW + self._raw
        if start + len(block) > SIZE:
            return False
        self._memory[start : start + len(block)] = block
        self._raw += len(block)
        struct.pack_into("<Q", self._memory, 16, self._raw)
        return True

    def raw(self) -> dict[str, bytes]:
        """The data that the monitors collected, by name."""
        memory = self._memory[RAW : RAW + min(self._header()[3], SIZE - RAW)]
        parts, at = list[bytes](), 0
        while at + LENGTH.size <= len(memory) and len(parts) < 2 * COLLECTED:
            (count,) = LENGTH.unpack_from(memory, at)
            at += LENGTH.size + count
            parts.append(memory[at - count : at])
        return {name.decode(errors="replace"): data for name, data in zip(parts[::2], parts[1::2], strict=False)}

    def clear(self) -> None:
        """Forget the log and the raw section (at the start of a trial)."""
        self._log = self._raw = 0
        struct.pack_into("<QQ", self._memory, WORD.size, 0, 0)

    def _header(self) -> tuple[int, ...]:
        return HEADER.unpack_from(self._memory, 0)
