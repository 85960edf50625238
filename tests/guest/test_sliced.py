"""Drivers of Linux that the slicer cut: they answer as the whole ones do, and outlive their u-drivers."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from drivers.rtl8139 import Phases, Rtl8139, Transfers
from drivers.sliced import E1000, E1000Sliced, Rtl8139Sliced, Rtl8139Too, Rtl8139TooSliced
from drivers.sliced.questions import Questions
from drivers.sliced.reloads import Reloads
from experiments.microdriver.tables.repeats import left_behind
from faultkit import AtRequest, Outcome, ReloadKDriver, RestartBoth, RestartUDriver
from faultkit.model.codec import name_of
from faultkit.model.parts import Policy
from faultkit.pytest_plugin.guests import PreparedGuest, Session
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.crossings import Crossings
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.resources import Resources
from slicer.build import cut_driver
from tests.guest.answered import QUIET, answered, answers, differences, messages
from tests.guest.expected import back
from tests.guest.mutated_tables import MutatedTables
from tests.slicer_mutations import Tables, noticed

two_devices = importlib.import_module("two_devices")

pytestmark = pytest.mark.guest

WORKLOADS = (Questions(), Phases(), Reloads(), MutatedTables())
MONITORS = (Kernel(), Process(), Modules(), Resources())
REMOVE = {"8139cp": "cp_remove_one", "8139too": "rtl8139_remove_one", "e1000": "e1000_remove"}
DRIVERS: dict[str, tuple[Rtl8139 | Rtl8139Too | E1000, Rtl8139Sliced | Rtl8139TooSliced | E1000Sliced]] = {
    "8139cp": (Rtl8139(), Rtl8139Sliced()),
    "8139too": (Rtl8139Too(), Rtl8139TooSliced()),
    "e1000": (E1000(), E1000Sliced()),
}


@pytest.fixture(scope="module", params=DRIVERS)
def name(request: pytest.FixtureRequest) -> str:
    """The driver's name."""
    return str(request.param)


@pytest.fixture(scope="module")
def sliced(name: str, faultkit_session: Session) -> PreparedGuest:
    """A guest with a driver that is cut."""
    return faultkit_session.guest(
        driver=DRIVERS[name][1],
        workload=Transfers(),
        monitors=(*MONITORS, Crossings()),
        parts=(Channel("kill", "any"), Kill(), RestartUDriver(), RestartBoth(), ReloadKDriver(), *WORKLOADS),
    )


def test_it_answers_as_the_whole_driver_does(name: str, faultkit_session: Session, sliced: PreparedGuest) -> None:
    whole = faultkit_session.guest(
        driver=DRIVERS[name][0], workload=Questions(), detectors=QUIET, monitors=MONITORS
    ).run()
    cut = sliced.run(workload=Questions(), detectors=QUIET)
    for ran in (whole, cut):
        assert ran.outcome is Outcome.MASKED and not ran.verdict.warned, ran.story()
    assert answered(whole) > 25
    found = differences(cut, whole, name)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["8139cp"], indirect=True)
def test_it_answers_the_same_if_whole_objects_cross(
    name: str, faultkit_session: Session, sliced: PreparedGuest
) -> None:
    driver = replace(DRIVERS[name][1], marshal="whole")
    whole = faultkit_session.guest(driver=driver, workload=Questions(), detectors=QUIET, monitors=MONITORS).run()
    assert whole.outcome is Outcome.MASKED and not whole.verdict.warned, whole.story()
    assert list(answers(whole)) == list(answers(sliced.run(workload=Questions(), detectors=QUIET)))


@pytest.mark.parametrize("name", ["8139cp"], indirect=True)
def test_a_row_that_is_missing_from_its_tables_is_noticed(name: str, sliced: PreparedGuest) -> None:
    tables = Tables(cut_driver(name))
    without = next(e for e in tables.mutations() if e.what == "cp_get_msglevel: net_device.priv.msg_enable dropped")
    known, mutated = (sliced.run(workload=MutatedTables(changes), detectors=QUIET) for changes in ((), without.changes))
    assert noticed(known, known, name) == ""
    assert noticed(mutated, known, name) == "another answer to: ethtool rtl0"


@pytest.mark.parametrize("name", ["8139cp"], indirect=True)
def test_it_answers_the_same_with_poison_in_all_that_no_call_names(
    name: str, faultkit_session: Session, sliced: PreparedGuest
) -> None:
    poisoned = faultkit_session.guest(
        driver=replace(DRIVERS[name][1], poison=2), workload=Questions(), detectors=QUIET, monitors=MONITORS
    ).run()
    assert poisoned.outcome is Outcome.MASKED and not poisoned.verdict.warned, poisoned.story()
    plain = sliced.run(workload=Questions(), detectors=QUIET)
    assert list(answers(poisoned)) == list(answers(plain))
    assert messages(poisoned, name) == messages(plain, name)


@pytest.mark.parametrize("policy", [RestartUDriver(), RestartBoth(), ReloadKDriver()], ids=name_of)
def test_it_outlives_its_udriver(sliced: PreparedGuest, policy: Policy) -> None:
    ran = sliced.run(fault=Kill(), trigger=AtRequest(5), policy=policy)
    assert ran.verdict.udriver_died and ran.outcome is back(ran.record), ran.story()
    assert not ran.verdict.warned, ran.story()


@pytest.mark.parametrize("phase", ["reopening", "initialisation"])
@pytest.mark.parametrize("nth", [1, 4, 11, 20, 30])
def test_it_outlives_the_end_of_its_udriver_at_a_message(sliced: PreparedGuest, phase: str, nth: int) -> None:
    workload = Phases(phase)
    ran = sliced.run(
        workload=workload,
        fault=Channel("kill", "any", nth=nth),
        trigger=AtRequest(workload.begins_with),
        policy=RestartUDriver(),
    )
    assert ran.outcome is back(ran.record) and not ran.verdict.warned, ran.story()


@pytest.mark.parametrize("name", ["8139cp"], indirect=True)
def test_reloads_leave_nothing_behind(name: str, sliced: PreparedGuest) -> None:
    """The kernel keeps some 25 kB of each reload for a while, of the whole driver's, too."""
    times = 20
    ran = sliced.run(workload=Reloads(times=times), detectors=QUIET)
    assert ran.outcome is Outcome.MASKED and not ran.verdict.warned and not ran.verdict.leaked, ran.story()
    left = left_behind(ran.record.events)
    assert left["interrupt_handlers"] == left["module_refs"] == 0 and left["slab_bytes"] < times << 15, left


@pytest.mark.parametrize("name", ["8139cp", "e1000"], indirect=True)
def test_remove_says_what_it_says_in_the_whole_driver(
    name: str, faultkit_session: Session, sliced: PreparedGuest
) -> None:
    once = Reloads(times=1)
    whole = faultkit_session.guest(driver=DRIVERS[name][0], workload=once, detectors=QUIET, monitors=MONITORS).run()
    assert whole.outcome is Outcome.MASKED, whole.story()
    ran = sliced.run(workload=once, detectors=QUIET)
    assert ran.count("crossing.passed", call=REMOVE[name], direction="return") == 2, "when the device and the driver go"
    assert messages(ran, name) == messages(whole, name)


def test_one_device_goes_and_the_other_works_on(faultkit_session: Session) -> None:
    ran = faultkit_session.guest(
        driver=two_devices.TwoRtl8139(), workload=two_devices.OneGoes(), detectors=QUIET, monitors=MONITORS
    ).run()
    assert ran.outcome is Outcome.MASKED and not ran.verdict.warned, ran.story()
    assert ran.count("udriver.started") == 1
