"""Effects of lost, late, short, doubled or changed messages between nbd.ko and nbdkit."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.nbd import Nbd, VerifiedIO
from faultkit import AtOnce, AtRequest, Detectors, Nothing, Outcome, RestartUDriver, Trial
from faultkit.machine.image import Image
from faultkit.model.errors import NotPlaced
from faultkit.pytest_plugin.guests import PreparedGuest, Ran
from injectors.channel.channel import Channel
from injectors.udriver.kill import Kill
from monitors.kernel import Kernel
from monitors.process import Process
from monitors.requests import Requests
from tests.guest.conftest import prepared

sys.path.insert(0, str(Path(__file__).parent))  # parts beside an experiment are found like this

synced = importlib.import_module("synced")

pytestmark = pytest.mark.guest
PARTS = (
    Channel("drop", "reply"),
    Kill(),
    synced.Synced(),
    AtOnce(),
    AtRequest(1),
    Nothing(),
    RestartUDriver(),
)
both_ways = pytest.mark.parametrize("direction", ["request", "reply"])


@pytest.fixture(scope="session")
def proxied(image: Image) -> PreparedGuest:
    """nbd by netlink, with a proxy in the channel; few monitors, to be prepared soon."""
    golden = Trial(
        driver=Nbd(proxied=True),
        workload=VerifiedIO(),
        policy=RestartUDriver(),
        seed=1,
        monitors=(Requests(), Kernel(), Process()),
    )
    return prepared(image, golden, PARTS)


def met(bed: PreparedGuest, action: str, direction: str, **parts: Any) -> Ran:
    """A trial in which a message meets with it at about the 30th request; the heartbeat reads, and never writes."""
    trial = {name: parts.pop(name) for name in ("policy", "workload", "detectors", "seed") if name in parts}
    ran = bed.run(fault=Channel(action, direction, **({"message": "write"} | parts)), trigger=AtRequest(30), **trial)
    assert ran.verdict.injected and ran.verdict.activated, ran.story()
    assert ran.first("fault.injected").t_ns <= ran.first("fault.activated").t_ns
    return ran


def said(ran: Ran, words: str) -> bool:
    """True if the kernel logged these words."""
    return words in ran.record.console or any(words in e.data["text"] for e in ran.events("kernel.message"))


def test_a_proxy_in_the_channel_changes_nothing(proxied: PreparedGuest) -> None:
    ran = proxied.run()
    assert ran.outcome is Outcome.MASKED
    assert ran.count("request.completed") == proxied.golden.workload.requests  # type: ignore[attr-defined]
    assert not ran.verdict.detected_by


def test_a_proxy_follows_to_the_new_server(proxied: PreparedGuest) -> None:
    ran = proxied.run(fault=Kill(), trigger=AtRequest(30))
    assert ran.outcome is Outcome.RECOVERED, ran.story()
    assert ran.verdict.detected_by == "pidfd" and ran.verdict.udriver_died


@both_ways
def test_a_lost_message_costs_the_connection_and_a_new_one_mends_it(proxied: PreparedGuest, direction: str) -> None:
    """nbd waits for the request timeout (1 s), gives up the connection and sends again on the next."""
    ran = met(proxied, "drop", direction)
    assert ran.outcome is Outcome.RECOVERED, ran.story()
    assert said(ran, "Connection timed out")
    assert ran.count("fault.activated") == 1
    assert ran.first("check.passed").data["blocks"] > 0


def test_a_lost_message_is_the_end_of_the_service_though_both_ends_live(proxied: PreparedGuest) -> None:
    ran = met(proxied, "drop", "reply", policy=Nothing())
    assert ran.outcome is Outcome.LOST, ran.story()
    assert not ran.verdict.udriver_died
    assert ran.first("request.failed").t_ns - ran.first("fault.activated").t_ns > 5e9, "held for hold_s"


@both_ways
def test_a_late_message_is_late_by_as_much_as_asked(proxied: PreparedGuest, direction: str) -> None:
    ran = met(proxied, "delay", direction, delay_s=0.3, workload=VerifiedIO(depth=1))
    assert ran.outcome is Outcome.MASKED
    late = [e.data["latency_ns"] for e in ran.events("request.completed") if e.data["latency_ns"] > 0.2e9]
    assert len(late) == 1 and 0.3e9 <= late[0] < 0.5e9


@both_ways
def test_a_message_that_comes_twice_costs_the_connection(proxied: PreparedGuest, direction: str) -> None:
    """A request that comes twice is answered twice, and nbd takes the second answer for a broken server."""
    ran = met(proxied, "duplicate", direction)
    assert said(ran, "Unexpected reply") or said(ran, "Double reply") or said(ran, "Suspicious reply")
    assert ran.outcome is Outcome.RECOVERED, ran.story()


SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_write_that_was_cut_short_is_stored_with_the_next_bytes_at_its_end(proxied: PreparedGuest, seed: int) -> None:
    """It is acknowledged, and the block stays wrong until it is written again."""
    ran = met(proxied, "truncate", "request", cut_bytes=4, workload=VerifiedIO(depth=1), seed=seed)
    assert ran.outcome is (Outcome.RECOVERED if overwritten(ran) else Outcome.CORRUPT), ran.story()
    assert ran.count("service.restored") >= 1
    assert ran.first("fault.activated").data["met"].endswith("the last 4 bytes missing")


def overwritten(ran: Ran) -> bool:
    """True if the block that was being written when the fault was met is next written, and not read."""
    at_ns = ran.first("fault.activated").t_ns
    *_, hit = [event for event in ran.events("request.issued") if event.t_ns <= at_ns and "block" in event.data]
    later = (event for event in ran.events("request.issued") if event.t_ns > at_ns)
    after = next((event for event in later if event.data.get("block") == hit.data["block"]), None)
    return after is not None and after.data["op"] == "write"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_read_that_was_cut_short_ends_with_the_next_messages_bytes(proxied: PreparedGuest, seed: int) -> None:
    """The heartbeat is silent: the next message is the other thread's, and the read is the workload's."""
    silent = Detectors(beat_s=30.0)
    ran = met(
        proxied, "truncate", "reply", message="read", cut_bytes=4, workload=VerifiedIO(depth=2), detectors=silent,
        seed=seed,
    )  # fmt: skip
    assert ran.outcome is Outcome.CORRUPT, ran.story()
    assert [event.data["wrong_bytes"] <= 4 for event in ran.events("read.mismatched")] == [True]


@pytest.mark.parametrize("seed", SEEDS)
def test_behind_an_answer_that_was_cut_short_nothing_is_understood(proxied: PreparedGuest, seed: int) -> None:
    ran = met(proxied, "truncate", "reply", cut_bytes=4, seed=seed)
    assert ran.outcome is Outcome.RECOVERED, ran.story()


@pytest.mark.parametrize(
    ("direction", "field", "words"),
    [
        ("request", "magic", "Receive control failed"),  # nbdkit hangs up
        ("reply", "magic", "Wrong magic"),
        ("reply", "cookie", "reply"),  # unexpected, double or suspicious, as the bit has it
    ],
)
def test_a_message_whose_head_is_broken_costs_the_connection(
    proxied: PreparedGuest, direction: str, field: str, words: str
) -> None:
    ran = met(proxied, "corrupt", direction, field=field)
    assert ran.outcome is Outcome.RECOVERED, ran.story()
    assert said(ran, words), ran.story()


def test_a_flipped_bit_of_what_is_read_is_handed_over_as_right(proxied: PreparedGuest) -> None:
    """NBD has no checksum. The arming ends before the check, which finds every block in order."""
    ran = met(proxied, "corrupt", "reply", message="read", field="payload", times=0)
    assert ran.outcome is Outcome.CORRUPT
    wrong = ran.events("read.mismatched")
    assert wrong and all(e.data["wrong_bytes"] == 1 for e in wrong)
    assert wrong[-1].t_ns < ran.first("workload.finished").t_ns and ran.count("check.passed") == 1
    assert not ran.verdict.detected_by


def test_a_flipped_bit_of_what_is_written_stays(proxied: PreparedGuest) -> None:
    ran = met(proxied, "corrupt", "request", field="payload", times=0)
    assert ran.outcome is Outcome.CORRUPT
    assert ran.events("read.mismatched")[-1].t_ns > ran.first("workload.finished").t_ns, "the check finds it, too"


def test_an_error_that_the_server_never_sent_reaches_the_workload(proxied: PreparedGuest) -> None:
    ran = met(proxied, "corrupt", "reply", field="error", value=5, policy=Nothing())
    assert said(ran, "Other side returned error (5)")
    assert ran.outcome is Outcome.DISRUPTED, ran.story()
    assert ran.count("request.failed") == 1


def test_a_kind_of_message_is_met_and_the_others_are_spared(proxied: PreparedGuest) -> None:
    fault = Channel("corrupt", "reply", message="flush", field="error", value=5, nth=3, times=2)
    ran = proxied.run(fault=fault, trigger=AtOnce(), workload=synced.Synced(), policy=Nothing())
    assert [e.data["op"] for e in ran.events("request.failed")] == ["flush", "flush"]
    assert ran.count("fault.activated") == 2 and ran.outcome is Outcome.DISRUPTED


def test_messages_meet_with_the_same_at_the_same_time_in_each_replay(proxied: PreparedGuest) -> None:
    fault = Channel("corrupt", "reply", nth=5, draw=0x9E3779B97F4A7C15)
    once, again = (proxied.run(fault=fault, trigger=AtRequest(10)) for _ in range(2))
    assert once.record.events == again.record.events
    assert once.verdict.activated


def test_what_cannot_be_met_is_not_placed(proxied: PreparedGuest, nbd: PreparedGuest) -> None:
    with pytest.raises(NotPlaced, match="a reply has no field 'offset': there are magic"):
        proxied.run(fault=Channel("corrupt", "reply", field="offset"), trigger=AtRequest(5))
    with pytest.raises(NotPlaced, match=r"no proxy in the channel: use Nbd\(proxied=True\)"):
        nbd.run(fault=Channel("drop", "reply"), trigger=AtRequest(5))
