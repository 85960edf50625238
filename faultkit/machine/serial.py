"""The text that a guest writes to its serial console, as far as it is kept, however much it writes.

The beginning goes to a file in memory, which is sealed against growing, and the end to a ring in QEMU's own memory.
Neither makes the guest wait, so that a flood of text costs no memory and leaves virtual time as it is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable

HEAD_BYTES = TAIL_BYTES = 4 << 20  # of a console, the most that is kept
RING_BYTES = 2 * TAIL_BYTES  # a ring that is not full has everything
PIECE_BYTES = 4 << 20  # of the ring, read at once


class SerialLog:
    """The beginning and the end of what a guest writes.

    `memory`: a file in memory. `writer`: the same for writing alone, as QEMU wants it, which shares its position.
    """

    def __init__(self, memory: int, writer: int) -> None:
        self._memory = memory
        self._writer = writer
        self._tail = bytearray()  # of what was read from the ring
        self._total: int | None = 0  # bytes that came out of the ring; None: it has lost some

    def bound(self) -> None:
        """Let the file grow no further; to be called once QEMU has opened it, which empties it."""
        os.ftruncate(self._memory, HEAD_BYTES)
        fcntl.fcntl(self._memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)

    def text(self, read_ring: Callable[[int], bytes]) -> bytes:
        """All that is kept, with a line for what is left out. `read_ring` takes so many bytes out of the ring."""
        written = os.lseek(self._writer, 0, os.SEEK_CUR)
        head = os.pread(self._memory, min(written, HEAD_BYTES), 0)
        if len(head) < HEAD_BYTES:
            return head
        self._drain(read_ring)
        if self._total is None:
            return b"\n... more than can be counted is left out ...\n".join((head, bytes(self._tail)))
        behind = max(0, self._total - HEAD_BYTES)
        if behind <= TAIL_BYTES:
            return head + self._tail[len(self._tail) - behind :]
        return f"\n... {behind - TAIL_BYTES} bytes are left out ...\n".encode().join((head, bytes(self._tail)))

    def _drain(self, read_ring: Callable[[int], bytes]) -> None:
        """Take all out of the ring, and keep the last of it."""
        found = 0
        while piece := read_ring(PIECE_BYTES):
            found += len(piece)
            self._tail += piece
            del self._tail[:-TAIL_BYTES]
        full = found >= RING_BYTES - 1  # a ring cannot tell if it has just come to be full
        self._total = None if full or self._total is None else self._total + found
