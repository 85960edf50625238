"""Numbers, names and record layouts that C and Python share: both sides are read, and compared."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import struct
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import injectors
from faultkit.model.errors import NotPlaced
from injectors.device.dma_flip import FlipOrder
from injectors.kdriver import call_argument, call_error
from injectors.tools.arming import KMOD, MISSED, line_of
from injectors.tools.calls import CHANGES, CallsOrder
from microdriver.tampering import STOCK
from monitors import calls, crossings, modules, process, requests
from monitors.crossings import DIRECTIONS

HOME = Path(__file__).parents[1]
WORD = re.compile(r'ARMING_WORD\(ARMING_(\w+),\s*struct \w+,\s*[\w.]+,\s*"(\w+)"\)')
FIELD = re.compile(r"^\t(\w+) (\w+)(?:\[(\w+)\])?;", re.MULTILINE)
CODES = {"u64": "Q", "s64": "q", "u32": "I", "s32": "i", "u16": "H", "u8": "B"}
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


def enum(text: str, name: str = "") -> list[str]:
    """The names that an enum lists, without their prefix of the kernel's."""
    body = re.search(rf"enum {name} ?\{{(.*?)\}}", text, re.DOTALL)
    assert body
    return re.findall(r"\b([A-Z][A-Z_]+)\b(?=\s*[,=}/]|\s*$)", re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL))


def test_every_kernel_fault_is_armed_by_an_order_and_each_by_one() -> None:
    assert {*orders()} == {*armed_in_c()} and len(orders()) >= 6


@pytest.mark.parametrize("fault", sorted(armed_in_c()))
def test_an_order_has_the_words_that_the_kernel_reads(fault: str) -> None:
    text, order = armed_in_c()[fault], orders()[fault]
    hints = get_type_hints(order)
    assert [(each.name, hints[each.name]) for each in fields(order)] == [
        (name, TYPES[kind]) for kind, name in WORD.findall(text)
    ]
    assert f'module_arming_fault("{fault}"' in text, "the node's name"
    assert f"faultkit_{fault}-y := {fault}.o" in (KMOD / fault / "Kbuild").read_text()


def test_an_order_is_written_as_words() -> None:
    order = FlipOrder(slot="0000:00:04.0", nth=1, times=2, byte=59, bit=7)
    assert line_of(order) == "slot=0000:00:04.0 nth=1 times=2 byte=59 bit=7"
    with pytest.raises(NotPlaced, match="cannot be armed with slot=0 bit=1"):
        line_of(FlipOrder(slot="0 bit=1", nth=1, times=2, byte=59, bit=7))


def test_the_longest_order_fits_into_a_line() -> None:
    most = int(re.search(r"#define MAX_LINE\s+(\d+)", (KMOD / "arming" / "arming.c").read_text())[1])  # type: ignore[index]
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
    found = re.search(r"#define ARMING_MISSED _IO\('(.)', (\d+)\)", (KMOD / "arming" / "arming.h").read_text())
    assert found and ord(found[1]) << 8 | int(found[2]) == MISSED


@pytest.mark.parametrize("monitor", [calls, crossings, modules, process, requests], ids=lambda m: m.__name__)
def test_a_record_is_unpacked_as_the_kernel_packs_it(monitor: ModuleType) -> None:
    text = Path(monitor.__file__ or "").with_suffix(".bpf.c").read_text()
    body = re.search(r"^struct event \{\n(.*?)^\};", text, re.DOTALL | re.MULTILINE)
    assert body
    sizes = dict(re.findall(r"^#define (\w+) (\d+)", text, re.MULTILINE))
    layout = "".join(
        f"{sizes.get(count, count)}s" if kind == "char" else CODES[kind] for kind, _, count in FIELD.findall(body[1])
    )
    assert monitor.EVENT.format == f"<{layout}"
    assert struct.calcsize(f"@{layout}") == monitor.EVENT.size, "the compiler adds no padding"


def test_monitors_without_a_record_have_no_bpf_code() -> None:
    assert {path.name.partition(".")[0] for path in (HOME / "monitors").glob("*.bpf.c")} == {
        "calls", "crossings", "modules", "process", "requests",
    }  # fmt: skip


def test_kinds_of_records_have_the_kernels_numbers() -> None:
    text = (HOME / "monitors" / "process.bpf.c").read_text()
    assert [getattr(process, name) for name in enum(text)] == [0, 1, 2]
    names = [name.lower() for name in enum((HOME / "monitors" / "requests.bpf.c").read_text())]
    assert [kind.value.partition(".")[2] for kind in requests.NET] == names
    assert [kind.value.partition(".")[2] for kind in requests.BLOCK] == names[:2]


def test_messages_of_microdrivers_have_the_runtimes_numbers() -> None:
    text = (HOME / "microdriver" / "kernel" / "microdriver.h").read_text()
    assert ["", *(name.removeprefix("MDRV_").lower() for name in enum(text, "mdrv_kind")[1:])] == [*DIRECTIONS]
    assert {name.removeprefix("MDRV_").lower() for name in enum(text, "mdrv_stock")} >= {*STOCK}
    first = re.search(r"enum mdrv_stock \{.*?= (0x\w+)", text, re.DOTALL)
    assert first and int(first[1], 16) == min(STOCK.values())
