"""The text of a serial console: all of it up to a size, and beginning and end of a flood."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from faultkit.machine import serial
from faultkit.machine.serial import SerialLog

HEAD = 1000
RING = 2 * HEAD


class Writer:
    """QEMU's part: writes to the file until it is full, and to a ring that forgets the oldest."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.ring = b""
        self.written = b""
        self.refused = 0

    def write(self, count: int) -> None:
        """Write so many bytes, none like its neighbours, one by one."""
        data = bytes(n % 251 for n in range(len(self.written), len(self.written) + count))
        for n in range(count):
            try:
                os.write(self.fd, data[n : n + 1])
            except PermissionError:
                self.refused += 1
        self.ring = (self.ring + data)[-RING:]
        self.written += data

    def read(self, size: int) -> bytes:
        """Take bytes out of the ring."""
        piece, self.ring = self.ring[:size], self.ring[size:]
        return piece


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SerialLog, Writer]]:
    """A console of a thousand bytes at each end, and its writer."""
    for name, value in {"HEAD_BYTES": HEAD, "TAIL_BYTES": HEAD, "RING_BYTES": RING, "PIECE_BYTES": 300}.items():
        monkeypatch.setattr(serial, name, value)
    memory = os.memfd_create("console", os.MFD_ALLOW_SEALING)
    writer = os.open(f"/proc/self/fd/{memory}", os.O_WRONLY)
    log = SerialLog(memory, writer)
    log.bound()
    yield log, Writer(writer)
    os.close(memory)
    os.close(writer)


@pytest.mark.parametrize("count", [0, 1, HEAD - 1, HEAD, HEAD + 1, RING - 2])
def test_all_of_a_text_that_fits_is_there(written: tuple[SerialLog, Writer], count: int) -> None:
    log, writer = written
    writer.write(count)
    assert log.text(writer.read) == log.text(writer.read) == writer.written
    assert writer.refused == max(0, count - HEAD), "the file takes no more"


@pytest.mark.parametrize("parts", [(HEAD - 1, 1, 1, 1), (HEAD, HEAD), (1500, 400), (1500, 1000, 1700), (3, 1990, 10)])
def test_a_text_that_was_looked_at_before_is_there(written: tuple[SerialLog, Writer], parts: tuple[int, ...]) -> None:
    log, writer = written
    for count in parts:
        writer.write(count)
        found = log.text(writer.read)
    left_out = len(writer.written) - RING
    wanted = writer.written
    if left_out > 0:
        note = f"\n... {left_out} bytes are left out ...\n".encode()
        wanted = writer.written[:HEAD] + note + writer.written[-HEAD:]
    assert found == wanted


@pytest.mark.parametrize("count", [RING - 1, RING, RING + 1, 10 * RING])
def test_of_a_flood_beginning_and_end_are_there(written: tuple[SerialLog, Writer], count: int) -> None:
    log, writer = written
    writer.write(count)
    found = log.text(writer.read)
    assert found.startswith(writer.written[:HEAD]) and found.endswith(writer.written[-HEAD:])
    assert b"left out" in found and len(found) < RING + 100
    assert os.fstat(writer.fd).st_size == HEAD
