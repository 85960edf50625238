"""Parts of one class name in two modules, or of one class with other fields, are never taken for one another."""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faultkit.guest.__main__ import attached
from faultkit.machine.console import unknown
from faultkit.machine.image import Image
from faultkit.machine.paused import PausedGuest
from faultkit.machine.template import group_of
from faultkit.model.codec import full_name, name_of, short_name
from faultkit.model.events import Ending
from faultkit.model.mailbox import SIZE, Mailbox, State
from faultkit.pytest_plugin import guests
from faultkit.running.experiment import TemplateGroup
from faultkit.running.trial import collect, read_buffers
from tests.one_name import here, there
from tests.records import Nbd, a_trial

MONITORS = (here.Look(), there.Look(), here.Look(1))
NAMES = [f"tests.one_name.{which}" for which in ('here:Look{"n":0}', 'there:Look{"n":0}', 'here:Look{"n":1}')]


@dataclass(frozen=True, slots=True)
class Finished:
    """A guest whose agent has handed over what was collected."""

    mailbox: Mailbox

    def console(self) -> str:
        return ""


def test_full_names_tell_class_and_fields_and_short_names_do_not() -> None:
    assert [full_name(monitor) for monitor in MONITORS] == NAMES
    assert full_name(Nbd()).startswith("tests.records:Nbd")
    assert {short_name(name) for name in NAMES} == {name_of(monitor) for monitor in MONITORS} == {"look"}
    assert [short_name(word) for word in ("pidfd", "heartbeat")] == ["pidfd", "heartbeat"]


def test_workloads_of_one_name_have_templates_of_their_own() -> None:
    trials = [a_trial(workload=workload) for workload in (here.Load(), there.Load(), here.Load(2.0))]
    groups = [group_of(trial) for trial in trials]
    assert groups[0] != groups[1]
    assert groups[0] == groups[2], "the workload's fields are no reason for another template"


def test_monitors_of_one_name_have_templates_of_their_own() -> None:
    assert len({group_of(a_trial(monitors=(monitor,))) for monitor in MONITORS}) == len(MONITORS)


def test_the_plugin_prepares_a_template_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[Any] = []
    monkeypatch.setattr(guests, "template", lambda first, *_: prepared.append(first) or first)
    found = guests.Session(Image(tmp_path, "none", "none", (0, 0)))
    trials = [a_trial(workload=workload) for workload in (here.Load(), there.Load(), here.Load(2.0))]
    assert [found.template(TemplateGroup(trial)) for trial in trials] == [trials[0], trials[1], trials[0]]
    assert prepared == trials[:2]


def test_each_monitor_decodes_what_its_own_watcher_has_collected() -> None:
    mailbox = Mailbox(mmap(-1, SIZE))
    watchers = attached(MONITORS, Nbd())
    for name, watcher in watchers.items():
        assert mailbox.add_raw(name, watcher.collect())
    mailbox.put(State.DONE, '{"lost": {}}')
    template: Any = SimpleNamespace(names={}, manifest={"printk_lag_ns": 0}, source_of=unknown)
    guest: Any = Finished(mailbox)
    intake, _ = collect(PausedGuest(guest), template, a_trial(monitors=MONITORS), Ending.FINISHED)
    assert [event.kind for event in intake.events] == ["here.n0", "there.n0", "here.n1"]


def test_each_monitor_has_a_buffer_of_its_own() -> None:
    asked: list[str] = []
    template: Any = SimpleNamespace(buffer=asked.append)
    assert read_buffers(Any, template, a_trial(monitors=MONITORS)) == {}  # type: ignore[arg-type]
    assert asked == NAMES
