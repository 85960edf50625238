"""Drivers of Linux that the slicer cut: they answer as the whole ones do, and outlive their u-drivers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.rtl8139 import Phases, Rtl8139, Transfers
from drivers.sliced import E1000, E1000Sliced, Rtl8139Sliced, Rtl8139Too, Rtl8139TooSliced
from drivers.sliced.questions import Questions
from faultkit import AtRequest, Detectors, Outcome, ReloadKDriver, RestartBoth, RestartUDriver
from faultkit.model.codec import name_of
from faultkit.model.parts import Policy
from faultkit.pytest_plugin.guests import PreparedGuest, Session
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from slicer.build import cut_driver
from tests.guest.answered import answered, answers, differences
from tests.guest.expected import back
from tests.guest.mutated_tables import MutatedTables
from tests.slicer_mutations import Tables, noticed

pytestmark = pytest.mark.guest

MONITORS = (Kernel(), Process(), Modules())
QUIET = Detectors(beat_s=1000.0)  # a heartbeat is a packet, which may wait in the device when the link goes down
DRIVERS = {
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
        monitors=MONITORS,
        parts=(
            Channel("kill", "any"),
            Kill(),
            RestartUDriver(),
            RestartBoth(),
            ReloadKDriver(),
            Questions(),
            Phases(),
            MutatedTables(),
        ),
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
