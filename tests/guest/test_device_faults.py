"""Effects on 8139cp of a network card that loses interrupts, raises too many, dies, goes away or writes nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from faultkit import AtOnce, AtRequest, Nothing, Outcome, ReloadKDriver
from faultkit.model.errors import NotPlaced
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.device.dead_device import DeadDevice
from injectors.device.dma_flip import DmaFlip
from injectors.device.interrupt_storm import InterruptStorm
from injectors.device.interrupts_held import InterruptsHeld
from injectors.device.interrupts_lost import InterruptsLost
from injectors.device.link_down import LinkDown
from injectors.device.unplugged import Unplugged
from tests.guest.conftest import device_parts
from tests.guest.expected import gone

pytestmark = pytest.mark.guest
ALIVE = "525400000001"  # the registers begin with the card's address


def met(bed: PreparedGuest, fault: Any, **parts: Any) -> Ran:
    """A trial with the fault, from the 10th request on if nothing else is said, which was activated."""
    ran = bed.run(fault=fault, **({"trigger": AtRequest(10)} | parts))
    assert ran.verdict.activated, ran.story()
    assert ran.first("fault.injected").t_ns <= ran.first("fault.activated").t_ns
    return ran


def mended(bed: PreparedGuest, fault: Any) -> None:
    """A fault for good, that a reload of the driver puts an end to."""
    ran = met(bed, fault, policy=ReloadKDriver())
    assert ran.verdict.kdriver_reloaded and ran.verdict.detected_by == "heartbeat"
    assert ran.count("service.restored") >= 1 and ran.count("check.passed") == 1, ran.story()
    assert Outcome.RECOVERED <= ran.outcome <= Outcome.DISRUPTED


def slowest_s(ran: Ran) -> float:
    """The longest request."""
    return float(max(e.data["latency_ns"] for e in ran.events("request.completed")) / 1e9)


def test_as_many_interrupts_are_lost_as_asked_and_the_rest_arrive(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, InterruptsLost(nth=2, times=7))
    assert ran.count("fault.activated") == 7
    assert ran.outcome <= Outcome.DISRUPTED and ran.count("check.passed") == 1


def test_without_interrupts_nothing_arrives_until_the_driver_is_loaded_anew(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, InterruptsLost(times=0), policy=Nothing())
    assert ran.outcome is gone(ran.record)
    mended(rtl8139, InterruptsLost(times=0))


def test_interrupts_that_are_held_back_come_when_the_line_is_whole_again(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, InterruptsHeld(for_s=0.3))
    assert ran.count("fault.activated") == 1
    assert ran.outcome is Outcome.MASKED
    held = ran.first("fault.ended").t_ns - ran.first("fault.activated").t_ns
    assert 0.25e9 < held < slowest_s(ran) * 1e9 + 0.05e9, "what was under way waited for it"


def test_a_line_that_stays_cut_is_whole_for_a_driver_that_is_loaded_anew(rtl8139: PreparedGuest) -> None:
    mended(rtl8139, InterruptsHeld())


def test_the_handler_is_called_for_every_interrupt_without_a_cause(rtl8139: PreparedGuest) -> None:
    golden = rtl8139.run()
    ran = met(rtl8139, InterruptStorm(times=601, interval_us=50))
    assert ran.count("fault.activated") == 256, "the first are stamped"
    more = ran.count("call.entered", function="cp_interrupt") - golden.count("call.entered", function="cp_interrupt")
    assert more > 500
    assert ran.outcome is Outcome.MASKED


def test_a_link_that_is_down_for_a_second_is_waited_for(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, LinkDown(for_s=1.0), policy=Nothing())
    assert ran.count("fault.activated") == ran.count("fault.ended") == 1
    assert ran.outcome is Outcome.MASKED, ran.story()
    assert 0.9 < slowest_s(ran) < 3


def test_loading_the_driver_anew_mends_no_cable(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, LinkDown(for_s=0), policy=ReloadKDriver())
    assert ran.outcome is gone(ran.record) and ran.verdict.kdriver_reloaded
    assert not ran.count("service.restored")


def test_a_card_that_was_taken_out_and_put_back_serves_a_driver_that_is_loaded_anew(rtl8139: PreparedGuest) -> None:
    mended(rtl8139, Unplugged(for_s=1.0))


def test_a_card_that_was_taken_out_is_another_interface_when_it_is_back(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, Unplugged(for_s=0.5), policy=Nothing())
    assert ran.outcome is gone(ran.record), "nobody gives it an address"
    assert not ran.verdict.crash_kind and ran.verdict.detected_by == "heartbeat"


def test_all_registers_of_a_dead_card_read_as_ones_whatever_is_written(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, device_parts.RegistersRead(DeadDevice(for_s=0)), policy=Nothing())
    first, second, after = (e.data["hex"] for e in ran.events("registers.read"))
    assert first == second == "ff" * 256
    assert after.startswith(ALIVE)
    assert ran.outcome is gone(ran.record)


def test_a_card_that_was_dead_for_a_moment_is_there_again(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, DeadDevice(for_s=0.2), policy=Nothing())
    assert ran.outcome <= Outcome.DISRUPTED and ran.count("check.passed") == 1


def test_a_dead_card_is_alive_for_a_driver_that_is_loaded_anew(rtl8139: PreparedGuest) -> None:
    mended(rtl8139, DeadDevice())


def test_a_device_with_hundreds_of_pages_of_registers_is_dead_as_a_whole(edu: PreparedGuest) -> None:
    ran = met(edu, DeadDevice(), policy=Nothing())
    assert ran.outcome is Outcome.LOST, (ran.outcome, ran.verdict.reason)


def test_a_dead_card_that_goes_on_interrupting_loses_its_line(rtl8139: PreparedGuest) -> None:
    """The driver finds no cause in registers of ones; after 100 000 such interrupts the kernel gives the line up.

    The card dies at rest: while packets are being received the driver has its interrupts masked, and they stay so.
    """
    fault = device_parts.SpokenTo(DeadDevice(silent=False))
    ran = met(rtl8139, fault, trigger=AtOnce(), policy=Nothing())
    assert any("nobody cared" in e.data["text"] for e in ran.events("kernel.message")), ran.story()
    assert ran.outcome is gone(ran.record)


def test_a_flipped_bit_of_a_packet_is_found_by_its_checksum(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, DmaFlip(draw=0x9E3779B97F4A7C15, times=3))
    assert ran.count("fault.activated") == 3
    assert ran.first("fault.injected").data["byte"] < 60
    assert ran.outcome <= Outcome.DISRUPTED and ran.count("check.passed") == 1, "TCP sends again"


def test_a_byte_that_is_always_wrong_stops_long_packets_and_nobody_notices(rtl8139: PreparedGuest) -> None:
    ran = met(rtl8139, DmaFlip(byte=700, times=0), policy=Nothing())
    assert ran.outcome is gone(ran.record)
    assert [e.data["op"] for e in ran.events("request.stuck")] == ["receive"], "what is sent is acknowledged shortly"
    assert not ran.verdict.detected_by, "the heartbeat's packets are short"


@pytest.mark.parametrize("fault", [LinkDown(0.2), DeadDevice(for_s=0.1), InterruptsLost(times=3), DmaFlip(times=2)])
def test_a_faulty_device_is_as_faulty_in_each_replay(rtl8139: PreparedGuest, fault: Any) -> None:
    once, again = (met(rtl8139, fault) for _ in range(2))
    assert once.record.events == again.record.events


@pytest.mark.parametrize("fault", [DeadDevice(), InterruptsLost(), InterruptStorm(1), Unplugged(), InterruptsHeld()])
def test_a_driver_without_hardware_has_none_that_could_go_wrong(nbd: PreparedGuest, fault: Any) -> None:
    with pytest.raises(NotPlaced, match="Nbd drives no PCI device"):
        nbd.run(fault=fault, trigger=AtRequest(5))


def test_a_driver_without_an_interface_has_no_link(nbd: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="Nbd has no network interface"):
        nbd.run(fault=LinkDown(), trigger=AtRequest(5))


def test_a_cable_that_does_not_exist_cannot_be_pulled(rtl8139: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="QEMU refused"):
        rtl8139.run(fault=LinkDown(wire="wire7"), trigger=AtRequest(5))
