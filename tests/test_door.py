"""The closed list of host calls: the trial's own host sides, with the trial's own fields."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.rtl8139.phases import Cable, Phases
from faultkit.machine.bounded import HostTime, bounded, readable
from faultkit.machine.door import call_of, host_sides
from faultkit.machine.template import manifest_of
from faultkit.model.code import Entry, Site
from faultkit.model.codec import encode
from faultkit.model.errors import HarnessError, NotPlaced, Runaway, UnmetNeed, Unreadable
from injectors.device.link_down import LinkDown
from injectors.kdriver.kernel_bug import KernelBug
from injectors.kdriver.text import Text
from injectors.several import Several
from tests.records import Kill, a_trial

SITE = Site(function="f", offset=4, old="90", new="cc", address=0x1000, before="nop", after="int3")
TEXT = Text("nop", site=SITE)
BUG = KernelBug("wild write", "f", site=Entry(address=0x1000, room=0x2000))
SIDES = host_sides(a_trial(fault=Several((TEXT, BUG, LinkDown(), Kill())), workload=Phases()))


def request(fault: Any, label: Any = None) -> str:
    """A call as an agent sends it."""
    return json.dumps({"fault": fault, "label": label or {}})


def changed(part: Any, **fields: Any) -> dict[str, Any]:
    """An encoded part with other fields."""
    return {**encode(part), **fields}


def test_the_list_holds_the_host_sides_of_the_trial_and_those_that_its_parts_call() -> None:
    assert {type(side) for side in SIDES} == {Text, KernelBug, LinkDown, Cable}
    assert host_sides(a_trial()) == ()


def test_a_part_of_the_trial_may_be_called_and_is_the_trials_own() -> None:
    call = call_of(request(encode(TEXT), {"fault": 0}), SIDES)
    assert call.fault == TEXT and call.label == {"fault": 0}


def test_fields_that_only_the_guest_knows_are_taken_from_it() -> None:
    assert call_of(request(changed(LinkDown(), up=True)), SIDES).fault == LinkDown(up=True)
    assert call_of(request(encode(Cable(False))), SIDES).fault == Cable(False)
    largest = 2**64 - 1
    found = call_of(request(changed(BUG, allocate=largest, free=2)), SIDES).fault
    assert found == KernelBug("wild write", "f", site=BUG.site, allocate=largest, free=2)


REFUSED = {
    "a function of the system": {"is": "os:system", "command": "true"},
    "a process": {"is": "subprocess:Popen", "args": ["true"]},
    "a module that is not there": {"is": "no.such.module:Fault"},
    "a fault of another trial": encode(LinkDown(for_s=7.0)),
    "another place": changed(TEXT, site=encode(Site(function="g", offset=4, old="90", address=1, before="nop"))),
    "a field more": changed(TEXT, more=1),
    "a field less": {key: value for key, value in encode(TEXT).items() if key != "draw"},
    "a text as an address": changed(BUG, allocate="0"),
    "a negative address": changed(BUG, allocate=-1),
    "a bool as an address": changed(BUG, allocate=True),
    "an address of more bits": changed(BUG, allocate=2**64),
    "a number as a bool": changed(LinkDown(), up=1),
    "a class's name that is none": {"is": ["os", "system"]},
    "no name": {},
}


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_else_is_called(name: str) -> None:
    with pytest.raises(ValueError):
        call_of(request(REFUSED[name]), SIDES)


@pytest.mark.parametrize(
    "text",
    ["", "garbage", "[]", "7", "null", "{}", '{"fault":7,"label":{}}', "[" * 90_000, "x" * (2 << 20),
     request(encode(TEXT), ["label"]), request(encode(TEXT), {"a": [1]}), request(encode(TEXT), {"a b": 1}),
     request(encode(TEXT), {f"n{n}": n for n in range(9)})],
    ids=range(13),
)  # fmt: skip
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        call_of(text, SIDES)


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(ValueError):
        call_of(text, SIDES)


def test_a_refused_call_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="planted:Part is no host side"):
        call_of(request({"is": "planted:Part"}), SIDES)
    assert "planted" not in sys.modules


def test_what_a_part_returns_on_the_host_comes_back() -> None:
    assert HostTime().run("mine", lambda: {"at": 1}) == {"at": 1}


def test_a_part_that_loops_is_left_behind_and_ends() -> None:
    begun: list[threading.Thread] = []

    def loop() -> None:
        begun.append(threading.current_thread())
        while True:
            pass

    with pytest.raises(Runaway, match=r"mine .* did not end"):
        bounded("mine", loop, 0.2, [])
    begun[0].join(10)
    assert not begun[0].is_alive()


def test_all_calls_of_a_trial_share_the_time() -> None:
    clock = HostTime(0.5)
    clock.run("mine", lambda: time.sleep(0.4))
    with pytest.raises(Runaway):
        clock.run("mine", lambda: time.sleep(0.4))


@pytest.mark.parametrize("reason", [SystemExit(3), KeyboardInterrupt(), ZeroDivisionError("x"), ValueError("y")])
def test_a_part_that_fails_or_asks_to_exit_fails_its_trial_only(reason: BaseException) -> None:
    def fail() -> None:
        raise reason

    with pytest.raises(HarnessError, match=f"the code of mine .* failed: {type(reason).__name__}"):
        HostTime().run("mine", fail)


def test_a_fault_that_cannot_be_placed_says_so() -> None:
    def refuse() -> None:
        raise NotPlaced("nowhere")

    with pytest.raises(NotPlaced, match="nowhere"):
        HostTime().run("mine", refuse)


def test_an_error_that_nobody_foresaw_is_one_of_the_trial() -> None:
    with pytest.raises(Unreadable, match=r"the trial cannot be read: KeyError: 'lat"), readable("the trial"):
        raise KeyError("lat\x1bency")


@pytest.mark.parametrize("reason", [OSError(28, "full"), NotPlaced("nowhere"), UnmetNeed("no QEMU")])
def test_an_error_that_is_known_stays_what_it_is(reason: Exception) -> None:
    with pytest.raises(type(reason)), readable("the trial"):
        raise reason


NOTES = {"bases": {"nbd": 1}, "sections": {"nbd": {".text": 1}}, "buffers": {}, "printk_lag_ns": 5, "ready_ns": 6}


def test_the_notes_at_the_freeze_come_as_they_were_sent() -> None:
    buffers = {"mine:Slow": {"head": 1, "pages": [2, 3], "start": 4}}
    assert manifest_of(json.dumps({**NOTES, "buffers": buffers})) == {**NOTES, "buffers": buffers}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 90_000, *(json.dumps({**NOTES, key: bad}) for key in NOTES for bad in ("x", {"a": "b"}))],
    ids=range(14),
)
def test_other_notes_at_the_freeze_end_the_preparation_with_one_line(text: str) -> None:
    with pytest.raises(HarnessError, match="cannot be read") as told:
        manifest_of(text)
    assert str(told.value).isprintable()
