"""Messages of host and guest through shared memory."""

from __future__ import annotations

from mmap import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultkit.model.mailbox import LAST, LINE_BYTES, LOG, RAW, SIZE, TEXT, Mailbox, State


@pytest.fixture
def memory() -> mmap:
    """The memory that both sides see."""
    return mmap(-1, SIZE)


def test_a_fresh_mailbox_says_that_the_guest_boots(memory: mmap) -> None:
    box = Mailbox(memory)
    assert box.state is State.BOOTING
    assert (box.text(), list(box.lines()), box.raw()) == ("", [], {})


@pytest.mark.parametrize("state", State)
def test_what_one_side_puts_the_other_finds(memory: mmap, state: State) -> None:
    Mailbox(memory).put(state, "wörd")
    assert (Mailbox(memory).state, Mailbox(memory).text()) == (state, "wörd")


def test_a_shorter_text_leaves_nothing_of_the_last_one(memory: mmap) -> None:
    box = Mailbox(memory)
    box.put(State.READY, "a long text")
    box.put(State.READY, "short")
    assert box.text() == "short"


def test_a_text_that_fills_its_place_fits_and_one_more_byte_is_refused(memory: mmap) -> None:
    box = Mailbox(memory)
    box.log(1, "s", "kind", {})
    box.put(State.DONE, "x" * (LOG - TEXT))
    assert len(box.text()) == LOG - TEXT
    with pytest.raises(ValueError, match="do not fit"):
        box.put(State.DONE, "x" * (LOG - TEXT + 1))
    assert list(box.lines()) == [[1, "s", "kind", {}]], "a long text does not run into the log"


def test_logged_events_come_in_order(memory: mmap) -> None:
    guest = Mailbox(memory)
    for n in range(3):
        assert guest.log(n, "agent", "fault.injected", {"n": n})
    assert list(Mailbox(memory).lines()) == [[n, "agent", "fault.injected", {"n": n}] for n in range(3)]


def test_an_answer_of_the_host_leaves_the_guests_log_alone(memory: mmap) -> None:
    """A guest that dies right after a call of the host must not take its log with it."""
    guest, host = Mailbox(memory), Mailbox(memory)
    guest.log(5, "agent", "trial.started", {})
    guest.add_raw("calls", b"abc")
    guest.put(State.CALL)
    host.put(State.RUNNING, "{}")
    assert list(host.lines()) == [[5, "agent", "trial.started", {}]]
    assert host.raw() == {"calls": b"abc"}


def test_clearing_forgets_log_and_raw_section_for_both_sides(memory: mmap) -> None:
    guest, host = Mailbox(memory), Mailbox(memory)
    guest.log(5, "agent", "trial.started", {})
    guest.add_raw("calls", b"abc")
    guest.clear()
    assert (list(host.lines()), host.raw()) == ([], {})
    guest.log(6, "agent", "trial.started", {})
    assert list(host.lines()) == [[6, "agent", "trial.started", {}]]


def test_a_full_log_says_so_and_keeps_what_it_has(memory: mmap) -> None:
    guest = Mailbox(memory)
    line = {"text": "x" * (LINE_BYTES - 100)}
    kept = 0
    while guest.log(kept, "s", "k", line):
        kept += 1
    assert kept == (RAW - LOG - LAST) // (LINE_BYTES - 100), "time and kind take some room, too"
    assert guest.log(kept, "s", "k", {}), "a short one still fits"
    kept += 1
    for _ in range(LAST // LINE_BYTES):
        assert guest.log(kept, "s", "check.failed", line), "the end is for last words"
        kept += 1
    assert [found[0] for found in guest.lines()] == list(range(kept))


def test_a_line_that_is_longer_than_the_host_would_read_is_not_written(memory: mmap) -> None:
    guest = Mailbox(memory)
    frame = len('[1,"s","k",{"x":""}]') + 1
    assert not guest.log(1, "s", "k", {"x": "x" * (LINE_BYTES - frame + 1)})
    assert guest.log(1, "s", "k", {"x": "x" * (LINE_BYTES - frame)})
    assert [len(line) for line in guest.log_lines()] == [LINE_BYTES - 1]


def test_a_garbled_line_is_skipped(memory: mmap) -> None:
    guest = Mailbox(memory)
    guest.log(1, "s", "first", {})
    guest.log(2, "s", "second", {})
    guest.log(3, "s", "third", {})
    at = memory[:].index(b"second")
    memory[at + 6 : at + 8] = b"\xff\x00"
    assert [line[2] for line in guest.lines()] == ["first", "third"]


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=200), max_size=6))
def test_what_monitors_collected_comes_back_by_name(collected: dict[str, bytes]) -> None:
    with mmap(-1, SIZE) as memory:
        guest = Mailbox(memory)
        assert all(guest.add_raw(name, data) for name, data in collected.items())
        assert Mailbox(memory).raw() == collected


def test_what_does_not_fit_the_raw_section_is_refused_whole(memory: mmap) -> None:
    guest = Mailbox(memory)
    room = SIZE - RAW
    assert not guest.add_raw("big", bytes(room))
    assert guest.raw() == {}
    assert guest.add_raw("big", bytes(room - 8 - len("big")))
    assert not guest.add_raw("more", b"")
    assert set(guest.raw()) == {"big"}


def test_a_state_that_a_faulty_guest_overwrote_is_none(memory: mmap) -> None:
    memory[:4] = b"\xff\xff\xff\xff"
    assert Mailbox(memory).state is None


def test_a_cleared_mailbox_takes_log_and_raw_data_from_their_beginning(memory: mmap) -> None:
    box = Mailbox(memory)
    for text in (b"of one trial", b"of the next"):
        box.clear()
        assert box.log(1, "s", text.decode(), {}) and box.add_raw(text.decode(), text)
    assert [kind for _, _, kind, _ in Mailbox(memory).lines()] == ["of the next"]
    assert Mailbox(memory).raw() == {"of the next": b"of the next"}
