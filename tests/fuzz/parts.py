"""A guest that was taken over: between the requests of a real workload it says to its host whatever it draws.

A module of its own: it travels into the guest.
"""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from drivers.nbd import VerifiedIO
from faultkit.kit import Bench, Check, NotPlaced, Side, StoppedMachine
from tests.fuzz.mutation import EDGES, as_line, changed, drawn, torn

TEXT, LOG, RAW, END = 4 << 10, 4 << 20, 20 << 20, 32 << 20  # as faultkit.model.mailbox has them
CALL, DONE = 4, 5
REQUESTS = 12
PORTS = (0x20, 0x21, 0x40, 0x43, 0x60, 0x64, 0x70, 0x80, 0x92, 0xB2, 0x3F8, 0x3F9, 0x3FB, 0x3FC, 0x505, 0x510, 0x511,
         0xCF8, 0xCF9, 0xCFC)  # fmt: skip
LINES = (
    "BUG: kernel NULL pointer dereference, address: 0000000000000008", "RIP: 0010:nbd_queue_rq+0x4f/0x210 [nbd]",
    "WARNING: CPU: 0 PID: 1 at drivers/block/nbd.c:100 nbd_xmit+0x1/0x2 [nbd]", "Call Trace:", " <TASK>",
    " nbd_send_cmd+0x10/0x20 [nbd]", "---[ end trace 0000000000000000 ]---", "Oops: 0002 [#1] PREEMPT SMP NOPTI",
    "INFO: task nbd:12 blocked for more than 8 seconds.", "Kernel panic - not syncing: Fatal exception",
    "faultkit: the agent ended with 139", "watchdog: watchdog0: watchdog did not stop!",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Honest:
    """A fault whose host side reports an event, with what the guest gives it."""

    side: ClassVar[Side] = "device"
    from_guest: ClassVar[tuple[str, ...]] = ("word", "number")

    word: str = ""
    number: int = 0

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with suppress(NotPlaced):
            bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> None:
        machine.report("test.honest", word=self.word, number=self.number)


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """A workload of verified requests, with acts that are drawn from a seed; none for 0."""

    seed: int = 0
    deadline_s: float = 20.0
    late_s: float = 1.0

    def run(self, bench: Bench) -> Check:
        draw = random.Random(f"guest/{self.seed}")
        for _ in range(draw.choice((1, 1, 2, 4, 8)) if self.seed else 0):
            bench.at_request(draw.randint(1, REQUESTS), partial(draw.choice(ACTS), bench, draw))
        return VerifiedIO(requests=REQUESTS).run(bench)


def link_of(bench: Any) -> Any:
    """The agent's way to the host."""
    return bench._host


def sent(bench: Bench) -> list[Any]:
    """The events that are in the log."""
    return [*link_of(bench).mailbox.lines()] or [[0, "agent", "trial.started", {}]]


def put(bench: Bench, data: bytes) -> None:
    """Append bytes to the log as they are."""
    box = link_of(bench).mailbox
    data = data[: max(0, RAW - LOG - box._log)]
    box._memory[LOG + box._log : LOG + box._log + len(data)] = data
    box._log += len(data)
    struct.pack_into("<Q", box._memory, 8, box._log)


def log_changed(bench: Bench, draw: random.Random) -> None:
    """Log events that were sent before, changed."""
    events = sent(bench)
    for _ in range(draw.choice((1, 3, 200))):
        put(
            bench, as_line(changed(draw.choice(events), draw, events), draw) + draw.choice((b"\n", b"\n", b"", b"\0\n"))
        )


def log_noise(bench: Bench, draw: random.Random) -> None:
    """Log bytes without a meaning, up to the end of the log."""
    put(bench, draw.randbytes(draw.choice((1, 100, 1 << 16, 17 << 20))))


def spoil_log(bench: Bench, draw: random.Random) -> None:
    """Change what was logged before."""
    box = link_of(bench).mailbox
    end = LOG + max(1, box._log)
    at = draw.randrange(LOG, end)
    piece = torn(box._memory[at : min(at + 200, end)], draw)[: end - at]
    box._memory[at : at + len(piece)] = piece


def spoil_header(bench: Bench, draw: random.Random) -> None:
    """Change the lengths of text, log and raw section."""
    where, how = draw.choice(((4, "<I"), (8, "<Q"), (16, "<Q")))
    limit = 1 << (8 * struct.calcsize(how))
    struct.pack_into(how, link_of(bench).mailbox._memory, where, draw.choice(EDGES) % limit)


def report_drawn(bench: Bench, draw: random.Random) -> None:
    """Report events of known kinds with other data, and of no kind."""
    kinds = [event[2] for event in sent(bench)]
    for _ in range(draw.choice((1, 5))):
        data = drawn(draw, 2)
        with suppress(Exception):
            bench.report("workload", draw.choice((*kinds, "my.own", "")), **(data if isinstance(data, dict) else {}))


def ask(bench: Bench, draw: random.Random) -> None:
    """Ask the host for something: the call of this trial, changed, or anything."""
    call = {"fault": {"is": "tests.fuzz.parts:Honest", "word": "w", "number": 1}, "label": {"fault": 1}}
    wanted = draw.choice((call, changed(call, draw), changed(call, draw), drawn(draw)))
    text = as_line(wanted, draw).decode(errors="replace")
    with suppress(ValueError):
        link_of(bench).exchange(CALL, text)


def knock(bench: Bench, draw: random.Random) -> None:
    """Stop at the door with any state, and a text of any length."""
    link = link_of(bench)
    state = draw.choice((0, 1, 2, 3, 4, 4, 6, 7, 255, 1 << 31))
    struct.pack_into("<II", link.mailbox._memory, 0, state, draw.choice((0, 1, 4096, LOG - TEXT, (1 << 32) - 1)))
    link._stop_at_door()


def write_port(bench: Bench, draw: random.Random) -> None:
    """Write to ports of devices."""
    with suppress(OSError):
        os.pwrite(link_of(bench)._port, draw.randbytes(1), draw.choice(PORTS))


def write_console(bench: Bench, draw: random.Random) -> None:
    """Write lines to console and kernel log, as a kernel in trouble does, changed."""
    path = draw.choice(("/dev/kmsg", "/dev/console"))
    for _ in range(draw.choice((1, 5, 40))):
        line = draw.choice(LINES).encode()
        with suppress(OSError):
            stamp = (
                b"[  %d.%06d] " % (draw.choice((1, 50, 10**9)), draw.randrange(10**6)) if path[5:] != "kmsg" else b""
            )
            Path(path).write_bytes(stamp + (torn(line, draw, 3) if draw.random() < 0.5 else line) + b"\n")


def spoil_raw(bench: Bench, draw: random.Random) -> None:
    """Change the data of monitors when they are handed over."""
    box = link_of(bench).mailbox
    real = box.add_raw
    box.add_raw = lambda name, data: real(name, torn(bytes(data), draw)[: END - RAW - 4096])


def spoil_end(bench: Bench, draw: random.Random) -> None:
    """Change the last words of the agent."""
    link = link_of(bench)
    real = link.exchange

    def exchange(state: int, text: str = "") -> str:
        if state == DONE:
            words = changed(json.loads(text), draw)
            text = as_line(words, draw).decode(errors="replace")
        return str(real(state, text))

    link.exchange = exchange


ACTS: Sequence[Callable[[Bench, random.Random], None]] = (
    log_changed, log_changed, log_noise, spoil_log, spoil_header, report_drawn, ask, ask, knock, write_port,
    write_console, spoil_raw, spoil_end,
)  # fmt: skip
