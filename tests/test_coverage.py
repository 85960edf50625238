"""QEMU's log of the code that it translates."""

from __future__ import annotations

from pathlib import Path

from faultkit.machine.qemu import traced, translated

LOG = Path(__file__).with_name("translated.log")


def test_every_instruction_is_found_and_nothing_else() -> None:
    """Two blocks as QEMU 7.2 writes them; an instruction of 12 bytes takes two lines."""
    first = {0xFFFFFFFFC02EA310, 0xFFFFFFFFC02EA314, 0xFFFFFFFFC02EA317}
    second = {0xFFFFFFFFC02E8E6C, 0xFFFFFFFFC02E8E74, 0xFFFFFFFFC02E8E80}
    assert translated(LOG.read_text()) == first | second
    assert translated("") == frozenset()


def test_ranges_are_given_with_their_last_address() -> None:
    options = traced((range(0x1000, 0x2000), range(0x5000, 0x5010)), 7)
    assert options[options.index("-dfilter") + 1] == "0x1000..0x1fff,0x5000..0x500f"
    assert options[-1] == "/dev/fd/7"
