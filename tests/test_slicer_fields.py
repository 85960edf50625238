"""Fields that cross with each upcall: each rule on a driver of our own, and a real driver against its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from faultkit.model.errors import UnmetNeed
from slicer import report, source
from slicer.fields import Crossing
from slicer.plan import Cut, Half
from slicer.tree import Assignment, Deref, Element, FieldPlace, Load, nodes
from tests.source import HOME

NOISE = ("dd_key_false", "dd_key_true")  # of dynamic debugging, which is the kernel's
RULES = HOME / "tests" / "slicer_rules"


@pytest.fixture(scope="module")
def crossed() -> dict[str, Crossing]:
    """The fields of each upcall."""
    found = report.sliced(str(RULES), Cut.ATOMIC, "fields")
    return {each.upcall: each for each in report.crossing(found)}


RESOLVED = {
    "fields_inline": {"fields.items.next": "w", "fields.items.prev": "w"},
    "fields_by_address": {"fields.count": "rw", "fields.pdev": "r", "fields.status": "rw"},
    "fields_around": {"fields.items.next": "r", "fields_item.entry.next": "r", "fields_item.weight": "r"},
    "fields_whole": {"fields.here": "r", "fields.there": "w"},
    "fields_strings": {"ethtool_drvinfo.driver": "rw"},
    "fields_buffer": {"ethtool_eeprom.len": "r", "ethtool_eeprom.magic": "r"},
    "fields_fresh": {"fields.one": "w", "fields_item.weight": "w"},
    "fields_callback": {"fields.pdev": "r"},
    "fields_child": {"device.id": "r", "fields.here.y": "w"},
    "fields_put": {},
    "fields_release": {"fields.there.x": "w"},
    "fields_sized": {
        "ethtool_pauseparam.autoneg": "w",
        "fields.count": "r",
        "fields.hid": "r",
        "hid_collection.usage": "r",
        "hid_device.collection": "r",
        "hid_device.maxcollection": "r",
    },
    "fields_probe": {"net_device.ethtool_ops": "w", "net_device.netdev_ops": "w", "pci_dev.dev.driver_data": "r"},
}
UNRESOLVED = {
    "fields_index": "an array behind fields.table, of unknown length",
    "fields_union": "a pointer in the union fields_word, or what shares its bytes",
    "fields_made": "a pointer that is made of a number, fields.address",
    "fields_bytes": "bytes behind fields.bytes, of unknown length",
}


@pytest.mark.parametrize("name", RESOLVED)
def test_fields_are_those_that_a_call_may_touch_and_no_others(crossed: dict[str, Crossing], name: str) -> None:
    fields = {f"{record}.{path}": modes for (record, path), modes in crossed[name].fields.items()}
    assert fields == RESOLVED[name]
    assert crossed[name].unresolved == ()


@pytest.mark.parametrize("name", UNRESOLVED)
def test_what_is_no_field_is_unresolved_with_its_place(crossed: dict[str, Crossing], name: str) -> None:
    (found,) = crossed[name].unresolved
    assert (found.why, found.function) == (UNRESOLVED[name], name)
    text = (RULES / "fields.c").read_text().splitlines()
    assert "fields->" in text[found.line - 1]


def test_all_upcalls_are_these(crossed: dict[str, Crossing]) -> None:
    assert crossed.keys() == {*RESOLVED, *UNRESOLVED}


def test_what_the_kernels_half_touches_does_not_cross(crossed: dict[str, Crossing]) -> None:
    assert not [each for each in crossed.values() if ("fields", "kept") in each.fields]


@pytest.mark.parametrize("name", ["8139cp", "8139too", "snd-ens1370", "uhci-hcd", "i6300esb"])
def test_no_access_is_left_out_in_silence(name: str) -> None:
    """Each field that the process's functions name behind a pointer crosses, or its line is unresolved.

    This reads the program by types alone, and knows nothing of paths.
    """
    found = real(name)
    moved = {each.label for each in found.plan.of(Half.PROCESS)}
    crossed = report.crossing(found)
    crossing = {path.rpartition(".")[2] for each in crossed for _, path in each.fields}
    lines = {(row.function, row.line) for each in crossed for row in each.unresolved}
    named = [(name, *each) for name in sorted(moved) for each in named_fields(found.program.functions[name].body)]
    assert len(named) > 20
    assert not [each for each in named if each[2] not in crossing and each[:2] not in lines and each[2] not in NOISE]


def named_fields(body: tuple[Any, ...]) -> Iterator[tuple[int, str]]:
    """The fields behind pointers that statements read or write, with their lines."""
    line = 0
    for statement in body:
        for node in nodes(statement):
            line = getattr(node, "line", line)
            place = getattr(node, "place", None)
            if isinstance(node, Load | Assignment) and isinstance(place, FieldPlace) and behind_pointer(place):
                yield line, place.name


def behind_pointer(place: Any) -> bool:
    """True if a place is one that a pointer leads to."""
    while isinstance(place, FieldPlace | Element):
        place = place.base
    return isinstance(place, Deref)


def real(name: str) -> report.Sliced:
    """A driver of Debian's linux-source, if it is there."""
    try:
        source.tree()
    except UnmetNeed as need:
        pytest.skip(str(need))
    return report.sliced(name, Cut.ATOMIC)


def test_unresolved_accesses_are_reported_with_what_to_do() -> None:
    said = "\n".join(report.report_lines(report.sliced(str(RULES), Cut.ATOMIC, "fields")))
    assert "4 accesses are unresolved: the driver cannot be cut before each is told" in said


def test_8139cp_has_no_unresolved_access_and_what_went_wrong_by_hand_is_right() -> None:
    """The ring's address is written by dma_alloc_coherent(); a MAC address comes in a union; lengths are read."""
    found = {each.upcall: each for each in report.crossing(real("8139cp"))}
    assert not [each for each in found.values() if each.unresolved]
    assert "w" in found["cp_open"].fields["cp_private", "ring_dma"]
    assert found["cp_set_mac_address"].fields["sockaddr", "sa_data"] == "r"
    assert found["cp_get_ethtool_stats"].fields["ethtool_stats", "n_stats"] == "r"
    assert found["cp_get_wol"].fields == {
        ("cp_private", "regs"): "r",
        ("cp_private", "wol_enabled"): "r",
        ("ethtool_wolinfo", "supported"): "w",
        ("ethtool_wolinfo", "wolopts"): "rw",
    }
