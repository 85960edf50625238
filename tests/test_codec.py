"""Parts of a trial survive JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.codec import decode, dumps, encode, loads, name_of
from faultkit.model.errors import UsageError
from faultkit.model.policies import ReloadKDriver, RestartUDriver
from tests.records import CallError, Kill, Nbd, Text, a_trial

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)


@dataclass(frozen=True)
class Part:
    """A part with a field of any kind."""

    value: Any = None
    inner: Any = None


class Colour(Enum):
    """A field's value may be an enumeration's."""

    RED = "red"


@given(PLAIN, PLAIN)
def test_a_part_comes_back_as_it_was(value: object, other: object) -> None:
    part = Part(value, Part(other))
    assert loads(dumps(part)) == part


def test_a_whole_trial_comes_back() -> None:
    trial = a_trial(fault=CallError("nbd_queue_rq", "EIO"), policy=RestartUDriver(limit=7))
    assert loads(dumps(trial)) == trial


def test_a_part_names_its_class_beside_its_fields() -> None:
    assert encode(Text("cp_rx_poll", bit=5)) == {"is": "tests.records:Text", "function": "cp_rx_poll", "bit": 5}


def test_equal_parts_give_one_and_the_same_line() -> None:
    assert dumps(Text(bit=5, function="f")) == dumps(Text("f", 5))
    assert "\n" not in dumps(a_trial()) and " " not in dumps(Nbd())


def test_a_list_comes_back_as_a_tuple_and_an_enumeration_as_its_value() -> None:
    assert loads(dumps(Part([1, [2]], Colour.RED))) == Part((1, (2,)), "red")


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Kill, {"a": 1}])
def test_what_cannot_be_stored_is_named(value: object) -> None:
    with pytest.raises(UsageError, match=f"a {type(value).__name__} .* cannot be stored"):
        encode(Part(value))


def test_a_class_that_is_gone_is_an_error() -> None:
    with pytest.raises(ImportError):
        decode({"is": "no.such.module:Kill"})
    with pytest.raises(AttributeError):
        decode({"is": "tests.records:NoSuchClass"})
    with pytest.raises(TypeError):
        decode({"is": "tests.records:Kill", "no_such_field": 1})


def test_short_names_are_words_joined_by_underscores() -> None:
    assert [name_of(part) for part in (CallError(), ReloadKDriver(), Nbd(), None)] == [
        "call_error",
        "reload_kdriver",
        "nbd",
        "golden",
    ]


def test_the_line_is_json() -> None:
    assert json.loads(dumps(Kill())) == {"is": "tests.records:Kill"}
