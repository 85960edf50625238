"""User-level tools work on u-drivers: a debugger may stop one, and tools find bugs in them."""

from __future__ import annotations

import errno
import importlib
import re
from dataclasses import replace

import pytest

from faultkit.machine import image as images
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.pytest_plugin.guests import PreparedGuest
from tests.guest.conftest import OURS, prepared
from tests.guest.steps import expelled, play, said, undisturbed

sliced_driver = importlib.import_module("sliced_driver")
planted_driver = importlib.import_module("planted_driver")

pytestmark = pytest.mark.guest

GOLDEN = undisturbed(sliced_driver.Sliced(), sliced_driver.AskingSliced())
STOPPED = "stopped 4 sleep 300"
TOOLS = ("gdb", "linux-perf", "valgrind")  # packages that this guest has, and no other
WITH_TOOLS = Machine(memory_mib=1024)
PLANTED = undisturbed(planted_driver.Planted(), planted_driver.Tooling())
SOURCE = planted_driver.SOURCES / "planted.c"
ON, OFF = "the u-driver has no deadlines", "off, there are deadlines again"


@pytest.fixture(scope="module")
def guest(image: Image) -> PreparedGuest:
    """A sliced k-driver, and its u-driver."""
    return prepared(image, GOLDEN, OURS)


@pytest.fixture
def sliced(guest: PreparedGuest) -> PreparedGuest:
    """The same; each test has trials of its own."""
    return replace(guest, trials=[])


# ---- the debug mode ----


def test_a_udriver_that_is_stopped_is_expelled(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, STOPPED)
    assert done[0][1] == errno.ETIMEDOUT and len(expelled(ran)) == 1
    assert ON not in ran.record.console


def test_in_the_debug_mode_a_udriver_may_be_stopped_within_an_upcall(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "patient", STOPPED, "ask plain 1")
    assert [(error, said) for _, error, said in done[1:]] == [(0, "value=300"), (0, "value=2")]
    assert not expelled(ran)
    assert ran.record.console.count(f"microdriver: sliced: debug mode: {ON}") == 1


def test_behind_the_debug_mode_there_are_deadlines_again(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "patient", "impatient", STOPPED)
    assert done[-1][1] == errno.ETIMEDOUT and len(expelled(ran)) == 1
    assert ran.record.console.index(OFF) > ran.record.console.index(ON)


# ---- ports ----


def test_a_udriver_gets_the_ports_of_its_devices_and_no_others(tooled: PreparedGuest) -> None:
    """Without that, a process without rights would reset the machine."""
    ran, done = play(tooled, "plain reset", "nic ports", "plain none")
    assert [error for _, error, _ in done] == [0, 0, 0], ran.story()
    assert done[1][2].split()[-2:] == [str(0xFF), str(0xC0)]
    assert ran.record.console.count("planted: port 0x64 is none of its devices': its u-driver does not get it") == 2


# ---- tools ----


@pytest.fixture(scope="module")
def tooled_guest(image: Image) -> PreparedGuest:
    """A guest with the tools in it, and a u-driver with bugs."""
    return prepared(images.image(image.kernel, extra=TOOLS), PLANTED, OURS, WITH_TOOLS)


@pytest.fixture
def tooled(tooled_guest: PreparedGuest) -> PreparedGuest:
    """The same; each test has trials of its own."""
    return replace(tooled_guest, trials=[])


def line_of(words: str) -> int:
    """The number of the only line of the driver's source with these words."""
    [found] = [n for n, line in enumerate(SOURCE.read_text().splitlines(), 1) if words in line]
    return found


def test_the_usual_guest_is_without_the_tools(image: Image) -> None:
    assert not image.packages.keys() & set(TOOLS)
    assert images.cache_key(image.kernel, {}) != images.cache_key(image.kernel, {}, TOOLS)


def test_gdb_finds_a_null_pointer_that_is_followed(tooled: PreparedGuest) -> None:
    [text] = said(tooled, "gdb null")
    assert "received signal SIGSEGV" in text
    assert re.search(rf"#0 .*planted_follow \(.*\) at \S*planted\.c:{line_of('NULL is followed')}$", text, re.M), text
    assert re.search(r"#1 .*(planted_number|bug_store) \(.*\) at \S*planted\.c:\d+$", text, re.M), text


def test_perf_finds_the_function_that_is_hot(tooled: PreparedGuest) -> None:
    [text] = said(tooled, "perf loop")
    [hottest] = re.findall(r"^ +(\d+\.\d+)% +\[\.\] (\S+)", text, re.M)[:1]
    assert hottest[1] == "planted_mix" and float(hottest[0]) > 90.0, text


def test_memcheck_finds_a_write_behind_the_end(tooled: PreparedGuest) -> None:
    [text] = said(tooled, "valgrind overflow")
    place = rf"at 0x\w+: planted_fill \(planted\.c:{line_of('WRITE_ONCE')}\)"
    assert re.search(rf"Invalid write of size 1\n==\d+== +{place}", text), text
    assert re.search(r"is 0 bytes after a block of size 24 alloc'd", text), text


def test_memcheck_finds_nothing_in_a_udriver_without_a_bug(tooled: PreparedGuest) -> None:
    [text] = said(tooled, "valgrind none")
    assert "ERROR SUMMARY: 0 errors" in text, text


def test_a_function_in_python_replaces_one_of_the_udriver(tooled: PreparedGuest) -> None:
    """The C function would take seconds, and find another number."""
    [text] = said(tooled, "python loop")
    assert text.split()[-2:] == ["42", "42"], text
