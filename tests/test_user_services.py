"""The kernel's functions that the process of a sliced driver has of its own."""

from __future__ import annotations

import ctypes
import errno
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from ctypes import byref, c_int, c_long, c_size_t, c_ubyte, c_ulong, c_void_p, create_string_buffer
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_kernel_code import HOME

SERVICES = HOME / "microdriver" / "services"
RECORDER = Path(__file__).with_name("user_services") / "recorder.c"
COMPILE = ("gcc", "-O2", "-g", "-Wall", "-Wextra", "-Werror", f"-I{SERVICES}")
ALONE = "time.c"  # it begins a timer in the process that loads it


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All services but those of time, with a recorder of what they ask of the runtime, as a library."""
    library = tmp_path_factory.mktemp("services") / "services.so"
    sources = [path for path in SERVICES.glob("*.c") if path.name != ALONE]
    subprocess.run([*COMPILE, "-shared", "-fPIC", "-o", library, *sources, RECORDER], check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def recorded(services: ctypes.CDLL) -> Iterator[Callable[[], str]]:
    """A function that gives what has been printed since: a line is a level, `d` or `n`, `*` for a device, and the text."""
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
    Said("%pS %ps", (as_pointer(0xFFFF0000), as_pointer(0)), "0xffff0000 0"),
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
    services.__getattr__("__dynamic_pr_debug")(None, b"%d", 1)
    services.__getattr__("__dynamic_netdev_dbg")(None, None, b"%d", 1)
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
        assert services.__getattr__(f"_raw_{kind}_trylock")(None) == 1
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
    give = services.__getattr__("__kmalloc_noprof")
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
    assert ctypes.string_at(services.devm_kasprintf(device, 0, b"%d", 5)) == b"5"
    services.services_devm_release(device)


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
