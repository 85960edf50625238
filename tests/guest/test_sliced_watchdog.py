"""i6300esb, cut: it answers as the whole driver does, ends a guest that is not fed, and outlives its u-driver."""

from __future__ import annotations

import pytest

from drivers.sliced import WatchdogSliced, WatchdogWhole
from drivers.sliced.watchdog_work import Feeding, WatchdogQuestions
from faultkit import AtRequest, ReloadKDriver, RestartBoth, RestartUDriver
from faultkit.model.codec import name_of
from faultkit.model.events import Ending
from faultkit.model.parts import Policy
from faultkit.pytest_plugin.guests import PreparedGuest, Ran, Session
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from tests.guest.answered import answered, differences
from tests.guest.expected import back, named

pytestmark = pytest.mark.guest

MONITORS = (Kernel(), Process(), Modules())


@pytest.fixture(scope="module")
def sliced(faultkit_session: Session) -> PreparedGuest:
    """A guest with the driver that is cut."""
    return faultkit_session.guest(
        driver=WatchdogSliced(),
        workload=Feeding(),
        monitors=MONITORS,
        parts=(
            *(Channel("kill", "any"), Kill(), RestartUDriver(), RestartBoth(), ReloadKDriver()),
            WatchdogQuestions(),
        ),
    )


def test_it_answers_as_the_whole_driver_does_and_ends_the_guest_at_the_same_time(
    sliced: PreparedGuest, faultkit_session: Session
) -> None:
    workload = WatchdogQuestions(starves=True)
    whole = faultkit_session.guest(driver=WatchdogWhole(), workload=workload, monitors=MONITORS).run()
    cut = sliced.run(workload=workload)
    for ran in (whole, cut):
        assert ran.record.ending is Ending.WATCHDOG, ran.story()
        assert sum(event.data["op"] == "feed" for event in named(ran.record, "request.completed")) == workload.fed
        assert not ran.verdict.warned, ran.story()
    assert answered(whole) > 30
    found = differences(cut, whole, "i6300ESB")
    assert not found, "\n".join(found)
    assert life_s(whole) == pytest.approx(workload.seconds, abs=0.1)
    assert life_s(cut) == pytest.approx(life_s(whole), abs=0.05)


def life_s(ran: Ran) -> float:
    """The time from the last feeding to the last step of the guest, in seconds."""
    done = named(ran.record, "request.completed")
    fed = [event for event in done if event.data["op"] == "feed"][-1]
    return (done[-1].t_ns - fed.t_ns) / 1e9


@pytest.mark.parametrize("policy", [RestartUDriver(), RestartBoth(), ReloadKDriver()], ids=name_of)
@pytest.mark.parametrize("request_", [1, 7])
def test_it_outlives_its_udriver(sliced: PreparedGuest, policy: Policy, request_: int) -> None:
    ran = sliced.run(fault=Kill(), trigger=AtRequest(request_), policy=policy)
    assert ran.verdict.udriver_died and ran.outcome is back(ran.record), ran.story()
    assert not ran.verdict.warned, ran.story()


@pytest.mark.parametrize("nth", range(1, 13))
def test_it_outlives_the_end_of_its_udriver_at_a_message(sliced: PreparedGuest, nth: int) -> None:
    ran = sliced.run(fault=Channel("kill", "any", nth=nth), trigger=AtRequest(3), policy=RestartUDriver())
    assert ran.verdict.udriver_died and ran.outcome is back(ran.record), ran.story()
    assert not ran.verdict.warned, ran.story()
