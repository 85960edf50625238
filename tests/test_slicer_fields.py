"""Fields that cross with each upcall: each rule on a driver of our own, and a real driver against its source."""

from __future__ import annotations

import pytest

from faultkit.model.errors import UnmetNeed
from slicer import report, source
from slicer.fields import Crossing
from slicer.plan import Cut
from tests.source import HOME

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


def test_unresolved_accesses_are_reported_with_what_to_do() -> None:
    said = "\n".join(report.report_lines(report.sliced(str(RULES), Cut.ATOMIC, "fields")))
    assert "4 accesses are unresolved: the driver cannot be cut before each is told" in said


def test_8139cp_has_no_unresolved_access_and_what_went_wrong_by_hand_is_right() -> None:
    """The ring's address is written by dma_alloc_coherent(); a MAC address comes in a union; lengths are read."""
    try:
        source.tree()
    except UnmetNeed as need:
        pytest.skip(str(need))
    found = {each.upcall: each for each in report.crossing(report.sliced("8139cp", Cut.ATOMIC))}
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
