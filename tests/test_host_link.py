"""The guest's side of an exchange: the text is in the mailbox before the guest stops, at one of two doors in turn."""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultkit.guest.host import IDLE_PORT, HostLink
from faultkit.model.errors import NotPlaced
from faultkit.model.mailbox import SIZE, Mailbox, State

MARK = b"\x2a"


@pytest.fixture
def link(tmp_path: Path) -> Iterator[HostLink]:
    """A link whose port is a file: writing to the idle port shows there."""
    path = tmp_path / "port"
    path.write_bytes(MARK * (IDLE_PORT + 1))
    port = os.open(path, os.O_RDWR)
    yield HostLink(Mailbox(mmap.mmap(-1, SIZE)), port)
    os.close(port)


def written(link: HostLink) -> bool:
    """Report whether the idle port was written to since the last call."""
    found = os.pread(link._port, 1, IDLE_PORT)
    os.pwrite(link._port, MARK, IDLE_PORT)
    return found != MARK


def test_the_doors_are_used_in_turn(link: HostLink) -> None:
    doors = []
    for _ in range(4):
        link.exchange(State.READY)
        doors.append(written(link))
    assert doors == [True, False, True, False]


def test_the_text_is_there_when_the_guest_stops(link: HostLink, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[State | None, str]] = []

    def stop() -> None:
        seen.append((link.mailbox.state, link.mailbox.text()))
        link.mailbox.put(State.RUNNING, "the plan")

    monkeypatch.setattr(link, "_stop_at_door", stop)
    assert link.exchange(State.FROZEN, "the manifest") == "the plan"
    assert seen == [(State.FROZEN, "the manifest")]
    assert link.resumed_ns > 0


def test_a_host_that_refuses_did_not_place_the_fault(link: HostLink, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([{}, {"error": "no such function"}])
    monkeypatch.setattr(link, "_stop_at_door", lambda: link.mailbox.put(State.RUNNING, json.dumps(next(answers))))
    link.call("{}")
    with pytest.raises(NotPlaced, match="no such function"):
        link.call("{}")


def test_calls_of_several_threads_do_not_mix_their_answers(link: HostLink, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        asked = link.mailbox.text()
        link.mailbox.put(State.RUNNING, json.dumps({"error": asked}))

    monkeypatch.setattr(link, "_stop_at_door", stop)
    mixed: list[str] = []

    def ask(name: str) -> None:
        for n in range(200):
            try:
                link.call(f"{name} {n}")
            except NotPlaced as reason:
                mixed.extend([str(reason)] * (str(reason) != f"{name} {n}"))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixed == []


def test_a_failure_is_the_last_word(link: HostLink) -> None:
    link.fail("out of memory")
    assert (link.mailbox.state, link.mailbox.text()) == (State.BROKEN, "out of memory")
