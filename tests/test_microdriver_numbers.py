"""The numbers and layouts that Python copies from the C of microdrivers are those of the C."""

from __future__ import annotations

import struct

import pytest

from drivers.edu import driver as edu
from drivers.edu import workload as edu_io
from experiments.microdriver import boundaries
from microdriver import contract, tampering
from monitors import crossings
from tests.c_values import layout, struct_text, values
from tests.test_kernel_code import HOME

RUNTIME = HOME / "microdriver" / "kernel"
HEADER = RUNTIME / "microdriver.h"
KINDS = ("nothing", "upcall", "return", "downcall", "result")


def test_kinds_of_messages() -> None:
    kinds = values((f"MDRV_{kind.upper()}" for kind in KINDS), [HEADER])
    assert list(kinds.values()) == list(range(len(KINDS)))
    assert crossings.DIRECTIONS[1:] == tampering.DIRECTIONS[1:] == KINDS[1:]
    assert {kind: kinds[f"MDRV_{kind.upper()}"] for kind in boundaries.KINDS} == boundaries.KINDS


def test_words_of_an_arming() -> None:
    """The names that the device node of the fault points knows."""
    arming = (RUNTIME / "mdrv_arming.c").read_text()
    for kind, word in zip(KINDS, tampering.DIRECTIONS, strict=True):
        assert f'[MDRV_{kind.upper()}] = "{word}"' in arming
    ways = (RUNTIME / "mdrv_fault.c").read_text()
    assert all(f'.name = "{way}"' in ways for way in {*tampering.ACTIONS} - {"corrupt"} | {"flip", "set"})
    assert f"#define MDRV_FAULT_ANY ({tampering.ANY_CALL})" in (RUNTIME / "mdrv_fault.h").read_text()


def test_the_runtimes_own_downcalls() -> None:
    stock = values((f"MDRV_{name.upper()}" for name in tampering.STOCK), [HEADER])
    assert list(tampering.STOCK.values()) == list(stock.values())
    assert values(["MDRV_STOCK_END - MDRV_STOCK"], [HEADER]) == {"MDRV_STOCK_END - MDRV_STOCK": len(tampering.STOCK)}


def test_ways_in_which_a_field_crosses() -> None:
    assert values(["MDRV_IN", "MDRV_OUT"], [HEADER]) == {"MDRV_IN": contract.IN, "MDRV_OUT": contract.OUT}


def test_the_record_of_a_crossing() -> None:
    *fields, (size, _) = layout(crossings.SOURCE, "crossings_event")
    assert size == crossings.EVENT.size
    sizes = [struct.calcsize(f"<{code}") for code in ("Q", "Q", "I", "I", "I", "i", "24s", "24s")]
    assert crossings.EVENT.format == "<QQIIIi24s24s" and [bytes_ for _, bytes_ in fields] == sizes
    assert [offset for offset, _ in fields] == [sum(sizes[:n]) for n in range(len(sizes))]


def test_edus_numbers() -> None:
    found = values(["EDU_IOC_FACTORIAL", "EDU_BUFFER_BYTES"], [HEADER, HOME / "drivers" / "edu" / "edu.h"])
    assert found == {"EDU_IOC_FACTORIAL": edu.FACTORIAL, "EDU_BUFFER_BYTES": edu.BUFFER_BYTES}
    assert f"#define LARGEST	       {edu_io.LARGEST} " in (HOME / "drivers" / "edu" / "edu_u.c").read_text()


def test_a_struct_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="no struct other"):
        struct_text(crossings.SOURCE, "other")
