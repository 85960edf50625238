"""Parts of a trial survive JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.codec import ForeignPart, decode, dumps, encode, foreign_parts, full_name, imported, loads, name_of
from faultkit.model.errors import UsageError
from faultkit.model.known import known, trial_of
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
    assert loads(dumps(part), known) == part


def test_a_whole_trial_comes_back() -> None:
    trial = a_trial(fault=CallError("nbd_queue_rq", "EIO"), policy=RestartUDriver(limit=7))
    assert loads(dumps(trial), known) == trial


def test_a_part_names_its_class_beside_its_fields() -> None:
    assert encode(Text("cp_rx_poll", bit=5)) == {"is": "tests.records:Text", "function": "cp_rx_poll", "bit": 5}


def test_equal_parts_give_one_and_the_same_line() -> None:
    assert dumps(Text(bit=5, function="f")) == dumps(Text("f", 5))
    assert "\n" not in dumps(a_trial()) and " " not in dumps(Nbd())


def test_a_list_comes_back_as_a_tuple_and_an_enumeration_as_its_value() -> None:
    assert loads(dumps(Part([1, [2]], Colour.RED)), known) == Part((1, (2,)), "red")


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Kill, {"a": 1}])
def test_what_cannot_be_stored_is_named(value: object) -> None:
    with pytest.raises(UsageError, match=f"a {type(value).__name__} .* cannot be stored"):
        encode(Part(value))


def test_a_module_that_ours_do_not_have_may_be_a_users() -> None:
    part = decode({"is": "injectors.no_such_module:Kill", "nth": 1}, known)
    assert isinstance(part, ForeignPart) and part.nth == 1


def test_a_class_that_is_gone_is_an_error() -> None:
    with pytest.raises(ImportError):
        decode({"is": "microdriver.no_such_module:Kill"}, known)
    with pytest.raises(ImportError):
        decode({"is": "no.such.module:Kill"}, imported)
    with pytest.raises(AttributeError):
        decode({"is": "tests.records:NoSuchClass"}, known)
    with pytest.raises(TypeError):
        decode({"is": "tests.records:Kill", "no_such_field": 1}, known)


@pytest.mark.parametrize(
    "name",
    ["os:system", "subprocess:Popen", "builtins:eval", "faultkit.cli.run:command", "faultkit.store.store:Store",
     "faultkit.cli.__main__:main", "drivers.nbd.netlink:Connection", "injectors.udriver.kill:SIGKILL",
     "faultkit.model.trial:Trial.__init__", "no colon", "", "..:x", "tests.records:a_trial", "os.path:join", "a b:C"],
)  # fmt: skip
def test_what_is_no_part_is_refused_and_never_called(name: str) -> None:
    with pytest.raises((UsageError, AttributeError)) as refused:
        decode({"is": name, "command": "touch /tmp/taken"}, known)
    assert "\n" not in str(refused.value)


def test_a_part_of_a_module_that_is_not_loaded_is_plain_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strange.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    stored = {"is": "strange:Slow", "late_s": 2.0, "inner": {"is": "strange:Deep", "n": [1]}}
    part = decode(stored, known)
    assert "strange" not in sys.modules
    assert encode(part) == stored and json.loads(dumps(part)) == stored
    assert (name_of(part), full_name(part)) == (
        "slow",
        'strange:Slow{"inner":{"is":"strange:Deep","n":[1]},"late_s":2.0}',
    )
    assert part.late_s == 2.0 and part.inner.n == (1,)
    assert [each.name for each in foreign_parts((part, 3))] == ["strange:Slow", "strange:Deep"]
    with pytest.raises(AttributeError, match="strange:Slow is of a module that is not loaded, and no run is stored"):
        part.run()
    assert not list(foreign_parts(a_trial()))


MISSHAPEN = {
    "a text as a number": encode(Text("f")) | {"bit": "3"},
    "a bool as a number": encode(Text("f")) | {"bit": True},
    "a list as a text": encode(Text("f")) | {"function": ["f"]},
    "a number among texts": encode(Nbd()) | {"modules": ["nbd", 3]},
    "a text as a list": encode(Nbd()) | {"modules": "nbd"},
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_field_of_another_shape_is_an_error(name: str) -> None:
    with pytest.raises(TypeError):
        decode(MISSHAPEN[name], known)


@pytest.mark.parametrize(
    "change",
    [{"driver": None}, {"driver": 5}, {"driver": encode(Kill())}, {"workload": []}, {"workload": encode(Nbd())},
     {"policy": None}, {"fault": {"is": "tests.records:Writes"}}, {"trigger": "now"}, {"monitors": [3]},
     {"monitors": None}, {"detectors": None}, {"seed": "1"}, {"is": "tests.records:Kill"}],
    ids=str,
)  # fmt: skip
def test_a_trial_has_parts_that_play_their_roles(change: dict[str, Any]) -> None:
    plan = encode(a_trial())
    assert trial_of(plan) == a_trial()
    with pytest.raises((TypeError, UsageError)):
        trial_of(plan | change)


def test_short_names_are_words_joined_by_underscores() -> None:
    assert [name_of(part) for part in (CallError(), ReloadKDriver(), Nbd(), None)] == [
        "call_error",
        "reload_kdriver",
        "nbd",
        "golden",
    ]


def test_the_line_is_json() -> None:
    assert json.loads(dumps(Kill())) == {"is": "tests.records:Kill"}
