"""The GDB remote protocol, against a server that answers like QEMU's."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from faultkit.machine.gdbstub import CHUNK, GdbStub
from faultkit.model.errors import GuestLost, HarnessError
from faultkit.model.processor import REGISTERS

BASE = 0x1000
PACKET = re.compile(rb"\$([^#]*)#([0-9a-f]{2})")


class Stub:
    """QEMU's side: 8 KiB of memory at BASE, some registers, breakpoints; talks of stops when it likes."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.memory = bytearray(range(256)) * 32
        self.breakpoints: set[int] = set()
        self.watchpoints: set[int] = set()
        self.registers = b"".join(n.to_bytes(8, "little") for n in range(0x100, 0x118))
        self.asked: list[str] = []
        self.pieces = 1  # how many sends a reply takes
        self.notice = b""  # sent before the next reply

    def serve(self) -> None:
        data = b""
        while part := self.stream.recv(65536):
            data += part
            while found := PACKET.search(data):
                data = data[found.end() :]
                assert sum(found[1]) % 256 == int(found[2], 16), "the checksum is right"
                self.reply(self.answer(found[1].decode()))

    def reply(self, text: str) -> None:
        packet = b"+" + self.notice + f"${text}#{sum(text.encode()) % 256:02x}".encode()
        self.notice = b""
        size = -(-len(packet) // self.pieces)
        for at in range(0, len(packet), size):
            self.stream.sendall(packet[at : at + size])

    def answer(self, packet: str) -> str:
        self.asked.append(packet)
        kind, rest = packet[0], packet[1:]
        if kind == "g":
            return self.registers.hex()
        if kind == "G":  # as QEMU does it: what is not sent stays
            self.registers = bytes.fromhex(rest) + self.registers[len(rest) // 2 :]
            return "OK"
        numbers = [int(word, 16) for word in rest.partition(":")[0].split(",")]
        if kind in "zZ":
            points = self.watchpoints if numbers[0] == 4 else self.breakpoints
            (points.add if kind == "Z" else points.discard)(numbers[1])
            return "OK" if numbers[1] else "E22"
        at, size = numbers[0] - BASE, numbers[1]
        if at < 0 or at + size > len(self.memory):
            return "E14"
        if kind == "M":
            self.memory[at : at + size] = bytes.fromhex(rest.partition(":")[2])
            return "OK"
        return self.memory[at : at + size].hex()


@pytest.fixture
def stub() -> Iterator[Stub]:
    ours, theirs = socket.socketpair()
    server = Stub(theirs)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    server.client = GdbStub(ours, timeout_s=2)  # type: ignore[attr-defined]
    yield server
    ours.close()
    thread.join(2)
    theirs.close()


@pytest.fixture
def gdb(stub: Stub) -> GdbStub:
    return stub.client  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1, 5000])
def test_memory_is_read_in_pieces_that_fit_a_packet(gdb: GdbStub, stub: Stub, count: int) -> None:
    assert gdb.read(BASE + 3, count) == stub.memory[3 : 3 + count]
    assert all(int(packet.partition(",")[2], 16) <= CHUNK for packet in stub.asked)


@pytest.mark.parametrize("count", [1, CHUNK, 3000])
def test_what_is_written_is_there(gdb: GdbStub, stub: Stub, count: int) -> None:
    data = bytes(n * 7 % 251 for n in range(count))
    gdb.write(BASE + 5, data)
    assert stub.memory[5 : 5 + count] == data
    assert stub.memory[:5] == bytes(range(5))
    assert gdb.read(BASE + 5, count) == data


def test_memory_that_is_not_mapped_is_a_harness_error_with_the_address(gdb: GdbStub) -> None:
    with pytest.raises(HarnessError, match="0x10 cannot be read"):
        gdb.read(0x10, 4)
    with pytest.raises(HarnessError, match="0x3000 cannot be written"):
        gdb.write(0x3000, b"x")
    assert gdb.read(BASE, 1) == b"\0", "the connection is still in step"


def test_the_program_counter_is_the_seventeenth_register(gdb: GdbStub) -> None:
    assert gdb.program_counter() == 0x110


def test_a_register_is_changed_and_no_other(gdb: GdbStub, stub: Stub) -> None:
    before = stub.registers
    gdb.set_register("rdx", 0xFFFF888000001234)
    assert gdb.registers() == {
        name: 0xFFFF888000001234 if name == "rdx" else 0x100 + n for n, name in enumerate(REGISTERS)
    }
    assert stub.registers[17 * 8 :] == before[17 * 8 :]


def test_watchpoints_are_set_and_cleared(gdb: GdbStub, stub: Stub) -> None:
    gdb.set_watchpoint(0xFFFF888000001234, 8)
    assert (stub.watchpoints, stub.breakpoints) == ({0xFFFF888000001234}, set())
    gdb.clear_watchpoint(0xFFFF888000001234, 8)
    assert stub.watchpoints == set()


@pytest.mark.parametrize("word", ["watch", "rwatch", "awatch"])
def test_a_stop_at_an_access_names_the_byte_until_the_next_stop(gdb: GdbStub, stub: Stub, word: str) -> None:
    assert gdb.accessed() is None
    for notice, byte in ((f"T05thread:01;{word}:ffff888000001234;", 0xFFFF888000001234), ("T05thread:01;", None)):
        stub.notice = f"${notice}#{sum(notice.encode()) % 256:02x}".encode()
        gdb.program_counter()
        assert gdb.accessed() == byte


def test_breakpoints_are_set_and_cleared(gdb: GdbStub, stub: Stub) -> None:
    gdb.set_breakpoint(0xFFFFFFFFC0001234)
    assert stub.breakpoints == {0xFFFFFFFFC0001234}
    gdb.clear_breakpoint(0xFFFFFFFFC0001234)
    assert stub.breakpoints == set()


def test_a_refused_breakpoint_is_a_harness_error(gdb: GdbStub) -> None:
    with pytest.raises(HarnessError, match="refused 'Z0,0,1': 'E22'"):
        gdb.set_breakpoint(0)


def test_a_reply_may_come_in_pieces(gdb: GdbStub, stub: Stub) -> None:
    stub.pieces = 40
    assert gdb.read(BASE, 300) == stub.memory[:300]


@pytest.mark.parametrize("notice", [b"$T05thread:01;#07", b"$T02thread:01;#04", b"$S05#b8"])
def test_a_stop_notice_in_between_is_no_reply(gdb: GdbStub, stub: Stub, notice: bytes) -> None:
    stub.notice = notice
    assert gdb.read(BASE, 4) == b"\0\1\2\3"
    stub.notice = notice
    gdb.set_breakpoint(BASE)
    assert stub.breakpoints == {BASE}


def test_a_closed_connection_is_a_lost_guest() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(GuestLost), ours:
        GdbStub(ours).read(BASE, 1)


def test_an_end_in_the_middle_of_a_reply_is_a_lost_guest() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"+$00")
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(GuestLost, match="closed its debugger connection"), ours, theirs:
        GdbStub(ours).read(BASE, 1)


def test_silence_is_a_lost_guest() -> None:
    ours, theirs = socket.socketpair()
    with pytest.raises(GuestLost, match="does not answer"), ours, theirs:
        GdbStub(ours, timeout_s=0.05).read(BASE, 1)
