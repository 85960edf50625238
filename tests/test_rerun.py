"""A stored fault list, run again with something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drivers.nbd import Nbd
from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.machine.relocate import relocated
from faultkit.machine.template import Template
from faultkit.model.code import Function, ModuleCode, Site
from faultkit.model.errors import NotPlaced, UsageError
from faultkit.model.policies import Escalate, Nothing, Rebind, ReloadKDriver, RestartUDriver
from faultkit.model.trial import Record, Trial
from faultkit.results.compare import between
from faultkit.running import campaign
from faultkit.running.campaign import run_relocated
from faultkit.running.experiment import listed, plan
from faultkit.running.judging import keep
from faultkit.running.part_syntax import parse_part, parse_parts
from faultkit.running.rerun import Changes, experiment_of
from faultkit.store.store import Row, Store
from monitors.kernel import Kernel
from monitors.requests import Requests
from tests.records import EVENTS_OF, Both, CallError, Hang, Kill, Typed, a_golden_row, a_record, a_row, a_trial
from tests.synthetic import meta

NOWHERE = Path("nowhere")
OPEN = Function("nbd_open", 0x3000, b"\x90\xc3")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A golden trial, two faults, and a void trial."""
    with Store.create(tmp_path / "run", meta(4)) as store:
        keep(store, a_golden_row(0))
        keep(store, a_row(1, *EVENTS_OF["RECOVERED"], fault=Typed("nop", "nbd_open", 0x1000)))
        keep(store, a_row(2, *EVENTS_OF["LOST"], fault=Hang()))
        keep(store, a_row(3, void="gone"))
        yield store


def test_it_has_the_same_trials_but_for_what_is_changed(store: Store) -> None:
    again = experiment_of(store, Changes(policy=Nothing(), monitors=(Kernel(),)))
    trials = list(listed(again, 99, None))
    assert [trial.fault for trial in trials] == [None, Typed("nop", "nbd_open", 0x1000), Hang(), Kill()]
    assert all(trial.policy == Nothing() and trial.monitors == (Kernel(),) for trial in trials)
    assert [trial.seed for trial in trials] == [a_trial().seed] * 4
    assert again.name == "kill_under_load-again" and again.settled
    assert again.question == f"The trials of {store.path} again: policy nothing, monitors kernel."
    assert plan(again, 1, 2).count == 2


def test_without_changes_it_is_the_same_list(store: Store) -> None:
    again = experiment_of(store, Changes())
    assert [trial.policy for trial in again.trials(1)] == [RestartUDriver()] * 4
    assert again.question.endswith("again: nothing changed.")


def test_a_policy_that_the_driver_does_not_offer_is_refused_before_anything_is_prepared(store: Store) -> None:
    """The stored trials themselves are run as they are; only the new policy has to fit."""
    asked = experiment_of(store, Changes(policy=Escalate((RestartUDriver(), Rebind()))))
    with pytest.raises(UsageError, match=r"^trial 0: rebind: Nbd has no recovery action 'rebind': it has"):
        plan(asked, 1, None)
    assert plan(experiment_of(store, Changes(policy=ReloadKDriver())), 1, None).count == 4


def test_no_monitors_are_a_change(store: Store) -> None:
    assert "monitors none" in experiment_of(store, Changes(monitors=())).question


def test_a_campaign_with_holes_is_refused(store: Store) -> None:
    keep(store, a_row(7, *EVENTS_OF["LOST"]))
    with pytest.raises(UsageError, match="was interrupted and has holes"):
        experiment_of(store, Changes())


def test_its_trials_are_pairs_with_the_stored_ones(store: Store, tmp_path: Path) -> None:
    with Store.create(tmp_path / "again", meta(4)) as again:
        for n, trial in enumerate(experiment_of(store, Changes(policy=Nothing())).trials(1)):
            keep(again, a_row(n, *EVENTS_OF["HUNG"], policy=trial.policy, fault=trial.fault, trigger=trial.trigger))
        found = between(store, again)
    assert found.paired and found.only == (1, 0)


@dataclass(frozen=True, slots=True)
class Settled(Kill):
    """A fault at an instruction."""

    site: Site | None = None


def at(function: str = "nbd_open", offset: int = 1, address: int = 0x1001, old: str = "c3") -> Settled:
    """A fault that was settled there."""
    return Settled(site=Site(function=function, offset=offset, address=address, old=old, before="ret"))


@dataclass(frozen=True, slots=True)
class Called(Kill):
    """A fault that is placed by a name."""

    function: str = "nbd_open"
    where: int = 0

    def place(self, code: Mapping[str, ModuleCode]) -> Called:
        return Called(self.function, code["nbd"].functions[0].address)


def code(*functions: Function) -> dict[str, ModuleCode]:
    """Another build."""
    return {"nbd": ModuleCode("nbd", functions)}


def test_a_site_goes_where_this_build_has_it() -> None:
    assert relocated(at(), code(OPEN)) == at(address=0x3001)
    assert relocated(Called(), code(OPEN)) == Called(where=0x3000)
    both = relocated(Both((at(), Hang(), Called())), code(OPEN))
    assert both == Both((at(address=0x3001), Hang(), Called(where=0x3000)))
    for fault in (None, Hang(), CallError("f"), Typed("nop", "nbd_open")):
        assert relocated(fault, code(OPEN)) == fault


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (at("nbd_close"), "has no function nbd_close"),
        (at(old="cc"), r"nbd_open\+1 is c3 in this build, not cc"),
        (at(offset=7), r"nbd_open\+7 is behind the end in this build, not c3"),
        (Both((Hang(), at("nbd_close"))), "has no function nbd_close"),
    ],
)
def test_a_site_that_this_build_does_not_have(fault: Any, says: str) -> None:
    with pytest.raises(NotPlaced, match=says):
        relocated(fault, code(OPEN))


def row(monkeypatch: pytest.MonkeyPatch, fault: Any) -> Row:
    """The row of a trial with such a fault on another build; its run is made up."""

    def run_trial(base: Template, trial: Trial) -> Record:
        return a_record(*EVENTS_OF["LOST"], trial=trial)

    monkeypatch.setattr(campaign, "run_trial", run_trial)
    base = Template(NOWHERE, "t1", Machine(), Image(NOWHERE, "6.12", "key", (0, 0)))
    base.__dict__["code"] = code(OPEN)  # as if read from the manifest
    return run_relocated(base, 5, a_trial(fault=fault))


def test_the_plan_that_is_stored_is_the_one_that_was_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = row(monkeypatch, at())
    assert ran.trial.fault.site.address == 0x3001 and ran.void is None and ran.attempts == 1


def test_without_its_site_a_trial_is_void_and_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = row(monkeypatch, at("nbd_close"))
    assert (ran.n, ran.record, ran.attempts) == (5, None, 0)
    assert ran.void == "this build of the k-driver has no function nbd_close"


def test_parts_are_named_as_in_the_lists() -> None:
    assert parse_part("policies", "nothing") == Nothing()
    assert parse_part("policies", "restart_udriver(limit=1, backoff_s=0.5)") == RestartUDriver(1, 0.5)
    assert parse_part("drivers", "nbd(hold_s=0)") == Nbd(hold_s=0)
    assert parse_parts("monitors", "kernel,requests") == (Kernel(), Requests())
    assert parse_parts("monitors", " kernel ") == (Kernel(),)
    assert parse_parts("monitors", "") == ()


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("policies", "noting", r"'noting' names none of our policies \(.*nothing.*\): write "),
        ("policies", "", "'' names none of our policies"),
        ("policies", "nothing, give_up", "names none of our policies"),
        ("policies", "restart_udriver(1)", "names none of our policies"),
        ("policies", "restart_udriver(limit=", "names none of our policies"),
        ("policies", "a.b", "names none of our policies"),
        ("policies", "3", "names none of our policies"),
        ("policies", "restart_udriver(speed=1)", "unexpected keyword argument 'speed'"),
        ("policies", "restart_udriver(limit=x)", "'restart_udriver(limit=x)': malformed"),
        ("monitors", "kernel;requests", "names none of our monitors"),
    ],
)
def test_what_is_no_part_is_refused_with_an_example(kind: str, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says.replace("(limit=x)", r"\(limit=x\)")):
        parse_part(kind, text) if kind == "policies" else parse_parts(kind, text)
