"""Numbers, names and record layouts that C and Python share: both sides are read, and compared."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import injectors
from drivers.edu.driver import FACTORIAL
from faultkit.guest.arming import ARMING, MISSED, line_of
from faultkit.model.errors import NotPlaced
from injectors.device.dma_flip import FlipOrder
from injectors.kdriver import call_argument, call_error
from injectors.tools.arming import KMOD
from injectors.tools.calls import CHANGES, CallsOrder
from microdriver.tampering import NODE, STOCK, MessageOrder

HOME = Path(__file__).parents[1]
RUNTIME = HOME / "microdriver" / "kernel"
EDU = HOME / "drivers" / "edu" / "edu.h"
WORD = re.compile(r'ARMING_WORD\(ARMING_(\w+),\s*struct \w+,\s*[\w.]+,\s*"(\w+)"\)')
TYPES = {"TEXT": str, "LONG": int, "ULONG": int}


def orders() -> dict[str, Any]:
    """Kernel faults -> the dataclass of the words that arm it."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages(injectors.__path__, "injectors."):
        for name, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if name.endswith("Order") and isinstance(getattr(cls, "fault", None), str):
                found[cls.fault] = cls
    return found


def armed_in_c() -> dict[str, str]:
    """Kernel faults -> their C file."""
    sources = {path.stem: path.read_text() for path in KMOD.glob("*/*.c")}
    return {name: text for name, text in sources.items() if "module_arming_fault(" in text}


def enum(text: str, name: str) -> list[str]:
    """The names that an enum of C lists, in order."""
    body = re.search(rf"enum {name} \{{(.*?)\}}", text, re.DOTALL)
    assert body
    entries = re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL).split(",")
    return [entry.partition("=")[0].strip() for entry in entries if entry.strip()]


def test_every_kernel_fault_is_armed_by_an_order_and_each_by_one() -> None:
    assert {*orders()} == {*armed_in_c()} and len(orders()) >= 6


def words_of(order: Any) -> list[tuple[str, type]]:
    """The names and types of an order's words."""
    hints = get_type_hints(order)
    return [(each.name, hints[each.name]) for each in fields(order)]


def words_in(text: str) -> list[tuple[str, type]]:
    """The names and types of the words that a C file reads."""
    found = WORD.findall(text)
    assert found and len(found) == text.count("ARMING_WORD(")
    return [(name, TYPES[kind]) for kind, name in found]


@pytest.mark.parametrize("fault", sorted(armed_in_c()))
def test_an_order_has_the_words_that_the_kernel_reads(fault: str) -> None:
    text = armed_in_c()[fault]
    assert words_of(orders()[fault]) == words_in(text)
    assert f'module_arming_fault("{fault}"' in text, "the node's name"
    assert f"faultkit_{fault}-y := {fault}.o" in (KMOD / fault / "Kbuild").read_text()


def test_the_order_to_tamper_with_messages_has_the_words_that_the_runtime_reads() -> None:
    text = (RUNTIME / "mdrv_arming.c").read_text()
    assert words_of(MessageOrder) == words_in(text)
    assert f'.misc.name = "{NODE.name}"' in text


def test_there_is_one_arming() -> None:
    """No other file makes a device node that faults are armed by: those of mdrv_core.c are for u-drivers."""
    sources = {path.name: path.read_text() for folder in (ARMING, KMOD, RUNTIME) for path in folder.rglob("*.c")}
    assert {name for name, text in sources.items() if "misc_register(" in text} == {"arming.c", "mdrv_core.c"}


def test_an_order_is_written_as_words() -> None:
    order = FlipOrder(slot="0000:00:04.0", nth=1, times=2, byte=59, bit=7)
    assert line_of(order) == "slot=0000:00:04.0 nth=1 times=2 byte=59 bit=7"
    with pytest.raises(NotPlaced, match="cannot be armed with slot=0 bit=1"):
        line_of(FlipOrder(slot="0 bit=1", nth=1, times=2, byte=59, bit=7))


def test_the_longest_order_fits_into_a_line() -> None:
    most = int(re.search(r"#define MAX_LINE\s+(\d+)", (ARMING / "arming.c").read_text())[1])  # type: ignore[index]
    longest = {each.name: "x" * 56 if each.name == "module" else -(2**63) for each in fields(CallsOrder)}
    order = CallsOrder(**{**longest, "function": "f" * 511})  # type: ignore[arg-type]
    assert len(line_of(order)) <= most


def test_the_ways_that_calls_are_tampered_with_are_those_of_the_kernel() -> None:
    listed = re.search(r"hows\[\] = \{(.*?)\}", armed_in_c()["calls"])
    assert listed
    known = re.findall(r'"(\w+)"', listed[1])
    assert {*known} == {*call_error.ORDERS.values(), *call_argument.ORDERS.values(), "delay"}
    assert {*known} - {"fail", "delay"} == {*CHANGES}
    assert [how.lower() for how in enum(armed_in_c()["calls"], "how")] == known


def test_the_number_of_the_missed_is_the_kernels() -> None:
    found = re.search(r"#define ARMING_MISSED _IO\('(.)', (\d+)\)", (ARMING / "arming.h").read_text())
    assert found and ord(found[1]) << 8 | int(found[2]) == MISSED


def test_the_runtimes_own_downcalls_have_its_numbers() -> None:
    text = (RUNTIME / "microdriver.h").read_text()
    first, *others = enum(text, "mdrv_stock")
    base = re.search(rf"{first} = (0x\w+)", text)
    assert base
    numbers = {name.removeprefix("MDRV_").lower(): int(base[1], 16) + n for n, name in enumerate(others)}
    assert {name: numbers[name] for name in STOCK} == STOCK


def test_the_request_for_a_factorial_is_the_drivers() -> None:
    found = re.search(r"#define EDU_IOC_FACTORIAL _IOWR\('(.)', (\d+), __u32\)", EDU.read_text())
    assert found and 3 << 30 | 4 << 16 | ord(found[1]) << 8 | int(found[2]) == FACTORIAL
