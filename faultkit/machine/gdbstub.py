"""The few words of the GDB remote protocol that the injectors need, on a connected socket.

Source: "GDB Remote Serial Protocol", appendix E of the GDB manual.
"""

from __future__ import annotations

import re
import socket
import struct

from faultkit.model import processor
from faultkit.model.errors import GuestLost, HarnessError

CHUNK = 1024  # bytes a packet; QEMU's buffer holds 4096 characters
WATCH_ANY = 4  # a "watchpoint" packet's type for reads and writes
REPLY = re.compile(rb"\$([^#]*)#[0-9a-f]{2}")
STOPPED = re.compile(rb"[TSWX][0-9a-f]{2}")
ACCESSED = re.compile(rb"a?watch:([0-9a-f]+);|rwatch:([0-9a-f]+);")


class GdbStub:
    """Guest memory and breakpoints, by virtual address, while the guest is stopped."""

    def __init__(self, stream: socket.socket, timeout_s: float = 10.0) -> None:
        self._stream = stream
        self._buffer = b""
        self._notice = b""  # why the guest stopped last
        stream.settimeout(timeout_s)

    def read(self, address: int, count: int) -> bytes:
        """Read memory of the guest. Raises: HarnessError if it is not mapped."""
        data = b""
        while len(data) < count:
            at, size = address + len(data), min(CHUNK, count - len(data))
            reply = self._ask(f"m{at:x},{size:x}")
            if reply.startswith(b"E") or not reply:
                raise HarnessError(f"guest memory at {at:#x} cannot be read")
            data += bytes.fromhex(reply.decode())
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write memory, also read-only text. Raises: HarnessError if it is not mapped."""
        for at in range(0, len(data), CHUNK):
            part = data[at : at + CHUNK]
            if self._ask(f"M{address + at:x},{len(part):x}:{part.hex()}") != b"OK":
                raise HarnessError(f"guest memory at {address + at:#x} cannot be written")

    def program_counter(self) -> int:
        """The address of the next instruction."""
        return self.registers()[processor.PROGRAM_COUNTER]

    def registers(self) -> dict[str, int]:
        """The general registers and the program counter, by name."""
        names = processor.REGISTERS
        words = struct.unpack_from(f"<{len(names)}Q", bytes.fromhex(self._ask("g").decode()))
        return dict(zip(names, words, strict=True))

    def set_register(self, name: str, value: int) -> None:
        """Change one register. The stub leaves the registers behind the last one that is sent as they are."""
        words = [value if each == name else old for each, old in self.registers().items()]
        self._must("G" + struct.pack(f"<{len(words)}Q", *words).hex())

    def set_breakpoint(self, address: int) -> None:
        """Stop the guest when it is about to execute `address`. Changes no guest memory under TCG."""
        self._must(f"Z0,{address:x},1")

    def clear_breakpoint(self, address: int) -> None:
        """Remove a breakpoint."""
        self._must(f"z0,{address:x},1")

    def set_watchpoint(self, address: int, count: int) -> None:
        """Stop the guest when it has read or written one of `count` bytes at `address`."""
        self._must(f"Z{WATCH_ANY},{address:x},{count:x}")

    def clear_watchpoint(self, address: int, count: int) -> None:
        """Remove a watchpoint."""
        self._must(f"z{WATCH_ANY},{address:x},{count:x}")

    def accessed(self) -> int | None:
        """The start of the watched bytes whose access stopped the guest last; None if it stopped for another reason.

        Ask after any other question: QEMU's notice of the stop comes before its next reply.
        """
        found = ACCESSED.search(self._notice)
        return int(found[1] or found[2], 16) if found else None

    def _must(self, packet: str) -> None:
        if (reply := self._ask(packet)) != b"OK":
            raise HarnessError(f"QEMU's debugger refused {packet!r}: {reply.decode(errors='replace')!r}")

    def _ask(self, packet: str) -> bytes:
        """Send a packet and wait for its reply; stop notices that come in between are not replies."""
        try:
            self._stream.sendall(f"${packet}#{sum(packet.encode()) % 256:02x}".encode())
            while True:
                while not (found := REPLY.search(self._buffer)):
                    if not (data := self._stream.recv(65536)):
                        raise GuestLost("QEMU closed its debugger connection")
                    self._buffer += data
                self._buffer = self._buffer[found.end() :]
                self._stream.sendall(b"+")
                if not STOPPED.match(found[1]):
                    return found[1]
                self._notice = found[1]
        except OSError as reason:
            raise GuestLost(f"QEMU's debugger does not answer: {reason}") from None
