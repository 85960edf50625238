"""A guest that was taken over: it says to its host anything but what it should. A module of its own: it travels."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from faultkit.kit import Bench, Check, NotPlaced, Side, StoppedMachine

LOG, DONE, CALL = 4 << 20, 5, 4  # as faultkit.model.mailbox has them
PANIC_PORT = 0x505


@dataclass(frozen=True, slots=True)
class Hostile:
    """A workload that answers to nobody. `act`: one of ACTS; `word`: the text that goes with it."""

    act: str = ""
    word: str = ""
    deadline_s: float = 20.0
    late_s: float = 1.0

    def run(self, bench: Bench) -> Check:
        with bench.request("read"):
            pass
        if self.act:
            ACTS[self.act](bench, self.word)
        return lambda: bench.report("workload", "check.passed")


def link_of(bench: Any) -> Any:
    """The agent's way to the host."""
    return bench._host


def logs(bench: Bench, word: str) -> None:
    """Put a line into the log."""
    box, data = link_of(bench).mailbox, word.encode() + b"\n"
    box._memory[LOG + box._log : LOG + box._log + len(data)] = data
    box._log += len(data)
    struct.pack_into("<Q", box._memory, 8, box._log)


def logs_many(bench: Bench, word: str) -> None:
    """Claim that the log is full, of what is there."""
    struct.pack_into("<Q", link_of(bench).mailbox._memory, 8, 1 << 40)
    link_of(bench).mailbox.log = lambda *_: True


def ends_with(bench: Bench, word: str) -> None:
    """Say these last words in place of the agent's."""
    link = link_of(bench)
    exchange = link.exchange
    link.exchange = lambda state, text="": exchange(state, word if state == DONE else text)


def asks(bench: Bench, word: str) -> None:
    """Ask the host for this, and report its answer."""
    answer = json.loads(link_of(bench).exchange(CALL, word))
    bench.report("test", "door.answered", error=answer.get("error", ""))


def knocks(bench: Bench, word: str) -> None:
    """Stop at the door with a state that there is not."""
    link = link_of(bench)
    struct.pack_into("<II", link.mailbox._memory, 0, int(word), 0)
    link._stop_at_door()


def breaks(bench: Bench, word: str) -> None:
    """Say that the agent has failed, in these words."""
    link_of(bench).fail(word)


def panics(bench: Bench, word: str) -> None:
    """Tell QEMU of a panic that there is not."""
    os.pwrite(link_of(bench)._port, b"\1", PANIC_PORT)


def collects(bench: Bench, word: str) -> None:
    """Claim a raw section of this many bytes, all of them ones."""
    box = link_of(bench).mailbox
    box._memory[20 << 20 : 32 << 20] = b"\xff" * (12 << 20)
    struct.pack_into("<Q", box._memory, 16, int(word))
    box.add_raw = lambda *_: True


def floods(bench: Bench, word: str) -> None:
    """Write so many lines of 200 characters to the console."""
    with Path("/dev/console").open("w", buffering=1) as console:
        for n in range(int(word)):
            print(f"flood {n} {'x' * 190}", file=console)


ACTS: Mapping[str, Callable[[Bench, str], None]] = {
    "logs": logs, "logs many": logs_many, "ends with": ends_with, "asks": asks, "knocks": knocks, "panics": panics,
    "breaks": breaks,
    "collects": collects, "floods": floods,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wilful:
    """A fault whose host side fails in some `way`, at once or when it is waited for."""

    side: ClassVar[Side] = "device"

    way: str

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        try:
            bench.call_host(self)
        except NotPlaced as reason:
            bench.report("test", "door.answered", error=str(reason))
        yield

    def on_host(self, machine: StoppedMachine) -> None:
        partial(WAYS[self.way], machine)()


def leaves(machine: StoppedMachine) -> None:
    """Ask to exit."""
    sys.exit(3)


def divides(machine: StoppedMachine) -> None:
    """Fail."""
    machine.report("test.divided", result=1 // 0)


def tells_nonsense(machine: StoppedMachine) -> None:
    """Report what is no event."""
    machine.report("recovery.step", nothing=object())


WAYS = {"leaves": leaves, "divides": divides, "tells nonsense": tells_nonsense}
