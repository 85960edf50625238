"""Stored values as people read them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from faultkit.model.codec import encode
from faultkit.results.words import class_name, exact, in_words
from tests.records import Kill, Nbd, a_trial


@dataclass(frozen=True, slots=True)
class Pair:
    """A part with parts in it."""

    both: tuple[Nbd, Kill]
    address: int = 1 << 60


def test_a_part_is_its_name_and_its_fields_at_any_depth() -> None:
    assert in_words(encode(Kill())) == "kill"
    assert (
        in_words(encode(Pair((Nbd(), Kill())))) == f"pair(both=({in_words(encode(Nbd()))}, kill), address={1 << 60:#x})"
    )


def test_names_are_short_ones_or_made_as_asked() -> None:
    assert in_words(encode(Kill()), class_name) == "Kill"
    assert in_words(encode(a_trial()), class_name).startswith("Trial(driver=Nbd")


@pytest.mark.parametrize("value", [0, -1, 1.5, "text", None, True, 2**53])
def test_what_javascript_can_hold_stays(value: object) -> None:
    assert exact(value) == value
    assert exact(2**53 + 1) == "0x20000000000001"
