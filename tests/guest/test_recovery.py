"""Recovery policies on real drivers: what each does, and the traps that recovery has fallen into elsewhere."""

from __future__ import annotations

from statistics import median

import pytest

from drivers.nbd import Stream, VerifiedIO
from drivers.rtl8139 import Rtl8139
from faultkit import (
    AtRequest,
    Detectors,
    DownAndUp,
    Escalate,
    Every,
    GiveUp,
    Nothing,
    Outcome,
    Rebind,
    ReloadKDriver,
    ReloadWithState,
    ReplaceUDriver,
    ResetFunction,
    RestartBoth,
    RestartUDriver,
    WithProbability,
)  # fmt: skip
from faultkit.model.actions import offered
from faultkit.model.attempts import Attempts
from faultkit.model.codec import name_of
from faultkit.model.parts import Fault
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from faultkit.results.sweeps import throughput_of
from injectors.device.dead_device import DeadDevice
from injectors.kdriver.unbind import Unbind
from injectors.udriver.kill import Kill
from tests.guest.conftest import recovery_parts
from tests.guest.expected import back, gone

pytestmark = pytest.mark.guest
LONG = VerifiedIO(requests=400, deadline_s=60.0)


def test_a_driver_that_is_not_loaded_is_nothing_to_unload(nbd_client: PreparedGuest) -> None:
    """The first attempt brings it back: its unload does not fail."""
    ran = nbd_client.run(
        fault=recovery_parts.Removed(), trigger=AtRequest(1), policy=ReloadKDriver(),
        workload=recovery_parts.Waiting(wait_s=8.0), detectors=Detectors(beat_s=2.0),
    )  # fmt: skip
    gone = ran.first("module.unloaded").t_ns
    assert gone < ran.first("recovery.started").t_ns
    assert actions(ran) == ["reload"] and ran.count("service.restored") == 1, ran.story()
    assert ran.outcome is back(ran.record)


def actions(ran: Ran) -> list[str]:
    """The actions that recovery tried, in order."""
    return [e.data["action"] for e in ran.events("recovery.started")]


def recovery_times_ns(ran: Ran) -> list[int]:
    """From each attempt's begin to its end."""
    pairs = zip(ran.events("recovery.started"), ran.events("recovery.finished"), strict=True)
    return [end.t_ns - start.t_ns for start, end in pairs]


@pytest.mark.parametrize(("driver", "fault"), [("rtl8139", Unbind()), ("nbd", recovery_parts.Disconnected())])
def test_a_reload_forgets_the_configuration_unless_it_is_put_back(
    request: pytest.FixtureRequest, driver: str, fault: Fault
) -> None:
    bed: PreparedGuest = request.getfixturevalue(driver)
    changed = recovery_parts.Reconfigured(fault)
    plain, kept = (
        bed.run(fault=changed, trigger=AtRequest(10), policy=policy) for policy in (ReloadKDriver(), ReloadWithState())
    )
    for ran in (plain, kept):
        assert ran.verdict.kdriver_reloaded and ran.count("service.restored") == 1, ran.story()
    assert kept.first("settings.found").data == kept.first("settings.made").data
    made, lost = plain.first("settings.made").data, plain.first("settings.found").data
    assert sum(made[name] != lost[name] for name in made) >= 4, "each was changed, and is as it comes again"


def test_what_a_small_remedy_cannot_mend_a_larger_one_does(nbd: PreparedGuest) -> None:
    """Without a connection there is none to put a new server's in the place of."""
    ran = nbd.run(fault=recovery_parts.Disconnected(), trigger=AtRequest(20), policy=Escalate())
    assert actions(ran) == ["restart", "reload"]
    assert ran.count("service.restored") == 1
    assert ran.first("check.passed").data["blocks"] > 0


@pytest.mark.parametrize("policy", [DownAndUp(), Rebind(), ResetFunction()], ids=name_of)
def test_a_drivers_own_action_brings_back_a_device_whose_rings_are_dead(
    rtl8139_bridged: PreparedGuest, policy: Attempts
) -> None:
    ran = rtl8139_bridged.run(fault=recovery_parts.RingsStopped(), trigger=AtRequest(10), policy=policy)
    assert actions(ran) == [policy.action] and ran.count("service.restored") == 1, ran.story()
    names = [e.data["step"] for e in ran.events("recovery.step")]
    assert names == [*offered(Rtl8139(bridged=True))[policy.action].steps, "probe"]
    assert ran.outcome is back(ran.record) and not ran.verdict.kdriver_reloaded


def test_both_halves_of_a_network_driver_bring_back_a_device_whose_rings_are_dead(rtl8139_micro: PreparedGuest) -> None:
    ran = rtl8139_micro.run(fault=recovery_parts.RingsStopped(), trigger=AtRequest(10), policy=DownAndUp())
    assert actions(ran) == ["down_and_up"] and ran.count("service.restored") == 1, ran.story()
    assert ran.count("crossing.passed", call="stop") and ran.outcome is back(ran.record)


def test_dead_rings_stay_dead_if_nobody_acts(rtl8139_bridged: PreparedGuest) -> None:
    ran = rtl8139_bridged.run(fault=recovery_parts.RingsStopped(), trigger=AtRequest(10), policy=Nothing())
    assert ran.outcome is gone(ran.record), ran.story()


def test_a_dead_device_is_found_alive_by_a_k_driver_that_is_bound_anew(rtl8139_bridged: PreparedGuest) -> None:
    """The registers are mapped anew then; an interface that is set up waits for the dead device, by 8139cp for 40 s."""
    bound, waits = rtl8139_bridged.run_all(
        {"fault": DeadDevice(), "trigger": AtRequest(10), "policy": policy} for policy in (Rebind(), DownAndUp(limit=1))
    )
    assert actions(bound) == ["rebind"] and bound.outcome is back(bound.record), bound.story()
    assert actions(waits) == ["down_and_up"] and not waits.count("service.restored"), waits.story()


def test_a_new_connection_that_the_kernel_drops_is_no_success(nbd: PreparedGuest) -> None:
    """With a live connection nbd answers success, and drops the new one."""
    ran = nbd.run(fault=recovery_parts.Rejoined(), trigger=AtRequest(20), policy=Nothing())
    assert "nbd0 has kept the connection that it had" in ran.first("rejoin.tried").data["error"]
    assert ran.outcome is Outcome.MASKED, ran.story()


def test_a_udriver_that_cannot_be_killed_is_replaced_without_waiting_for_its_end(nbd: PreparedGuest) -> None:
    replaced, restarted = nbd.run_all(
        {"fault": recovery_parts.Unkillable(), "trigger": AtRequest(30), "policy": policy}
        for policy in (ReplaceUDriver(), RestartUDriver())
    )
    for ran, action in ((replaced, "replace"), (restarted, "restart")):
        assert actions(ran) == [action] and ran.outcome is back(ran.record), ran.story()
        assert ran.first("holdout.found").data["there"], "it was there to the end"
        assert ran.first("check.passed").data["blocks"] > 0
    assert recovery_times_ns(replaced)[0] < recovery_times_ns(restarted)[0]


def test_a_udriver_that_is_dead_is_replaced_as_well(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=Kill(), trigger=AtRequest(30), policy=ReplaceUDriver())
    assert actions(ran) == ["replace"] and ran.outcome is Outcome.RECOVERED, ran.story()


def test_a_crash_loop_ends_after_its_budget_with_growing_waits(nbd: PreparedGuest) -> None:
    policy = RestartUDriver(limit=4, backoff_s=0.4)
    ran = nbd.run(fault=Kill(), trigger=Every(0.05), policy=policy, workload=LONG)
    assert ran.outcome is Outcome.LOST, ran.story()
    assert ran.count("recovery.gave_up") == 1 and actions(ran) == ["restart"] * 4
    trouble = [e.t_ns for e in ran.record.events if e.kind in ("error.detected", "recovery.finished")]
    starts = [e.t_ns for e in ran.events("recovery.started")]
    waits = [start - max(t_ns for t_ns in trouble if t_ns < start) for start in starts]
    assert all(0 <= wait / 1e9 - asked < 0.2 for wait, asked in zip(waits, (0, 0.4, 0.8, 1.6), strict=True)), waits
    assert not ran.count("request.stuck"), "who waits is told"


def test_a_service_that_is_taken_down_leaves_nobody_waiting(
    nbd: PreparedGuest, nbd_client: PreparedGuest, nbd_ioctl: PreparedGuest
) -> None:
    """Neither requests in flight nor tasks in D state."""
    for bed in (nbd, nbd_client, nbd_ioctl):
        ran = bed.run(fault=recovery_parts.Counted(Kill()), trigger=AtRequest(30), policy=GiveUp())
        assert ran.outcome is Outcome.LOST, ran.story()
        assert not ran.count("request.stuck")
        assert ran.events("holdings.counted")[-1].data["blocked"] == 0


def test_a_udriver_that_is_killed_while_it_is_replaced_is_replaced_again(nbd: PreparedGuest) -> None:
    ran = nbd.run(
        fault=Kill(), trigger=Every(0.03, times=6), policy=RestartUDriver(limit=20, backoff_s=0.0), workload=LONG
    )
    assert ran.outcome is back(ran.record), ran.story()
    assert ran.count("fault.injected") + ran.count("fault.skipped") == 6
    assert ran.count("fault.skipped") > 0, "at times there was none to kill"
    assert ran.count("check.passed") == 1
    assert len(actions(ran)) > 1


def test_a_module_that_is_in_use_is_not_removed_and_nothing_breaks(nbd: PreparedGuest) -> None:
    ran = nbd.run(
        fault=recovery_parts.Disconnected(held=True),
        trigger=AtRequest(20),
        policy=ReloadKDriver(limit=2, backoff_s=0.0),
    )
    assert ran.outcome is Outcome.LOST, ran.story()
    assert [e.data["error"] for e in ran.events("recovery.finished")] == ["nbd0 is still connected"] * 2
    assert not ran.count("module.unloaded")


def test_a_hundred_recoveries_cost_the_same_and_leave_nothing(nbd: PreparedGuest) -> None:
    ran = nbd.run(
        fault=Kill(),
        trigger=Every(0.6, times=100),
        policy=RestartUDriver(limit=1000, backoff_s=0.0),
        workload=recovery_parts.Waiting(wait_s=62.0),
        detectors=Detectors(beat_s=0.5),
    )
    assert ran.count("service.restored") == ran.count("fault.activated") == 100, ran.story()
    times = recovery_times_ns(ran)
    assert median(times[-10:]) < 1.2 * median(times[:10])
    first, last = ran.events("holdings.counted")[0].data, ran.events("holdings.counted")[-1].data
    assert last["zombies"] == first["zombies"] == 0
    assert last["fds"] <= first["fds"] + 2 and last["threads"] <= first["threads"] + 2
    before, after = (e.data for e in ran.events("resources.sampled"))
    assert after["module_refs"] == before["module_refs"] and after["fds"] <= before["fds"]
    assert after["slab_bytes"] < before["slab_bytes"] + (1 << 20)
    assert not ran.verdict.leaked


def test_a_fault_at_random_requests_comes_at_those_of_its_seed(nbd: PreparedGuest) -> None:
    trigger = WithProbability(0.05, seed=3, times=2)
    ran = nbd.run(fault=Kill(), trigger=trigger, policy=RestartBoth(backoff_s=0.0))
    issued = [e.data["n"] for e in ran.events("request.issued")]
    assert ran.count("fault.injected") + ran.count("fault.skipped") == 2
    assert ran.first("fault.injected").t_ns <= ran.first("request.issued", n=next(trigger.requests())).t_ns
    assert set(trigger.requests()) <= set(issued)


def test_a_repeated_fault_ends_with_the_workload_and_kills_nobody_twice(nbd: PreparedGuest) -> None:
    ran = nbd.run(fault=Kill(), trigger=Every(0.1), policy=Nothing())
    assert ran.count("fault.injected") == 1, "it is dead"
    skipped = ran.events("fault.skipped")
    assert skipped and skipped[-1].t_ns <= ran.first("workload.finished").t_ns
    assert "gone" in skipped[0].data["why"]


def test_a_fault_that_takes_longer_than_its_interval_does_not_hold_up_the_clock(nbd: PreparedGuest) -> None:
    slow = recovery_parts.Counted(recovery_parts.Disconnected())
    ran = nbd.run(fault=slow, trigger=Every(0.001), policy=Nothing())
    assert ran.outcome is Outcome.LOST and ran.count("workload.finished") == 1


@pytest.mark.parametrize("op", ["read", "write"])
def test_a_transfer_under_repeated_kills_loses_time_and_no_byte(nbd: PreparedGuest, op: str) -> None:
    """nbd sends a request that was in flight again after its timeout of a second: that bounds what is left."""
    golden, killed = (
        nbd.run(workload=Stream(op, duration_s=4.0), policy=RestartUDriver(limit=9, backoff_s=0.0), **parts)
        for parts in ({}, {"fault": Kill(), "trigger": Every(1.3, times=2)})
    )
    for ran in (golden, killed):
        assert ran.count("check.passed", blocks=16) == 1 and not ran.count("read.mismatched"), ran.story()
    assert killed.count("service.restored") == 2
    whole, left = (dict(throughput_of(ran.record.events))[op] for ran in (golden, killed))
    assert 0.2 * whole < left < 0.9 * whole
