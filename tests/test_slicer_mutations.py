"""Mutations of a cut driver's tables change the rows that they name, alike in both halves."""

from __future__ import annotations

import struct

import pytest

from faultkit.model.errors import UnmetNeed
from slicer import source
from slicer.build import cut_driver
from slicer.write import MODES
from tests.slicer_mutations import Tables, TablesFile


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Those of 8139cp."""
    try:
        source.tree()
    except UnmetNeed as reason:
        pytest.skip(str(reason))
    return Tables(cut_driver("8139cp"))


def test_rows_of_accesses_are_found_in_both_files(tables: Tables) -> None:
    numbers = {each.name: n for n, each in enumerate(tables.interface.types)}
    places = {each.name: list(each.fields) for each in tables.interface.types}
    for call in tables.interface.upcalls:
        for n, row in enumerate(call.accesses):
            rows = [
                struct.unpack_from("<I", half.content, half.places[f"sliced_fields_{call.function.name}"] + 4 * n)[0]
                for half in (tables.kernel, tables.process)
            ]
            wanted = numbers[row.type] << 16 | places[row.type].index(row.path) << 2 | row.mode
            assert rows == [wanted, wanted], f"{call.label}: {row}"
    assert set(MODES) == {1, 2, 3}


def test_each_mutation_is_another_row_and_all_kinds_are_there(tables: Tables) -> None:
    halves = {each.path: each for each in (tables.kernel, tables.process)}
    every = list(tables.mutations())
    for each in every:
        assert all(differs(halves[change.path], change.offset, change.digits) for change in each.changes), each.what
    said = {each.what for each in every}
    assert len(said) == len(every) > 200
    assert {
        "cp_get_msglevel: net_device.priv.msg_enable dropped",
        "cp_set_msglevel: net_device.priv.msg_enable read only",
        "net_device.priv.pdev: leads to nothing known",
        "request_threaded_irq: acquires nothing",
        "alloc_etherdev_mqs: shares nothing",
        "free_netdev: gives up nothing",
        "request_threaded_irq: keeps nothing",
    } <= said


def differs(half: TablesFile, offset: int, digits: str) -> bool:
    """True if bytes of a file would be others."""
    return half.content[offset : offset + len(digits) // 2] != bytes.fromhex(digits)
