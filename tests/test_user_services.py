"""The kernel's functions that the process of a sliced driver has of its own."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import signal
import subprocess
import time
import tomllib
import zlib
from collections.abc import Callable, Iterable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_ulong, c_void_p, create_string_buffer
from pathlib import Path
from typing import NamedTuple

import pytest
from clang.cindex import CursorKind, Index, Type, TypeKind
from hypothesis import given
from hypothesis import strategies as st

from faultkit.machine.image import headers, headers_version
from faultkit.model.errors import HarnessError, UnmetNeed
from slicer.build import PROCESS_FLAGS
from slicer.source import kernel_options
from tests.test_kernel_code import HOME

SERVICES = HOME / "microdriver" / "services"
RECORDER = Path(__file__).with_name("user_services") / "recorder.c"
COMPILE = (
    "gcc",
    "-O2",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    f"-I{SERVICES}",
    f"-I{SERVICES.parent / 'kernel'}",
    f"-I{SERVICES.parent / 'user'}",
)
ALONE = "warn.c"  # it handles a signal in the process that loads it


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All services but the one that handles a signal, with a recorder of what they ask of the runtime, as a library."""
    library = tmp_path_factory.mktemp("services") / "services.so"
    sources = [path for path in SERVICES.glob("*.c") if path.name != ALONE]
    subprocess.run([*COMPILE, "-shared", "-fPIC", "-o", library, *sources, RECORDER], check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def recorded(services: ctypes.CDLL) -> Iterator[Callable[[], str]]:
    """A function that gives what has been printed since: lines of a level, `d` or `n`, `*` for a device, and text."""
    text = ctypes.c_char.in_dll(services, "recorded")
    text.value = b"\0"
    yield lambda: ctypes.string_at(ctypes.addressof(text)).decode()


def formatted(services: ctypes.CDLL, text: str, *args: object, room: int = 512) -> str:
    """The text that k_snprintf() writes; its result is the length of the whole text."""
    to = create_string_buffer(room)
    length = services.k_snprintf(to, c_size_t(room), text.encode(), *args)
    assert length == len(to.value) or length >= room
    return to.value.decode()


def long(number: int) -> c_long:
    return c_long(number)


def at(data: bytes) -> ctypes.Array[ctypes.c_char]:
    return create_string_buffer(data, len(data) + 1)


# ---- format.c ----


INTEGERS = st.tuples(
    st.sampled_from(["d", "u", "x", "X", "o"]), st.booleans(), st.booleans(), st.integers(0, 12), st.integers()
)
SIZES = {"hh": 8, "h": 16, "": 32, "l": 64, "ll": 64, "L": 64, "z": 64, "t": 64}


@given(INTEGERS, st.sampled_from(list(SIZES)))
def test_integers(services: ctypes.CDLL, integer: tuple[str, bool, bool, int, int], size: str) -> None:
    letter, left, zeros, width, number = integer
    flags = "-" * left + "0" * zeros + (str(width) if width else "")
    wrapped = number % (1 << SIZES[size])
    if letter == "d" and wrapped >> (SIZES[size] - 1):
        wrapped -= 1 << SIZES[size]
    python = f"%{flags}{letter}" % wrapped if not (left and zeros) else f"%-{width or ''}{letter}" % wrapped
    assert formatted(services, f"%{flags}{size}{letter}", long(number % (1 << 64))) == python


class Said(NamedTuple):
    """A format, its arguments, and what the kernel makes of them."""

    text: str
    args: tuple[object, ...]
    expected: str


MAC = at(bytes.fromhex("001122aabbff"))
IP4 = at(bytes([10, 0, 0, 200]))
IP6 = at(bytes.fromhex("20010db8000000000000000000000001"))
IP6_MAPPED = at(bytes.fromhex("00000000000000000000ffff0a0000c8"))
IP6_TWO_RUNS = at(bytes.fromhex("20010000000000010000000000000002"))
UUID = at(bytes(range(16)))
BYTES = at(bytes(range(0, 80)))
WORD = byref(c_ulong(0x1234ABCD))
BITS = at(bytes.fromhex("8f000000010000000000000000000080"))


def resource(start: int, end: int, flags: int) -> ctypes.Array[c_ulong]:
    return (c_ulong * 4)(start, end, 0, flags)


def as_pointer(number: int) -> c_void_p:
    return c_void_p(number % (1 << 64))


SAID = (
    Said("no conversion, 100%%", (), "no conversion, 100%"),
    Said("%s|%8s|%-8s|%.2s|%8.2s|", (b"abc",) * 5, "abc|     abc|abc     |ab|      ab|"),
    Said("%s", (None,), "(null)"),
    Said("%s", (as_pointer(17),), "(efault)"),
    Said("%.*s|%.*s", (2, b"abc", -1, b"abc"), "ab|"),
    Said("%c%3c%-3c|", (65, 66, 67), "A  BC  |"),
    Said("%*d|%-*d|%*d|", (4, 7, 4, 7, -4, 7), "   7|7   |7   |"),
    Said("%#x %#X %#o %#x %#o", (255, 255, 8, 0, 0), "0xff 0XFF 010 0x0 0"),
    Said("%#06x|%#6x|%#-6x|", (255, 255, 255), "0x00ff|  0xff|0xff  |"),
    Said("%+d % d %+d %+u", (5, 5, -5, 5), "+5  5 -5 5"),
    Said("%.3d|%.0d|%8.3d|%08.3d|", (5, 0, 5, 5), "005|0|     005|00000005|"),
    Said("%hhx %hhd %hx %hd", (0x1FF, 0x1FF, 0x1FFFF, 0x1FFFF), "ff -1 ffff -1"),
    Said("%zu %Lu %llx %td", (long(2**40), long(2**41), long(-1), long(-3)), f"{2**40} {2**41} {2**64 - 1:x} -3"),
    Said("%5%|%d", (1,), "%|1"),
    Said("stops here %q %d", (1,), "stops here "),
    Said("%f", (), ""),
    Said("%p|%p|%10p", (None, as_pointer(-22), None), "0000000000000000|ffffffffffffffea|         0"),
    Said("%p %pK", (MAC, MAC), "(____ptrval____) (____ptrval____)"),
    Said("%px %px", (as_pointer(0xABC), as_pointer(-1)), f"0000000000000abc {2**64 - 1:x}"),
    Said("%pM %pm %pMF %pMR", (MAC,) * 4, "00:11:22:aa:bb:ff 001122aabbff 00-11-22-aa-bb-ff ff:bb:aa:22:11:00"),
    Said("%20pM|%-20pM|", (MAC, MAC), "   00:11:22:aa:bb:ff|00:11:22:aa:bb:ff   |"),
    Said("%pM", (None,), "(null)"),
    Said("%pI4 %pi4 %pI4h", (IP4,) * 3, "10.0.0.200 010.000.000.200 200.0.0.10"),
    Said("%pI6", (IP6,), "2001:0db8:0000:0000:0000:0000:0000:0001"),
    Said("%pi6", (IP6,), "20010db8000000000000000000000001"),
    Said("%pI6c %pI6c %pI6c", (IP6, IP6_MAPPED, IP6_TWO_RUNS), "2001:db8::1 ::ffff:10.0.0.200 2001:0:0:1::2"),
    Said("%pUb", (UUID,), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    Said("%pUL", (UUID,), "03020100-0504-0706-0809-0A0B0C0D0E0F"),
    Said(
        "%*ph|%*phC|%*phD|%*phN|%ph|",
        (3, BYTES, 3, BYTES, 3, BYTES, 3, BYTES, BYTES),
        "00 01 02|00:01:02|00-01-02|000102|00|",
    ),
    Said("%3phN %*ph", (BYTES, 0, BYTES), "000102 "),
    Said("%*phN", (80, BYTES), bytes(range(64)).hex()),
    Said("%pe %pe %pe", (as_pointer(-errno.ENOSPC), as_pointer(-1234), MAC), "-ENOSPC -1234 (____ptrval____)"),
    Said("%pa %pad %pap", (WORD,) * 3, " ".join(["0x000000001234abcd"] * 3)),
    Said("%pNF", (WORD,), "0x000000001234abcd"),
    Said("%pS %ps", (as_pointer(0xFFFF0000), as_pointer(0)), "0xffff0000 0x0"),
    Said("%pR", (resource(0xC000, 0xC0FF, 0x100),), "[io  0xc000-0xc0ff]"),
    Said("%pr", (resource(0xC000, 0xC0FF, 0x100),), "[io  0xc000-0xc0ff flags 0x100]"),
    Said("%pR", (resource(0xFEB00000, 0xFEB1FFFF, 0x102200),), "[mem 0xfeb00000-0xfeb1ffff 64bit pref]"),
    Said("%pR", (resource(0, 0xFFF, 0x20000200),), "[mem size 0x00001000]"),
    Said("%pR %pR", (resource(11, 11, 0x400), resource(0, 255, 0x1000)), "[irq 11] [bus 00-ff]"),
    Said("%*pb|%*pb|", (8, BITS, 40, BITS), "8f|01,0000008f|"),
    Said("%*pbl|%*pb|", (128, BITS, 0, BITS), "0-3,7,32,127||"),
    Said("%pOF %pd", (MAC, MAC), "(einval) (einval)"),
)


@pytest.mark.parametrize("said", SAID, ids=lambda said: said.text)
def test_formats(services: ctypes.CDLL, said: Said) -> None:
    assert formatted(services, said.text, *said.args) == said.expected


def test_a_format_within_a_format(services: ctypes.CDLL) -> None:
    """%pV of a struct va_format, as wrappers of printk() use it."""
    assert formatted(services, "%s", b"x", room=1) == ""
    to = create_string_buffer(64)
    assert services.wrapped(to, c_size_t(64), b"%d-%s", 7, b"seven") == len(b"<7-seven>")
    assert to.value == b"<7-seven>"
    assert services.wrapped(to, c_size_t(5), b"%d-%s", 7, b"seven") == len(b"<7-seven>")
    assert to.value == b"<7-s"


@given(st.integers(0, 40), st.text("abc", max_size=30))
def test_a_text_that_is_cut(services: ctypes.CDLL, room: int, text: str) -> None:
    """snprintf() returns the whole length, scnprintf() what is there; neither writes behind its room."""
    to = create_string_buffer(b"\xee" * 64, 64)
    assert services.k_snprintf(to, c_size_t(room), b"<%s>", text.encode()) == len(text) + 2
    kept = f"<{text}>"[: max(room - 1, 0)].encode()
    assert to.raw == (kept + b"\0" if room else b"") + b"\xee" * (64 - len(kept) - bool(room))
    assert services.k_scnprintf(to, c_size_t(room), b"<%s>", text.encode()) == len(kept)


# ---- print.c ----


def test_levels_of_printk(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    """The first number counts, and `c` alone continues a line; the result is without levels and newline."""
    assert services._printk(b"\x013three %d\n", 3) == len("three 3")
    services._printk(b"plain")
    services._printk(b"\x01c more")
    services._printk(b"\x01c\x016both")
    services._printk(b"%s5 later", b"\x01")
    assert recorded() == "3d three 3\n\n-d plain\nc d more\n6d both\n5d  later\n".replace("c d ", "cd  ")


def test_what_devices_print(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    """They give their level, and the device if both halves know it."""
    known, unknown = byref((c_ubyte * 64).in_dll(services, "known")), at(b"unknown")
    for name in ("emerg", "alert", "crit", "err", "warn", "notice", "info"):
        getattr(services, f"_dev_{name}")(known, b"d %d", 1)
        getattr(services, f"netdev_{name}")(known, b"n %s", b"x")
    wanted = [f"{level}d*d 1\n{level}n*n x\n" for level in range(7)]
    services._dev_printk(b"\x014", unknown, b"who")
    services.netdev_printk(b"\x017", unknown, b"who")
    services.netdev_info(None, b"none")
    wanted += ["4d who\n", "7d who\n", "6n none\n"]
    assert recorded() == "".join(wanted)


def test_a_long_text_is_cut_as_the_kernels_log_cuts_it(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    assert services._printk(b"%s", b"x" * 2000) == 1023
    assert recorded() == "-d " + "x" * 1023 + "\n"


def test_debugging_is_silent(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    services.__dynamic_pr_debug(None, b"%d", 1)
    services.__dynamic_netdev_dbg(None, None, b"%d", 1)
    assert recorded() == ""


# ---- registers.c ----


@given(st.integers(0, 9), st.binary(max_size=40))
def test_copies_of_registers(services: ctypes.CDLL, offset: int, data: bytes) -> None:
    """The content is right at each alignment, and nothing else is touched."""
    registers = create_string_buffer(b"\xee" * 64, 64)
    there = ctypes.addressof(registers) + offset
    services.memcpy_toio(c_void_p(there), data, c_size_t(len(data)))
    assert registers.raw == b"\xee" * offset + data + b"\xee" * (64 - offset - len(data))
    back = create_string_buffer(b"\xdd" * 64, 64)
    services.memcpy_fromio(back, c_void_p(there), c_size_t(len(data)))
    assert back.raw == data + b"\xdd" * (64 - len(data))
    services.memset_io(c_void_p(there), 0x1AB, c_size_t(len(data)))
    assert registers.raw == b"\xee" * offset + b"\xab" * len(data) + b"\xee" * (64 - offset - len(data))


def test_single_registers(services: ctypes.CDLL) -> None:
    word = c_ulong(0x1122334455667788)
    reads = [getattr(services, f"ioread{name}") for name in ("8", "16", "16be", "32", "32be")]
    assert [read(byref(word)) for read in reads] == [0x88, 0x7788, 0x8877, 0x55667788, 0x88776655 - 2**32]
    services.iowrite8(0xFF, byref(word))
    assert word.value == 0x11223344556677FF
    services.iowrite16be(0x1234, byref(word))
    assert word.value == 0x1122334455663412
    services.iowrite32(c_ulong(0xFFFFFFFF), byref(word))
    assert word.value == 0x11223344FFFFFFFF
    to = create_string_buffer(9)
    services.ioread16_rep(byref(word), to, c_ulong(4))
    assert to.raw == b"\xff" * 8 + b"\0"


# ---- locks.c ----


def test_spinlocks_close_the_gate(services: ctypes.CDLL) -> None:
    gate = c_int.in_dll(services, "gate")
    for kind in ("spin", "read", "write"):
        for suffix in ("", "_bh", "_irq"):
            getattr(services, f"_raw_{kind}_lock{suffix}")(None)
            assert gate.value == 1
            getattr(services, f"_raw_{kind}_unlock{suffix}")(None)
            assert gate.value == 0
        getattr(services, f"_raw_{kind}_lock_irqsave")(None)
        assert getattr(services, f"_raw_{kind}_trylock")(None) == 1
        assert gate.value == 2
        getattr(services, f"_raw_{kind}_unlock_irqrestore")(None, 0)
        getattr(services, f"_raw_{kind}_unlock")(None)
        assert gate.value == 0


# ---- strings.c ----


@given(st.text("abc", max_size=12), st.integers(0, 14))
def test_sized_strscpy(services: ctypes.CDLL, text: str, room: int) -> None:
    to = create_string_buffer(b"\xee" * 16, 16)
    services.sized_strscpy.restype = c_long
    length = services.sized_strscpy(to, text.encode(), c_size_t(room))
    fits = len(text) < room
    assert length == (len(text) if fits else -errno.E2BIG)
    assert to.raw[:room] == (text if fits else text[: max(room - 1, 0)]).encode() + b"\0" * (room > 0) + b"\xee" * (
        room - len(text) - 1 if fits else 0
    )
    assert to.raw[room:] == b"\xee" * (16 - room)


# ---- memory.c ----


@given(st.integers(1, 3 << 12))
def test_memory_is_zeroed_and_aligned_as_the_kernels(services: ctypes.CDLL, size: int) -> None:
    give = services.__kmalloc_noprof
    give.restype, services.kfree.argtypes = c_void_p, [c_void_p]
    there = give(c_size_t(size), 0)
    assert ctypes.string_at(there, size) == bytes(size)
    assert there % (size if size & (size - 1) == 0 else 8) == 0
    services.kfree(there)


def test_copies_of_memory(services: ctypes.CDLL) -> None:
    for name in ("kstrdup", "kstrndup", "kmemdup_nul", "kasprintf", "devm_kasprintf", "krealloc_noprof"):
        getattr(services, name).restype = c_void_p
    assert ctypes.string_at(services.kstrdup(b"text", 0)) == b"text"
    assert services.kstrdup(None, 0) is None
    assert ctypes.string_at(services.kstrndup(b"text", c_size_t(2), 0)) == b"te"
    assert ctypes.string_at(services.kasprintf(0, b"%pM", MAC)) == b"00:11:22:aa:bb:ff"
    grown = services.krealloc_noprof(c_void_p(services.kstrdup(b"text", 0)), c_size_t(4096), 0)
    assert ctypes.string_at(grown, 4096) == b"text".ljust(4096, b"\0")
    device = at(b"device")
    text = services.devm_kasprintf(device, 0, b"%d", 5)
    assert ctypes.string_at(text) == b"5"
    services.services_devm_release(device, c_size_t(1))


def dies(function: Callable[..., object], *args: object) -> bool:
    """True if a call ends its process."""
    child = os.fork()
    if not child:
        function(*args)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def test_memory_of_a_device_goes_with_the_bytes_in_which_it_lies(services: ctypes.CDLL) -> None:
    services.devm_kmalloc.restype = c_void_p
    device, size = 4096, c_size_t(8)
    text = c_void_p(services.devm_kmalloc(c_void_p(device), size, 0))
    services.services_devm_release(c_void_p(device - 8), size)
    assert not dies(services.devm_kfree, c_void_p(device), text), "the device is not in those bytes"
    services.services_devm_release(c_void_p(device - 7), size)
    assert dies(services.devm_kfree, c_void_p(device), text), "it is gone already"


def test_memory_of_both_halves_is_the_tools(services: ctypes.CDLL) -> None:
    """services_allocate() and services_release() are asked first, but not for copies of strings."""
    known = ctypes.addressof((c_ubyte * 64).in_dll(services, "known"))
    released = c_int.in_dll(services, "released")
    services.kmemdup_nul.restype = c_void_p
    before = released.value
    for name, more in (("__kmalloc_noprof", (0,)), ("vzalloc_noprof", ())):
        give = getattr(services, name)
        give.restype = c_void_p
        assert give(c_size_t(63), *more) == known
        services.kfree(c_void_p(known))
    services.devm_kmalloc.restype = c_void_p
    assert services.devm_kmalloc(None, c_size_t(63), 0) == known
    services.devm_kfree(None, c_void_p(known))
    assert released.value == before + 3
    assert services.kmemdup_nul(bytes(62), c_size_t(62), 0) != known


# ---- strings.c, numbers.c ----


@given(st.text("ab", max_size=9), st.text("ab", max_size=9), st.integers(1, 20))
def test_strlcat(services: ctypes.CDLL, before: str, more: str, room: int) -> None:
    to = create_string_buffer(before.encode(), 32)
    services.strlcat.restype = c_size_t
    if len(before) < room:
        assert services.strlcat(to, more.encode(), c_size_t(room)) == len(before + more)
        assert to.value.decode() == (before + more)[: room - 1]


def test_spaces_and_searches(services: ctypes.CDLL) -> None:
    for name in ("strim", "skip_spaces", "strreplace", "strnstr", "strnchr"):
        getattr(services, name).restype = c_char_p
    assert services.strim(at(b"\t a b \n")) == b"a b"
    assert services.strim(at(b"  ")) == b""
    assert services.strreplace(at(b"a-b-"), ord("-"), ord("_")) == b"a_b_"
    assert services.strnstr(b"abcabd", b"abd", c_size_t(6)) == b"abd"
    assert services.strnstr(b"abcabd", b"abd", c_size_t(5)) is None
    assert services.strnchr(b"abc", c_size_t(2), ord("c")) is None
    same = services.sysfs_streq
    assert [same(b"on", other) & 1 for other in (b"on", b"on\n", b"o", b"onn", b"on\n\n")] == [1, 1, 0, 0, 0]


KSTRTO = {
    "kstrtou8": (0, 2**8),
    "kstrtoint": (-(2**31), 2**31),
    "kstrtos16": (-(2**15), 2**15),
    "kstrtouint": (0, 2**32),
    "kstrtoll": (-(2**63), 2**63),
    "kstrtoull": (0, 2**64),
}


@given(
    st.sampled_from(list(KSTRTO)),
    st.integers(-(2**65), 2**65) | st.integers(-300, 300),
    st.sampled_from([0, 8, 10, 16]),
)
def test_whole_numbers(services: ctypes.CDLL, name: str, number: int, base: int) -> None:
    lowest, above = KSTRTO[name]
    digits = {0: hex, 8: "{:o}".format, 10: str, 16: "{:x}".format}[base](number)
    result = ctypes.c_longlong(77)
    err = getattr(services, name)(digits.encode() + b"\n", base, byref(result))
    if lowest == 0 and number < 0:
        assert err == -errno.EINVAL
    elif lowest <= number < above:
        assert err == 0
        size = (above - lowest).bit_length() // 8
        assert int.from_bytes(bytes(result)[:size], "little", signed=lowest < 0) == number
    else:
        assert err == -errno.ERANGE
        assert result.value == 77


def test_what_is_no_number(services: ctypes.CDLL) -> None:
    result = ctypes.c_longlong(77)
    for text in (b"", b"-", b"+", b"x", b"1 ", b" 1", b"1\n\n", b"0x", b"--1", b"+-1"):
        assert services.kstrtoll(text, 0, byref(result)) == -errno.EINVAL
    assert services.kstrtoint(b"+077", 0, byref(result)) == 0
    assert result.value == 0o77
    flag = ctypes.c_bool(False)
    said = [(services.kstrtobool(text, byref(flag)), flag.value) for text in (b"Y", b"off", b"1", b"N", b"oN\n", b"2")]
    assert said == [(0, True), (0, False), (0, True), (0, False), (0, True), (-errno.EINVAL, True)]


def test_the_start_of_a_number(services: ctypes.CDLL) -> None:
    services.simple_strtol.restype = c_long
    end = c_char_p()
    assert services.simple_strtol(b"-0x1fz", byref(end), 0) == -0x1F
    assert end.value == b"z"


def test_addresses_and_hex(services: ctypes.CDLL) -> None:
    mac = create_string_buffer(6)
    assert services.mac_pton(b"00:11:22:AA:bb:ff", mac) & 1
    assert mac.raw == bytes.fromhex("001122aabbff")
    assert not services.mac_pton(b"00:11:22:AA:bb-ff", mac) & 1
    assert services.hex2bin(mac, b"0g", c_size_t(1)) == -errno.EINVAL


@given(st.lists(st.integers(-1000, 1000), max_size=20))
def test_sort(services: ctypes.CDLL, numbers: list[int]) -> None:
    array = (c_int * len(numbers))(*numbers)
    compare = ctypes.CFUNCTYPE(c_int, POINTER(c_int), POINTER(c_int))(lambda a, b: a[0] - b[0])
    services.sort(array, c_size_t(len(numbers)), c_size_t(4), compare, None)
    assert list(array) == sorted(numbers)


def test_what_files_and_tables_hold(services: ctypes.CDLL) -> None:
    page = create_string_buffer(4096)
    assert services.sysfs_emit(page, b"%d\n", 5) == 2
    assert services.sysfs_emit_at(page, 2, b"%s", b"x" * 5000) == 4093
    table = create_string_buffer(b"\xee" * 96, 96)
    place = c_void_p(ctypes.addressof(table))
    services.ethtool_sprintf(byref(place), b"rx_%u", 3)
    services.ethtool_puts(byref(place), b"y" * 40)
    assert place.value == ctypes.addressof(table) + 64
    assert table.raw[:5] == b"rx_3\0"
    assert table.raw[32:65] == b"y" * 31 + b"\0\xee"


def test_characters(services: ctypes.CDLL) -> None:
    """The table that the headers' isalpha() and so on look at, held against Python's."""
    table = (c_ubyte * 256).in_dll(services, "_ctype")
    tests = {0x01: str.isupper, 0x02: str.islower, 0x04: str.isdigit, 0x20: str.isspace}
    controls = {*range(0x1C, 0x20)}  # spaces for Python
    for bit, is_one in tests.items():
        assert [n for n in range(128) if table[n] & bit] == [
            n for n in range(128) if is_one(chr(n)) and n not in controls
        ]
    assert [n for n in range(128) if table[n] & 0x44] == [ord(c) for c in sorted("0123456789abcdefABCDEF")]


# ---- bits.c ----

MAPS = st.integers(0, 2**200 - 1)


def bitmap(number: int) -> ctypes.Array[c_ulong]:
    return (c_ulong * 4)(*(number >> 64 * n & (2**64 - 1) for n in range(4)))


@given(MAPS, MAPS, st.integers(1, 200), st.integers(0, 220))
def test_searches_of_bits(services: ctypes.CDLL, a: int, b: int, size: int, start: int) -> None:
    def first(bits: int, begin: int) -> int:
        return next((n for n in range(begin, size) if bits >> n & 1), size)

    one, two = bitmap(a), bitmap(b)
    wanted = {"": a, "zero_": ~a, "and_": a & b, "andnot_": a & ~b, "or_": a | b}
    for name, bits in wanted.items():
        maps = (one,) if name in ("", "zero_") else (one, two)
        assert getattr(services, f"_find_next_{name}bit")(*maps, c_ulong(size), c_ulong(start)) == first(bits, start)
        if name not in ("andnot_", "or_"):
            assert getattr(services, f"_find_first_{name}bit")(*maps, c_ulong(size)) == first(bits, 0)
    inside = [n for n in range(size) if a >> n & 1]
    assert services._find_last_bit(one, c_ulong(size)) == (inside[-1] if inside else size)
    nth = start % 5
    found = services.__find_nth_bit(one, c_ulong(size), c_ulong(nth))
    assert found == (inside[nth] if nth < len(inside) else size)


@given(MAPS, MAPS, st.integers(1, 200), st.integers(0, 220))
def test_bitmaps(services: ctypes.CDLL, a: int, b: int, size: int, shift: int) -> None:
    one, two, to, all_ = bitmap(a), bitmap(b), bitmap(0), 2**size - 1

    def of(name: str, *args: object) -> tuple[int, int]:
        result = getattr(services, f"__bitmap_{name}")(*args)
        return result, sum(word << 64 * n for n, word in enumerate(to)) & all_

    assert of("and", to, one, two, size) == (of("and", to, one, two, size)[0], a & b & all_)
    assert of("and", to, one, two, size)[0] & 1 == bool(a & b & all_)
    assert of("andnot", to, one, two, size)[1] == a & ~b & all_
    assert of("or", to, one, two, size)[1] == (a | b) & all_
    assert of("xor", to, one, two, size)[1] == (a ^ b) & all_
    assert of("complement", to, one, size)[1] == ~a & all_
    assert of("replace", to, one, two, one, size)[1] == a & b & all_
    if shift < size:
        assert of("shift_right", to, one, shift, size)[1] == (a & all_) >> shift
        assert of("shift_left", to, one, shift, size)[1] == a << shift & all_
    assert of("weight", one, size)[0] == (a & all_).bit_count()
    assert of("equal", one, two, size)[0] & 1 == (a & all_ == b & all_)
    assert of("subset", one, two, size)[0] & 1 == (a & ~b & all_ == 0)
    assert of("intersects", one, two, size)[0] & 1 == bool(a & b & all_)


def test_counts_keep_the_registers_of_assembler(services: ctypes.CDLL) -> None:
    for number in (0, 1, 0xFFFFFFFF, 0x80000001):
        assert services.counted(number) == number.bit_count()


def test_link_modes(services: ctypes.CDLL) -> None:
    modes, old = bitmap(2**128 - 1), ctypes.c_uint()
    services.ethtool_convert_legacy_u32_to_link_mode(modes, 0x1003)
    assert list(modes) == [0x1003, 0, 0, 0]
    assert services.ethtool_convert_link_mode_to_legacy_u32(byref(old), modes) & 1
    assert old.value == 0x1003
    assert not services.ethtool_convert_link_mode_to_legacy_u32(byref(old), bitmap(1 << 40 | 5)) & 1
    assert old.value == 5


@given(st.binary(max_size=50))
def test_checksums(services: ctypes.CDLL, data: bytes) -> None:
    for name in ("crc32_le", "crc32_be", "__crc32c_le"):
        services.__getattr__(name).restype = ctypes.c_uint
    assert services.crc32_le(-1, data, c_size_t(len(data))) ^ 0xFFFFFFFF == zlib.crc32(data)
    assert services.crc16(0, b"123456789", c_size_t(9)) & 0xFFFF == 0xBB3D
    assert services.crc_ccitt(0xFFFF, b"123456789", c_size_t(9)) & 0xFFFF == 0x6F91
    assert services.__crc32c_le(-1, b"123456789", c_size_t(9)) ^ 0xFFFFFFFF == 0xE3069283
    assert services.crc32_be(-1, b"123456789", c_size_t(9)) == 0x0376E6E7
    table = (c_ubyte * 256).in_dll(services, "byte_rev_table")
    assert all(table[n] == int(f"{n:08b}"[::-1], 2) for n in range(256))


# ---- print.c: hex, limits, probes ----


def test_lines_of_hex(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    """As in Documentation of hex_dump_to_buffer()."""
    data = bytes(range(0x40, 0x52))
    services.print_hex_dump(b"\x017", b"raw: ", 2, 16, 1, data, c_size_t(len(data)), True)
    services.print_hex_dump(b"\x017", b"", 0, 16, 4, data, c_size_t(8), False)
    assert recorded().splitlines()[::2] == [
        "7d raw: 00000000: 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO",
        "7d raw: 00000010: 50 51                                            PQ",
        "7d 43424140 47464544",
    ]
    line = create_string_buffer(8)
    assert services.hex_dump_to_buffer(data, c_size_t(16), 16, 1, line, c_size_t(8), False) == 16 * 3 - 1
    assert line.value == b"40 41 4"


def test_a_limit_of_messages(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    """Burst and interval are those of the state; what was left out is told when the next interval begins."""
    state = (c_int * 8)(0, 250, 3)
    services.mdu_clock(c_ulong(1000), c_ulong(time.monotonic_ns()))
    allowed = [services.___ratelimit(state, b"f") for _ in range(5)]
    assert allowed == [1, 1, 1, 0, 0]
    services.mdu_clock(c_ulong(1300), c_ulong(time.monotonic_ns()))
    assert services.___ratelimit(state, b"f") == 1
    assert recorded() == "4d f: 2 callbacks suppressed\n\n"


def test_a_failing_probe(services: ctypes.CDLL, recorded: Callable[[], str]) -> None:
    """It is told with the error's name, unless it is deferred or lacks memory."""
    known = byref((c_ubyte * 64).in_dll(services, "known"))
    assert services.dev_err_probe(known, -errno.ENODEV, b"no %s\n", b"clock") == -errno.ENODEV
    assert services.dev_err_probe(known, -517, b"no %s\n", b"clock") == -517
    assert services.dev_err_probe(known, -errno.ENOMEM, b"no %s\n", b"clock") == -errno.ENOMEM
    assert recorded() == "3d*error -ENODEV: no clock\n\n"


# ---- what ends or disturbs a process: in one of its own ----


def program(tmp_path: Path, name: str) -> Path:
    """A program of tests/user_services, with all services."""
    target = tmp_path / name
    sources = [*SERVICES.glob("*.c"), RECORDER, RECORDER.with_name(f"{name}.c")]
    subprocess.run([*COMPILE, "-static", "-no-pie", "-o", target, *sources], check=True)
    return target


def test_warnings_go_on_and_bugs_end(tmp_path: Path) -> None:
    done = subprocess.run([program(tmp_path, "warnings")], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == "BUG at driver.c:13\n"
    printed = [line for line in re.sub(r"PID: \d+", "PID: 1", done.stdout).splitlines() if line]
    assert printed == [
        "4d ------------[ cut here ]------------",
        "4d WARNING: PID: 1 at driver.c:10 in the u-driver",
        "4d WARNING: PID: 1 at driver.c:11 in the u-driver",
        "went on",
        "2d kernel BUG at driver.c:13 in the u-driver!",
    ]


def test_time(tmp_path: Path) -> None:
    """Each line of the program is a fact that it has found true, or the reason why not."""
    done = subprocess.run([program(tmp_path, "clocks")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- the kernel's headers ----

INCLUDED = """bitfield bitmap bitrev bug crc-ccitt crc16 crc32 ctype delay device dev_printk dynamic_debug etherdevice
ethtool find gcd hex io io-64-nonatomic-lo-hi jiffies kernel kstrtox ktime lcm list math mm module netdevice panic pci
preempt printk random ratelimit rcupdate refcount rwlock sched sched/clock slab sort spinlock string string_helpers
sysfs thread_info time64 timekeeping uuid vmalloc"""
OURS = ("mdu_", "services_", "__bad_", "__read_", "__write_", "__field_", "____wrong", "__fortify_")  # or no functions


Signature = tuple[str, list[str], bool]


def shape(kind: Type) -> str:
    """The way in which a value of a type is passed: its size, and whether a small one is extended with its sign."""
    real = kind.get_canonical()
    if real.kind in (TypeKind.POINTER, TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY):
        return "pointer"
    if real.kind in (TypeKind.SHORT, TypeKind.SCHAR):
        return f"signed {real.get_size()}"
    return f"{'void' if real.kind is TypeKind.VOID else 'bool' if real.kind is TypeKind.BOOL else real.get_size()}"


def signatures(file: Path, options: Iterable[str]) -> dict[str, Signature]:
    """The functions that a C file declares: result, arguments, and whether more may follow."""
    parsed = Index.create().parse(str(file), args=[*options, "-Wno-everything"])
    assert not [each for each in parsed.diagnostics if each.severity > 2]
    found = [each for each in parsed.cursor.get_children() if each.kind is CursorKind.FUNCTION_DECL]
    return {
        each.spelling: (
            shape(each.result_type),
            [shape(one.type) for one in each.get_arguments()],
            each.type.kind is TypeKind.FUNCTIONPROTO and each.type.is_function_variadic(),
        )
        for each in found
    }


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signature]:
    """The kernel's own declarations."""
    file = tmp_path_factory.mktemp("headers") / "all.c"
    file.write_text("".join(f"#include <linux/{name}.h>\n" for name in INCLUDED.split()))
    try:
        options = kernel_options()
    except (UnmetNeed, HarnessError) as need:
        pytest.skip(str(need))
    return signatures(file, [*options, "-DMODULE", '-DKBUILD_MODNAME="it"'])


def test_each_function_is_called_as_the_kernels(kernels: dict[str, Signature], tmp_path: Path) -> None:
    """Sizes and signs of arguments and results are those of the kernel's headers, which callers are compiled with."""
    asked = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True, check=True)
    options = [*(each for each in COMPILE if each.startswith("-I")), f"-I{asked.stdout.strip()}"]
    compared = 0
    for file in sorted(SERVICES.glob("*.c")):
        ours = signatures(file, options)
        for name in defined(file, tmp_path):
            if name in ours and not name.startswith(OURS):
                assert (name, ours[name]) == (name, kernels[name.removeprefix("k_")])
                compared += 1
    assert compared > 250


def test_a_drivers_text_asks_for_jiffies() -> None:
    """The tool's header puts the function that counts them in the place of the variable."""
    header = (HOME / "slicer" / "halves" / "sliced_source.h").read_text()
    assert "\nunsigned long services_jiffies(void);\n#define jiffies services_jiffies()\n" in header


def test_a_drivers_code_runs_with_the_services(tmp_path: Path) -> None:
    """Compiled with the kernel's headers: their inline functions, assembler, and variables of the processor work."""
    try:
        options = [*PROCESS_FLAGS, *kernel_options(), "-DMODULE", '-DKBUILD_MODNAME="it"', '-DKBUILD_BASENAME="it"']
    except (UnmetNeed, HarnessError) as need:
        pytest.skip(str(need))
    renamed = tomllib.loads((SERVICES / "names.toml").read_text())["renamed"]
    options += [f"-D{name}={other}" for name, other in renamed.items()]
    half, target = tmp_path / "headers.o", tmp_path / "drives"
    subprocess.run(["gcc", *options, "-c", "-o", half, RECORDER.with_name("headers.c")], check=True)
    sources = [*SERVICES.glob("*.c"), RECORDER, RECORDER.with_name("drives.c"), half]
    subprocess.run([*COMPILE, "-static", "-no-pie", "-o", target, *sources], check=True)
    said = subprocess.run([target], capture_output=True, text=True, check=True).stdout
    first, *printed = [line for line in re.sub(r"PID: \d+ at \S+:\d+", "PID: 1", said).splitlines() if line]
    assert first == "line 0"
    assert printed == [
        "6d number 3",
        "4n no device -ENODEV",
        "4d ------------[ cut here ]------------",
        "-d is 3",
        "4d WARNING: PID: 1 in the u-driver",
    ]


def test_the_layout_of_debians_kernel(tmp_path: Path) -> None:
    """layout.c, which is used unless the tool generates another."""
    try:
        options = kernel_options()
    except (UnmetNeed, HarnessError) as need:
        pytest.skip(str(need))
    text = (SERVICES / "layout.c").read_text()
    given = dict(re.findall(r"\.(\w+) = (\d+),", text))
    wanted = {"hz": "HZ", "link_modes": "__ETHTOOL_LINK_MODE_MASK_NBITS"}
    wanted |= {f"resource_{each}": f"offsetof(struct resource, {each})" for each in ("start", "end", "flags")}
    assert given.keys() == wanted.keys()
    checks = "".join(f"static_assert({wanted[name]} == {value});\n" for name, value in given.items())
    headers = "#include <linux/ioport.h>\n#include <linux/ethtool.h>\n#include <linux/jiffies.h>\n"
    (tmp_path / "layout.c").write_text(headers + checks)
    parsed = Index.create().parse(str(tmp_path / "layout.c"), args=[*options, "-DMODULE", '-DKBUILD_MODNAME="it"'])
    assert [str(each) for each in parsed.diagnostics if each.severity > 2] == []


# ---- names.toml ----


def defined(file: Path, place: Path) -> list[str]:
    """The names that a C file gives to other files: all but the runtime's and the services' own."""
    subprocess.run([*COMPILE, "-c", "-o", place / "it.o", file], check=True)
    said = subprocess.run(["nm", "-g", "--defined-only", place / "it.o"], capture_output=True, text=True, check=True)
    names = {line.split()[2] for line in said.stdout.splitlines()}
    return sorted(name for name in names if not name.startswith(("mdu_", "services_")))


def test_each_name_is_listed_by_its_file(tmp_path: Path) -> None:
    """The tool reads there which functions need no downcall, and which are to be renamed."""
    names = tomllib.loads((SERVICES / "names.toml").read_text())
    found = {file.stem: defined(file, tmp_path) for file in sorted(SERVICES.glob("*.c"))}
    assert names["services"] == found
    ours = {name for listed in found.values() for name in listed if name.startswith("k_")}
    assert names["renamed"] == {name.removeprefix("k_"): name for name in sorted(ours)}


def test_each_name_of_the_kernel_that_libc_has_too_is_listed() -> None:
    """A call that nobody replaces would be linked with libc's function, whatever that does."""
    try:
        exports = (headers(headers_version()) / "Module.symvers").read_text()
    except UnmetNeed as need:
        pytest.skip(str(need))
    asked = subprocess.run(["gcc", "-print-file-name=libc.a"], capture_output=True, text=True, check=True)
    command = ["nm", "-g", "--defined-only", asked.stdout.strip()]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    libc = {line.split()[-1] for line in said.splitlines() if line.count(" ") == 2}
    names = tomllib.loads((SERVICES / "names.toml").read_text())
    both = libc & {line.split("\t")[1] for line in exports.splitlines()}
    assert both - names["renamed"].keys() <= {*names["libc"]["same"], *names["libc"]["other"]}
