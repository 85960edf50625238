"""Which wrong values are tried in the messages between the halves of a microdriver, and how the table sums them up."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from drivers.edu import Edu
from experiments.microdriver.boundaries import MessageKind, boundaries, fields, wrongs
from experiments.microdriver.tables.interface import by, reaction, rows
from faultkit.model.events import Event
from faultkit.running.judging import keep_all
from faultkit.store.store import Store
from injectors.channel.channel import Channel
from microdriver.contract import Contract, parse
from tests.records import a_record, a_row, at
from tests.synthetic import meta

SAID = """\
head kind 0 4
head call 4 4
head seq 8 4
head status 12 4
head bytes 64 4
head turn 68 4
head payload 72 0
head record.object 72 4
head record.field 76 2
head record.bytes 78 2
head args.0 16 8
head args.1 24 8
type lamp 16
field level scalar 4 2 9
field serial bytes 12 0 0
upcall look
upcall dim
access lamp level 3
access lamp serial 2
downcall light
"""
REFUSED = at(3, "kernel.message", level=4, text="microdriver: edu0: the u-driver is expelled, in probe: -EPROTO")
LATE = at(3, "kernel.message", level=4, text="microdriver: edu0: the u-driver is expelled, in probe: -ETIMEDOUT")
MET = at(2, "fault.activated")
FAILED = at(4, "request.failed", n=1, op="report", latency_ns=1, error="Protocol error")


@pytest.fixture
def contract() -> Contract:
    return parse(SAID.splitlines())


def test_boundaries_are_the_ends_the_sign_and_the_neighbours_but_never_what_is_right() -> None:
    assert boundaries(1, None) == [0, 1, 0x80, 0xFF]
    assert boundaries(1, 3) == [0, 1, 2, 4, 0x80, 0xFF]
    assert boundaries(1, 0) == [1, 0x80, 0xFF]
    assert boundaries(1, None, (1, -1, 256, 10)) == [0, 1, 10, 0x80, 0xFF]


def test_a_message_has_what_its_call_may_write_and_records_only_then(contract: Contract) -> None:
    dim = dict(fields(contract, MessageKind("return", "dim")))
    assert list(dim) == [
        "kind", "call", "seq", "status", "bytes", "record.object", "record.field", "record.bytes",
        "lamp.level", "lamp.serial",
    ]  # fmt: skip
    assert {1, 10} <= set(dim["lamp.level"]), "one less and one more than the k-driver takes"
    assert dim["lamp.serial"] == [], "too large to be set: its bits are flipped"
    assert dim["kind"] == [0, 1, 3, 0x80000000, 0xFFFFFFFF]
    assert "record.object" not in dict(fields(contract, MessageKind("return", "look")))
    assert "record.object" in dict(fields(contract, MessageKind("return", "look", buffer=True)))


def test_a_downcall_of_the_runtime_is_in_no_contract(contract: Contract) -> None:
    lock = dict(fields(contract, MessageKind("downcall", "lock")))
    assert list(lock) == ["kind", "call", "seq", "bytes", "turn", "args.0"]


def test_every_field_meets_with_each_value_and_a_flipped_bit(contract: Contract) -> None:
    message = MessageKind("return", "dim")
    found = list(wrongs(contract, message, random.Random(1)))
    assert len(set(found)) == len(found)
    for field, values in fields(contract, message):
        of_field = [fault for fault in found if fault.field == field]
        assert [fault.value for fault in of_field] == [*values, None]
    assert {f.field for f in found} - {name for name, _ in fields(contract, message)} == {"turn", "args.0", "args.1"}
    assert all((f.action, f.direction, f.message) == ("corrupt", "return", "dim") for f in found)


def test_a_few_of_them_still_meet_with_every_field(contract: Contract) -> None:
    message = MessageKind("downcall", "light")
    every = list(wrongs(contract, message, random.Random(1)))
    few = list(wrongs(contract, message, random.Random(1), 2))
    heard = {name for name, _ in fields(contract, message)}
    assert {fault.field for fault in few} & heard == heard
    assert len(few) == 2 * len(heard) + 2 < len(every)


@pytest.mark.parametrize(
    ("events", "name"),
    [((), "not met"), ((MET,), "taken"), ((MET, FAILED), "an error"), ((MET, REFUSED, FAILED), "refused"),
     ((MET, LATE), "late")],
)  # fmt: skip
def test_the_kdrivers_reaction_is_read_from_what_happened(events: tuple[Event, ...], name: str) -> None:
    assert reaction(a_record(*events)) == name


def test_the_table_counts_reactions_and_outcomes(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "faults", meta(3))
    fault = Channel("corrupt", "return", "probe", field="call", value=1)
    keep_all(
        store,
        [
            a_row(0, driver=Edu(), fault=None, trigger=None),
            a_row(1, MET, REFUSED, FAILED, driver=Edu(), fault=fault),
            a_row(2, MET, driver=Edu(), fault=fault),
        ],
    )
    table = by(pd.DataFrame(list(rows(store))), "message", "field")
    assert table.loc["return probe", "call"].to_dict() == {
        "refused": 1, "late": 0, "an error": 0, "taken": 1, "not met": 0, "DISRUPTED": 1, "MASKED": 1,
    }  # fmt: skip
