"""The runtime does for a driver that is tables alone what a hand-written one has code for.

Each kind of argument, field, action and pointer, and the gate; and a u-driver that ends in the middle of each.
The guest's kernel watches over its memory and has nothing to report.
"""

from __future__ import annotations

import errno
import importlib
import re
from dataclasses import replace

import pytest

from faultkit.machine.image import Image
from faultkit.machine.qemu import Machine
from faultkit.pytest_plugin.guests import PreparedGuest
from tests.c_values import values
from tests.guest.conftest import OURS, prepared
from tests.guest.steps import expelled, last, play, said, undisturbed
from tests.test_kernel_code import HOME

sliced_driver = importlib.import_module("sliced_driver")

pytestmark = pytest.mark.guest

GOLDEN = undisturbed(sliced_driver.Sliced(), sliced_driver.AskingSliced())
WATCHFUL = Machine(kernel_options="slub_debug=FZPU,kmalloc-* kfence.sample_interval=50")
NEW_UDRIVER = ("kill", "start")
WELL = ("ask plain 1", 0, "value=2")
NOTHING = "held=0 kinds=0 disabled=0"


@pytest.fixture(scope="module")
def guest(image: Image) -> PreparedGuest:
    """A k-driver without code for its calls, and its u-driver, in a kernel that watches over its memory."""
    return prepared(image, GOLDEN, OURS, WATCHFUL)


@pytest.fixture
def sliced(guest: PreparedGuest) -> PreparedGuest:
    """The same; each test has trials of its own."""
    return replace(guest, trials=[])


def test_the_names_of_what_is_done_are_those_of_the_kernel() -> None:
    header = sliced_driver.SOURCES / "sl.h"
    names = [f"SL_DO_{name.upper()}" for name in sliced_driver.DO]
    found = values(names, [HOME / "microdriver" / "kernel" / "microdriver.h", header])
    assert [found[name] for name in names] == list(range(len(names)))


# ---- arguments and results ----


def test_values_are_extended_as_their_types_are(sliced: PreparedGuest) -> None:
    found = said(sliced, "ask values", "do values")
    assert found == ["value=-42", "k=-1,9029,-1,ffffffffffffffff result=-2 bool=0 value=0"]


def test_a_buffer_goes_and_comes_as_its_flags_say(sliced: PreparedGuest) -> None:
    assert last(sliced, "ask buffers 100") == "sum=400 read=1 written=8 both=9 last=9"


def test_an_empty_buffer_goes_and_comes(sliced: PreparedGuest) -> None:
    assert last(sliced, "ask buffers 0").startswith("sum=0 ")


def test_texts_and_copies_go_up(sliced: PreparedGuest) -> None:
    assert last(sliced, "ask texts") == "value=4 numbers=10,20,30"


def test_texts_go_down_and_are_kept(sliced: PreparedGuest) -> None:
    assert last(sliced, "do texts") == "length=7 null=0 kept=0 then=5 again=1 value=0"


def test_copies_go_down_and_come_back(sliced: PreparedGuest) -> None:
    assert last(sliced, "do copies") == "sum=10 first=4 fifth=5 none=0 empty=0 value=0"


def test_a_copy_from_less_than_it_takes_is_refused(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "do short 1", *NEW_UDRIVER, WELL[0])
    assert done[0][1] == errno.EPROTO and done[-1] == WELL
    assert expelled(ran) == ["in do, for a pointer to less than the call takes: -EPROTO"]


# ---- fields ----


def test_each_shape_of_field_crosses_and_nothing_else_does(sliced: PreparedGuest) -> None:
    assert last(sliced, "ask fields") == (
        "value=-5 small=201 middle=-301 low=9 wide=301 high=70000 around=11,12 large=10000000001"
        " words=1934 part=2 weights=10,21,30 hidden=7 opaque=1 failed=-12 table=1"
    )


def test_what_one_half_has_changed_since_is_as_it_is_there(sliced: PreparedGuest) -> None:
    first, second = said(sliced, "ask fields", "ask fields")
    assert first == second


def test_the_fields_of_the_upcall_cross_in_its_downcalls(sliced: PreparedGuest) -> None:
    found = said(sliced, "ask level 0", "do fields 10", "ask state")
    assert found[1] == ("outer=5 level=6 looks=10 level=16 outer=7 level=16 looks=20 value=0")
    assert found[2] == "outer=7 looks=20 level=26 other=0 ring=0 taken=0"


def test_an_upcall_within_a_downcall_has_fields_of_its_own(sliced: PreparedGuest) -> None:
    """`large` crosses with the inner call alone: the outer one does not see it."""
    assert last(sliced, "do nest 5") == "inner=6 large=1001 mine=1001 value=6"


def test_a_global_is_the_programs_own_variable(sliced: PreparedGuest) -> None:
    found = said(sliced, "do global 0", "ask level 5", "do global 2", "ask state")
    assert found[0] == "value=-1" and found[2] == "value=5" and "level=7 other=0" in found[3]


def test_a_global_that_is_zero_here_is_zero_there(sliced: PreparedGuest) -> None:
    assert last(sliced, "ask level 0", *NEW_UDRIVER, "do global 0") == "value=0"


def test_bytes_that_no_table_declares_are_poisoned(sliced: PreparedGuest) -> None:
    found = said(sliced, "kill", "start MDU_POISON=1", "do fields 1", "ask plain 1", "do acquire 0")
    assert found[2].endswith("value=0") and found[3] == "value=2" and found[4].endswith("value=0")
    assert last(sliced, "kill", "start MDU_POISON=1", "ask fields").startswith("value=-2 "), (
        "`before` is not zero there"
    )


def test_fields_that_a_call_does_not_name_are_poisoned_for_it(sliced: PreparedGuest) -> None:
    calls = ("ask lent 0", "do fields 10", "do acquire", "do pointers", "do unnamed")
    plain = said(sliced, *NEW_UDRIVER, "ask level 0", "ask fields", *calls)
    poisoned = said(sliced, "kill", "start MDU_POISON=2", "ask level 0", "ask fields", *calls)
    assert plain[-1] == "value=201" and poisoned[-1] == f"value={0x5A}"
    assert [words.replace("value=-2", "value=-5") for words in poisoned[4:-1]] == plain[4:-1]
    assert last(sliced, "kill", "start MDU_POISON=2", *calls, "ask fields").startswith("value=-2 "), (
        "all that it names is there"
    )


# ---- pointers ----


@pytest.mark.parametrize("kind", range(5), ids=["null", "error", "object", "static", "foreign"])
def test_a_pointer_of_each_kind_is_a_result(sliced: PreparedGuest, kind: int) -> None:
    assert last(sliced, f"ask pointers {kind}") == f"kind={kind}"


def test_pointers_of_each_kind_go_down_and_come_back(sliced: PreparedGuest) -> None:
    assert last(sliced, "do pointers") == "value=9"


def test_what_is_lent_is_lent_until_the_call_ends(sliced: PreparedGuest) -> None:
    found = said(sliced, "ask lent 0", "ask lent 1", "ask lent 0")
    assert found == ["sum=60 first=1000", "sum=50 first=1000", "sum=60 first=1000"]


def test_a_pointer_to_nothing_shared_ends_the_udriver_with_the_calls_name(sliced: PreparedGuest) -> None:
    _, done = play(sliced, *NEW_UDRIVER, "do stray", "complaint", "start", WELL[0])
    assert done[2][1] == errno.EIO and done[-1] == WELL
    assert done[3][2] == "1 sliced: reference: argument 0: a pointer to nothing shared: Bad address"


def test_a_field_that_points_to_nothing_shared_ends_the_udriver_with_its_name(sliced: PreparedGuest) -> None:
    _, done = play(sliced, *NEW_UDRIVER, "do stray_field", "complaint", "start", WELL[0])
    assert done[3][2] == "1 sliced: a pointer to nothing shared, in sl.opaque: Bad address"


def test_a_result_that_points_to_nothing_shared_ends_the_udriver(sliced: PreparedGuest) -> None:
    _, done = play(sliced, *NEW_UDRIVER, "ask unknown", "complaint", "start", WELL[0])
    assert done[3][2] == "1 sliced: unknown: its result: a pointer to nothing shared: Bad address"


def test_a_foreign_pointer_is_known_for_a_while(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "do foreign 1024", "do foreign 1025", *NEW_UDRIVER, WELL[0])
    assert done[0][2] == "value=4" and done[1][1] == errno.EPROTO and done[-1] == WELL
    assert expelled(ran) == ["in do, for a foreign pointer that it was not given: -EPROTO"]


def test_an_object_is_whole_even_where_a_smaller_one_is_known(sliced: PreparedGuest) -> None:
    found = said(sliced, *NEW_UDRIVER, "ask overlap", WELL[0])
    assert found[2].startswith("value=-5 ") and found[3] == WELL[2]


def test_a_pointer_that_leads_nowhere_is_not_followed(sliced: PreparedGuest) -> None:
    assert said(sliced, "ask wild 1", WELL[0]) == [WELL[2]] * 2


# ---- memory ----


def test_memory_is_mapped_and_not_copied(sliced: PreparedGuest) -> None:
    assert last(sliced, "do memory") == (
        "ring=1 end=98 device=1 rung=77 register=1 register=88 hidden=1 gone=0 value=0"
    )


def test_memory_that_was_released_is_out_of_reach(sliced: PreparedGuest) -> None:
    """The u-driver has unmapped it, and the runtime has taken the pages away before."""
    _, done = play(sliced, *NEW_UDRIVER, "do gone", "complaint", "start", WELL[0])
    assert done[2][1] == errno.EIO and re.match(r"-(7|11) ", done[3][2] + " "), done[3]
    assert done[-1] == WELL


# ---- acquire and release ----


def test_what_a_call_acquires_and_releases_leaves_nothing(sliced: PreparedGuest) -> None:
    found = said(sliced, "do acquire", "ask held", "do acquire", "ask held", "ask undo")
    assert found[1] == found[3] == found[4] == NOTHING and "weight=17" in found[0]


@pytest.mark.parametrize("step", range(1, 8))
def test_what_a_call_acquired_is_released_if_the_udriver_dies_in_it(sliced: PreparedGuest, step: int) -> None:
    _, done = play(sliced, f"do acquire {step}", f"held {NOTHING}", "start", WELL[0], "do acquire", "ask held")
    assert done[0][1] == errno.EIO and done[1][1] == 0
    assert done[3] == WELL and done[-1][2] == NOTHING


def test_what_was_released_in_a_call_is_not_released_again_when_the_call_is_made_again(sliced: PreparedGuest) -> None:
    found = said(sliced, "do keep", "outlived again 3000", "ask held", "ask undo")
    assert found[1].endswith("value=0") and found[2].startswith("held=4 ") and found[3].endswith(NOTHING)


FINISHES = {0: ("value=5 begun=1", 4), 1: ("value=5 begun=2", 4), 2: ("value=0 begun=1", 0)}


@pytest.mark.parametrize("step", FINISHES, ids=["which lives", "before anything is released", "behind a release"])
def test_a_call_that_ends_something_is_made_again_or_finished_for_a_udriver(sliced: PreparedGuest, step: int) -> None:
    value, left = FINISHES[step]
    call = f"outlived finish 3000 {step}" if step else "ask finish 3000 0"
    found = said(sliced, "do keep", call, "ask held")
    assert found[1].endswith(value) and found[2].startswith(f"held={left} ")


@pytest.mark.parametrize("step", [1, 2], ids=["locked", "unlocked"])
def test_no_lock_outlives_the_udriver_that_died_with_it(sliced: PreparedGuest, step: int) -> None:
    _, done = play(sliced, *NEW_UDRIVER, f"do lock {step}", f"held {NOTHING}", "ask state", "start", "do lock 0")
    assert done[2][1] == errno.EIO and done[4][2].endswith("taken=0") and done[-1][2] == "value=0"


def test_a_lock_that_outlasts_its_call_is_a_state(sliced: PreparedGuest) -> None:
    found = said(sliced, "do lock 3", "ask undo", "ask state", "do lock 0", "ask state")
    assert found[2].endswith("taken=1") and found[3] == "value=1" and found[4].endswith("taken=0")


def test_what_was_never_locked_is_unlocked_by_a_call_that_is_made_again(sliced: PreparedGuest) -> None:
    assert said(sliced, "do keep", "do lock 3", "outlived again 3000", "ask state")[-1].endswith("taken=0")


def test_what_calls_before_acquired_stays_and_is_released_by_a_new_udriver_or_by_hand(sliced: PreparedGuest) -> None:
    found = said(sliced, "do keep", "ask held", *NEW_UDRIVER, "ask held", "ask undo")
    assert found[1] == found[4] and found[1].startswith("held=5 ") and found[5].endswith(NOTHING)
    assert said(sliced, "do keep", "do release", "ask held")[-1] == NOTHING


def test_what_is_held_is_released_when_the_kdriver_goes(sliced: PreparedGuest) -> None:
    ran, done = play(sliced, "do keep", "kill", "unload", "load", "start", WELL[0])
    assert done[-1] == WELL and "are left" not in ran.record.console


def test_what_was_acquired_for_one_device_is_released_for_that_alone(sliced: PreparedGuest) -> None:
    found = said(sliced, "other keep", "do keep", "ask held", "ask undo_other", "ask undo")
    assert found[1] == f"value={-errno.EBUSY}", "the other one has the interrupt"
    assert found[2].startswith("held=9 ") and "held=4 " in found[3]
    assert found[4].endswith(NOTHING)


def test_an_object_that_is_forgotten_may_be_shared_anew(sliced: PreparedGuest) -> None:
    assert said(sliced, "do nest 1", "ask forget", "do nest 5")[2] == "inner=6 large=1001 mine=1001 value=6"


# ---- the gate ----


def test_nobody_is_behind_the_gate_while_it_is_closed(sliced: PreparedGuest) -> None:
    found = said(sliced, "do gate", "ask gate")
    assert re.sub(r" (device|rung|register)=\S+", "", found[0]) == (
        "disabled=1 own=0 waited=0 closed=0 open=1 waited=1 disabled=0 value=0"
    )
    assert found[1] == "open=1 passed=1 refused=1 made_up=1"


@pytest.mark.parametrize("step", range(1, 4), ids=["with an interrupt", "that was freed", "that came again"])
def test_the_gate_of_a_dead_udriver_is_open_and_its_interrupts_are_enabled(sliced: PreparedGuest, step: int) -> None:
    steps = (
        f"do gate_and_die {step}",
        f"held {NOTHING}",
        "ask gate",
        "start",
        "do gate_and_die 0",
        "do keep",
        "ask held",
    )
    _, done = play(sliced, *steps)
    assert done[0][1] == errno.EIO and done[1][1] == 0 and done[2][2].startswith("open=1")
    assert done[4][1] == 0 and done[6][2].endswith("disabled=0")


# ---- printing ----


def test_a_text_is_printed_as_it_is(sliced: PreparedGuest) -> None:
    printed = last(sliced, "do print 4", "log 100 %s,no level,nameless").splitlines()
    levels = [re.match(r"<(\d+)>(?:\[[^]]*\] )?(.*)", line) for line in printed]
    assert [found and found.groups() for found in levels] == [
        ("4", "100 %s of it"), ("4", "no level"), ("4", "(NULL net_device): nameless"),
    ]  # fmt: skip


# ---- suspend ----


def test_the_udriver_is_not_frozen(sliced: PreparedGuest) -> None:
    assert said(sliced, "suspend", "ask suspended", WELL[0])[1:] == ["value=41", WELL[2]]


# ---- messages ----


def test_more_than_a_page_goes_and_comes(sliced: PreparedGuest) -> None:
    assert said(sliced, "ask big 20000", "ask big 3970", "ask big 1") == [
        "sum=20000 last=2",
        "sum=3970 last=2",
        "sum=1 last=2",
    ]
