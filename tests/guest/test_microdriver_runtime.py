"""The microdriver runtime keeps its promises: calls within calls, shared objects, locks, recovery, and no trust.

The guest's kernel watches over its memory and has nothing to report.
"""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import replace

import pytest

from faultkit.pytest_plugin.guests import PreparedGuest
from tests.guest.conftest import selftest_driver
from tests.guest.steps import expelled, last, play, said, undisturbed

pytestmark = pytest.mark.guest

GOLDEN = undisturbed(selftest_driver.Selftest(), selftest_driver.Asking())
NEW_UDRIVER = ("kill", "start")
WELL = ("ask plain 1", 0, "status=2")
NOTHING_HELD = "irqs=0 dma=0 registered=0"


@pytest.fixture(scope="module")
def selftest(watchful: PreparedGuest) -> PreparedGuest:
    """A k-driver that asks the runtime for everything, and its u-driver."""
    return replace(watchful, golden=GOLDEN, trials=[])


# ---- calls ----


def test_an_upcall_within_a_downcall_within_an_upcall_sees_all_that_was_written_before(selftest: PreparedGuest) -> None:
    assert last(selftest, "ask nested") == "1 11 112 1123 11234 112345 0 0"


def test_calls_within_calls_go_so_deep_and_no_deeper(selftest: PreparedGuest) -> None:
    assert said(selftest, "ask recurse", "ask recurse") == ["status=8", "status=8"]


def test_a_downcall_that_takes_its_own_chain_again_is_told_so(selftest: PreparedGuest) -> None:
    ran, done = play(selftest, "ask miscall", "ask miscall", WELL[0], warns=1)
    assert done == [("ask miscall", errno.EDEADLK, "")] * 2 + [WELL]
    assert "a downcall must call plain by __mdrv_upcall()" in ran.record.console


def test_two_instances_are_served_by_one_process_at_the_same_time(selftest: PreparedGuest) -> None:
    nodes = " ".join(map(str, selftest_driver.INSTANCES))
    found = said(
        selftest, "kill", f"start {nodes}", "until status=2 other 1", "ask both 23", "ask other 4", "ask nested"
    )
    assert found[3:] == ["good=46", "status=5", "1 11 112 1123 11234 112345 0 0"]


def test_a_udriver_may_call_before_it_is_called(selftest: PreparedGuest) -> None:
    found = last(selftest, "ask remember 50", "kill", "start early", "until early=1 recall")
    assert found.endswith("early=123456789abcdef"), "what it learns is what is, not what its predecessor had not learnt"


# ---- shared objects ----


def test_an_array_crosses_both_ways(selftest: PreparedGuest) -> None:
    assert last(selftest, "ask reverse 10") == "17 16 15 14 13 12 11 10"


def test_pointers_to_objects_and_into_them_are_followed_and_set(selftest: PreparedGuest) -> None:
    assert last(selftest, "ask follow") == "status=7411 head=2 into=0 y3=42 y4=17 x0=2 x3=1"


def test_a_list_is_walked_and_turned_round(selftest: PreparedGuest) -> None:
    assert said(selftest, "ask walk", "ask walk") == ["status=23571 4 3 2 1 0", "status=17532 0 1 2 3 4"]


def test_only_what_a_call_declares_comes_back(selftest: PreparedGuest) -> None:
    assert last(selftest, "ask write 5") == "written=1 readable=100 elsewhere=100 undeclared=100 limited=5"


def test_any_number_of_objects_may_go_and_others_lie_in_their_place(selftest: PreparedGuest) -> None:
    found = said(selftest, "ask walk", "ask renew 1000", "ask walk", "ask walk")
    assert [words.split()[0] for words in found if words] == ["status=23571", "status=17532", "status=23571"]


def test_a_downcall_shares_and_unshares(selftest: PreparedGuest) -> None:
    found = said(selftest, "ask walk", "ask renew_inside", "ask walk", "ask walk")
    assert [words.split()[0] for words in found if words] == ["status=23571", "status=17532", "status=23571"]


def test_what_did_not_fit_into_a_message_crosses_with_the_next(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "ask weigh 1", "ask weigh 2", "ask weigh 1", warns=1)
    assert [step[1:] for step in done] == [(0, "status=0"), (errno.E2BIG, ""), (0, "status=1000")]


def test_a_pointer_to_what_is_not_shared_does_not_cross(selftest: PreparedGuest) -> None:
    ran, done = play(selftest, "ask stray", WELL[0], warns=1)
    assert done == [("ask stray", errno.ENOENT, ""), WELL]
    assert "nested cannot be called" in ran.record.console


# ---- locks ----


def test_threads_a_timer_and_the_udriver_share_a_lock(selftest: PreparedGuest) -> None:
    found = dict(word.split("=") for word in last(selftest, "ask contend 23").split())
    count = {name: int(value) for name, value in found.items()}
    assert count["threads"] == 3 * 23 and count["user"] == count["quiesced"] == 5 and count["left"] == 0
    assert count["timer"] > 0 and count["refused"] > 0, "who cannot wait met with both"
    assert count["total"] == count["threads"] + count["user"] + count["timer"]


@pytest.mark.parametrize("death", [("ask take 1",), ("ask take 0", "kill")], ids=["within a call", "between calls"])
def test_the_lock_of_a_dead_holder_is_released(selftest: PreparedGuest, death: tuple[str, ...]) -> None:
    _, done = play(selftest, *death, "ask lock_wait", "ask lock_try", "blocked")
    assert done[0][1] == (errno.EIO if death == ("ask take 1",) else 0)
    assert [step[1] for step in done[-3:]] == [0, 0, 0]
    assert done[-2][2] == "free=1 quiesced=0" and done[-1][2] == ""


def test_a_held_lock_keeps_out_who_cannot_wait(selftest: PreparedGuest) -> None:
    found = said(selftest, "ask take 0", "ask lock_try", "ask give", "ask lock_try")
    assert found[1::2] == ["free=0 quiesced=1", "free=1 quiesced=0"]


def test_who_holds_a_lock_for_too_long_is_expelled(selftest: PreparedGuest) -> None:
    ran, done = play(
        selftest, "ask take 0", "stop", "ask_aside lock_wait", "answered", "blocked", *NEW_UDRIVER, WELL[0]
    )
    assert done[3][1] == 0 and done[4][2] == "" and done[-1] == WELL
    assert expelled(ran) == ["holding a lock: -ETIMEDOUT"]


def test_a_downcall_cannot_wait_for_what_its_own_caller_holds(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "ask claim", "ask lock_try", WELL[0])
    assert done == [("ask claim", errno.EDEADLK, ""), ("ask lock_try", 0, "free=1 quiesced=0"), WELL]


# ---- from where, and for how long ----


@pytest.mark.parametrize("where", range(4), ids=["spinlock", "softirq", "interrupts off", "rcu"])
def test_a_call_from_where_nobody_may_sleep_fails_with_one_warning(selftest: PreparedGuest, where: int) -> None:
    ran, done = play(selftest, f"ask atomic {where}", "ask atomic 0", WELL[0], warns=1)
    assert [step[1] for step in done] == [errno.EDEADLK, errno.EDEADLK, 0]
    assert ran.record.console.count("st0: plain is called where nobody may sleep") == 1
    assert "scheduling while atomic" not in ran.record.console


def test_the_warning_can_be_switched_off(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "set warn 0", "ask atomic 0")
    assert done[-1][1] == errno.EDEADLK


def test_a_udriver_that_does_not_answer_is_expelled_and_nobody_is_left_waiting(selftest: PreparedGuest) -> None:
    ran, done = play(selftest, "ask sleep", "blocked", "ask plain 1", *NEW_UDRIVER, WELL[0])
    assert [step[1:] for step in done[:3]] == [(errno.ETIMEDOUT, ""), (0, ""), (errno.ENOTCONN, "")]
    assert done[-1] == WELL and expelled(ran) == ["in sleep: -ETIMEDOUT"]


def test_who_waits_for_a_udriver_can_be_killed(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "interrupted sleep", "blocked", *NEW_UDRIVER, WELL[0])
    assert done[0][1:] == (0, str(-signal.SIGKILL)) and done[1][2] == "" and done[-1] == WELL


def test_who_is_killed_while_calls_are_held_for_a_udriver_is_told_so(selftest: PreparedGuest) -> None:
    steps = (
        "ask hold 9000",
        "kill",
        "interrupted outlived 1",
        "ask said",
        "ask hold 0",
        "ask plain 1",
        "start",
        WELL[0],
    )
    _, done = play(selftest, *steps)
    assert done[2][1:] == (0, str(-signal.SIGKILL)) and done[3][2] == f"error={-errno.EINTR}"
    assert done[5][1] == errno.ENOTCONN and done[-1] == WELL


# ---- registers ----

SEES_NOTHING = str(-signal.SIGBUS)


def test_an_expelled_udriver_loses_the_registers(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "map keep", "ask sleep", "end", "start", WELL[0])
    assert (done[1][1], done[2][2], done[-1]) == (errno.ETIMEDOUT, SEES_NOTHING, WELL)


def test_a_udriver_that_is_expelled_within_mmap_does_not_get_the_registers(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "map race", "until mapping=1 mapping", "ask sleep", "end", "start", WELL[0])
    assert (done[2][1], done[3][2], done[-1]) == (errno.ETIMEDOUT, SEES_NOTHING, WELL)


def test_a_udriver_whose_predecessor_ends_late_loses_the_registers_when_it_is_expelled(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "map hang", "ask sleep", "map keep", "kill_first", "ask sleep", "end", "start", WELL[0])
    assert [done[n][1] for n in (1, 4)] == [errno.ETIMEDOUT] * 2
    assert (done[5][2], done[-1]) == (SEES_NOTHING, WELL)


# ---- recovery ----


def test_a_new_udriver_is_attached_only_when_its_predecessor_has_left(selftest: PreparedGuest) -> None:
    """The end of a session lasts, and the successor asks meanwhile."""
    steps = ("map hang", "ask_aside keep_pages 1500", "ask_aside sleep", "until attached=0 attached", "map keep")
    assert last(selftest, *steps, "ask attached") == "attached=1 late=0"


@pytest.mark.parametrize("step", [1, 2, 3])
def test_what_a_call_acquired_is_given_back_if_the_udriver_dies_in_it(selftest: PreparedGuest, step: int) -> None:
    steps = ("held", f"ask acquire {step}", "held", *NEW_UDRIVER, "ask acquire 0", "held")
    _, done = play(selftest, *steps)
    assert [done[0][2], done[2][2], done[-1][2]] == [NOTHING_HELD, NOTHING_HELD, "irqs=1 dma=1 registered=1"]
    assert [done[1][1], done[-2][1]] == [errno.EIO, 0]


def test_what_a_call_has_acquired_stays_until_the_kdriver_goes(selftest: PreparedGuest) -> None:
    found = said(selftest, "ask acquire 0", "kill", "held", "unload", "load", "held", "start", WELL[0])
    assert [found[2], found[5], found[-1]] == ["irqs=1 dma=1 registered=1", NOTHING_HELD, WELL[2]]


def test_the_kdriver_can_go_while_its_udriver_hangs_in_a_call(selftest: PreparedGuest) -> None:
    found = said(selftest, "stop", "unload", "load", "kill", "start", WELL[0])
    assert found[-1] == WELL[2]


def test_a_call_that_may_be_issued_again_is_and_another_is_not(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "ask hold 3000", "ask_aside try_again", *NEW_UDRIVER, "answered")
    assert done[-1][1:] == (0, "status=1")
    _, done = play(selftest, "ask hold 3000", "ask_aside try", *NEW_UDRIVER, "answered", "ask try")
    assert [step[1:] for step in done[-2:]] == [(errno.EIO, ""), (0, "status=1")]


def test_a_new_udriver_is_handed_the_state_of_its_predecessor(selftest: PreparedGuest) -> None:
    found = said(selftest, "ask remember 50", "ask recall", *NEW_UDRIVER, "ask recall")
    assert found[1] == found[-1] == "last=350 written=23 wide=123456789abcdef head=54 early=0"


# ---- lies ----

REFUSED, EXPELLED = errno.EPROTO, errno.ESTALE  # at the door; or the message is taken, but not believed


LIES = {
    "call": ("write", "an answer to another call"),
    "downcall": ("write", "a call that there is not"),
    "argument": ("write", "a pointer to something that is not shared"),
    "half": ("write", "half a record"),
    "short": ("write", "a record that is longer than its message"),
    "object": ("write", "an object that is not shared"),
    "type": ("write", "an object that is not shared"),
    "field": ("write", "a field that there is not"),
    "readable": ("write", "a field that is not written with this call"),
    "elsewhere": ("write", "a field that is not written with this call"),
    "size": ("write", "a field of another size"),
    "range": ("write", "a value out of its range"),
    "whole": ("write", "a field that there is not"),
    "gone": ("write", "a field that there is not"),
    "buffer": ("write", "a buffer that nobody gave, or a larger one"),
    "offset": ("follow", "a pointer to something that is not shared"),
    "stranger": ("follow", "a pointer to something that is not shared"),
    "members": ("walk", "a list with other members"),
    "fewer": ("walk", "a list of another length"),
}
"""Lie -> the call that it is an answer to, and what is wrong with it."""


@pytest.fixture(scope="module")
def turned_away(selftest: PreparedGuest) -> dict[str, tuple[str, int, str, int]]:
    """Lie -> what the k-driver said, what the call gave, the liar's exit code, and what the next u-driver's call gave.
    All in one guest, one after another."""
    asks = {lie: f"ask {call} 5" for lie, (call, _) in LIES.items()}
    steps = [(f"lie {lie}", "ask await 2000", ask, "end", "start", ask) for lie, ask in asks.items()]
    ran, done = play(selftest, *(step for part in steps for step in part))
    errors = [error for _, error, _ in done]
    codes = [words for step, _, words in done if step == "end"]
    assert len(expelled(ran)) == len(LIES), expelled(ran)
    return dict(zip(LIES, zip(expelled(ran), errors[2::6], codes, errors[5::6], strict=True), strict=True))


@pytest.mark.parametrize("lie", LIES)
def test_a_udriver_that_lies_is_expelled_and_its_successor_is_not(
    turned_away: dict[str, tuple[str, int, str, int]], lie: str
) -> None:
    call, why = LIES[lie]
    assert turned_away[lie] == (f"in {call}, for {why}: -EPROTO", errno.EPROTO, str(EXPELLED), 0)


def test_nothing_of_a_wrong_message_is_taken(selftest: PreparedGuest) -> None:
    _, done = play(selftest, "lie range", "ask await 2000", "ask write 5", "ask said")
    assert done[-1][2] == "written=100 readable=100 elsewhere=100 undeclared=100 limited=9"


@pytest.mark.parametrize("lie", ["kind", "bytes", "all_bytes"])
def test_what_is_no_message_is_refused_at_the_door(selftest: PreparedGuest, lie: str) -> None:
    _, done = play(selftest, f"lie {lie}", "ask await 2000", "ask write 5", "end", "start", WELL[0])
    assert (done[2][1], done[3][2], done[-1]) == (errno.EIO, str(REFUSED), WELL)


def test_an_answer_to_another_question_is_not_taken_for_one(selftest: PreparedGuest) -> None:
    ran, done = play(selftest, "lie seq", "ask await 2000", "ask write 5", "end", "counts", "start", WELL[0])
    assert (done[2][1], done[3][2], done[-1]) == (errno.ETIMEDOUT, str(EXPELLED), WELL)
    assert expelled(ran) == ["in write: -ETIMEDOUT"] and "stale 1" in done[4][2]


@pytest.mark.parametrize(("lie", "code"), [("flood", errno.ENOBUFS), ("locks", errno.EINVAL), ("attach", errno.ESTALE)])
def test_who_asks_for_what_there_is_not_is_told_so(selftest: PreparedGuest, lie: str, code: int) -> None:
    _, done = play(selftest, f"lie {lie}", "end", "start", WELL[0])
    assert (done[1][2], done[-1]) == (str(code), WELL), os.strerror(code)


def test_of_many_that_talk_at_once_no_more_than_the_limit_wait(selftest: PreparedGuest) -> None:
    """All are on their way while none waits yet: 24 processes, of which 16 may wait."""
    _, done = play(selftest, "delay 300", "lie crowd", "end", "start", WELL[0])
    assert (done[2][1:], done[-1]) == ((0, "8"), WELL)


@pytest.mark.parametrize(
    ("mistake", "words", "warns"),
    [
        ("use_after_free", "BUG mdrv_selftest", 2),  # and that the cache cannot go, because the object is kept back
        ("watched_use_after_free", "BUG: KFENCE: use-after-free write", 1),
    ],
)
def test_the_kernel_watches_over_its_memory(selftest: PreparedGuest, mistake: str, words: str, warns: int) -> None:
    ran, done = play(selftest, f"ask {mistake}", warns=warns)
    assert done[0][1] == 0 and words in ran.first("kernel.warn").data["text"]
