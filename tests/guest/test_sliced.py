"""Drivers of Linux that the slicer cut: they answer as the whole ones do, and outlive their u-drivers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import unified_diff

import pytest

from drivers.rtl8139 import Phases, Rtl8139, Transfers
from drivers.sliced import E1000, E1000Sliced, Rtl8139Sliced
from drivers.sliced.questions import Questions
from faultkit import AtRequest, Outcome, ReloadKDriver, RestartBoth, RestartUDriver
from faultkit.model.codec import name_of
from faultkit.model.events import Kind
from faultkit.model.parts import Policy
from faultkit.pytest_plugin.guests import PreparedGuest, Ran, Session
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from tests.guest.expected import back

pytestmark = pytest.mark.guest

MONITORS = (Kernel(), Process(), Modules())
MASKS = {
    r"(Ring Addr) +0x[0-9a-f]{8}": r"\1 MASKED",  # where the kernel happened to put the rings
    r"(Timer count) +0x[0-9a-f]{8}": r"\1 MASKED",
    r"((?:RDH|RDT|TDH|TDT) +\(\w+ desc \w+\)) +0x[0-9A-F]{8}": r"\1 MASKED",  # as many packets as there were
    r"((?:tx|rx)_ok\w*|rx_err): \d+": r"\1: MASKED",  # of packets: acknowledgements, and one while it opens
    r"((?:tx|rx)_(?:packets|bytes|broadcast)|rx_long_byte_count): \d+": r"\1: MASKED",
    r"at 0x[0-9a-f(_a-z)]+,": "at MASKED,",  # an address, which the kernel hides
}
DRIVERS = {"8139cp": (Rtl8139(), Rtl8139Sliced()), "e1000": (E1000(), E1000Sliced())}


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
        parts=(Channel("kill", "any"), Kill(), RestartUDriver(), RestartBoth(), ReloadKDriver(), Questions(), Phases()),
    )


def masked(text: str) -> str:
    """A text without what two runs of one driver need not have in common."""
    for pattern, other in MASKS.items():
        text = re.sub(pattern, other, text)
    return text


def answers(ran: Ran) -> Iterator[tuple[str, int, str]]:
    """The answers to all questions, masked."""
    for event in ran.record.events:
        if event.kind == Kind.QUESTION_ANSWERED:
            yield event.data["command"], event.data["status"], masked(event.data["text"])


def messages(ran: Ran, name: str) -> list[str]:
    """A driver's messages in the kernel's log, masked."""
    lines = (re.sub(r"^\[ *\d+\.\d+\] ", "", line) for line in ran.record.console.splitlines())
    return [masked(line) for line in lines if name in line and "microdriver" not in line]


def test_it_answers_as_the_whole_driver_does(name: str, faultkit_session: Session, sliced: PreparedGuest) -> None:
    whole = faultkit_session.guest(driver=DRIVERS[name][0], workload=Questions(), monitors=MONITORS).run()
    cut = sliced.run(workload=Questions())
    for ran in (whole, cut):
        assert ran.outcome is Outcome.MASKED and not ran.verdict.warned, ran.story()
    asked = list(answers(whole))
    assert len(asked) > 35 and sum(status == 0 for _, status, _ in asked) > 25
    for (command, status, text), theirs in zip(answers(cut), asked, strict=True):
        assert (command, status) == theirs[:2]
        assert list(unified_diff(theirs[2].splitlines(), text.splitlines(), command, lineterm="", n=0)) == []
    assert messages(cut, name) == messages(whole, name)


@pytest.mark.parametrize("policy", [RestartUDriver(), RestartBoth(), ReloadKDriver()], ids=name_of)
def test_it_outlives_its_udriver(sliced: PreparedGuest, policy: Policy) -> None:
    ran = sliced.run(fault=Kill(), trigger=AtRequest(5), policy=policy)
    assert ran.verdict.udriver_died and ran.outcome is back(ran.record), ran.story()
    assert not ran.verdict.warned, ran.story()


@pytest.mark.parametrize("name", ["8139cp"], indirect=True)
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
