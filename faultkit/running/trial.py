"""One trial on one fork of a template: plan in, record out. Never judges."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from faultkit.machine import console
from faultkit.machine.paused import PausedGuest
from faultkit.machine.qemu import Guest, Stop
from faultkit.machine.template import Template
from faultkit.model.codec import decode, dumps, full_name, name_of
from faultkit.model.errors import HarnessError, NotPlaced
from faultkit.model.events import Ending, Event, Kind
from faultkit.model.mailbox import State
from faultkit.model.parts import Buffer, HostSide
from faultkit.model.trial import Record, Trial

LIMIT_S = 120.0  # of processor time; far beyond any hang: those end in virtual time
BUSY_S = 3.0  # of processor time: what a virtual second without idling costs a slow host
ENDINGS = {
    Stop.PANICKED: (Ending.PANICKED, Kind.GUEST_PANICKED),
    Stop.WATCHDOG: (Ending.WATCHDOG, Kind.GUEST_WATCHDOG),
    Stop.EXITED: (Ending.EXITED, Kind.GUEST_EXITED),
}


def run_trial(template: Template, trial: Trial, limit_s: float | None = None) -> Record:
    """Fork, put the plan in, let it run to its end, fetch what was seen. Without a limit: what its workload may need.

    Raises: HarnessError if the trial says nothing about the driver (void).
    """
    start = time.monotonic()
    with Guest(template.machine, template.files, fork_of=template.state) as guest:
        guest.load(template.state)
        guest.mailbox.put(State.RUNNING, dumps(trial))
        seen, ending = run_guest(guest, limit_s or max(LIMIT_S, BUSY_S * trial.workload.deadline_s))
        events, lost = collect(guest, template, trial, ending)
        return Record(
            trial=trial,
            ending=ending,
            events=timeline([*events, *dated(seen, events, template)]),
            console=guest.console(),
            lost=lost,
            wall_s=time.monotonic() - start,
            guest_s=guest.ran_s,
        )


def run_guest(guest: Guest, limit_s: float) -> tuple[list[Event], Ending]:
    """Let the guest run to its end, acting for a fault's host side when called; what the host saw, and the end."""
    machine = PausedGuest(guest)
    while True:
        stop = guest.run(limit_s)
        if stop in ENDINGS:
            ending, seen = ENDINGS[stop]
            machine.seen.append(Event(END_OF_TIME, "host", seen))
            return machine.seen, ending
        if stop is Stop.BREAKPOINT:
            machine.run_actions()
        elif guest.mailbox.state is State.DONE:
            return machine.seen, Ending.FINISHED
        elif guest.mailbox.state is State.CALL:
            answer = act(json.loads(guest.mailbox.text()), machine)
            guest.mailbox.put(State.RUNNING, json.dumps(answer))
        else:
            problem = json.loads(guest.mailbox.text())
            kind = NotPlaced if problem["kind"] == "NotPlaced" else HarnessError
            raise kind(problem["error"])


def act(request: Mapping[str, Any], machine: PausedGuest) -> Mapping[str, Any]:
    """Let the host side act of the fault that asks for it; the answer for the guest."""
    fault = decode(request["fault"])
    if not isinstance(fault, HostSide):
        return {"error": f"{name_of(fault)} calls the host but has no on_host()"}
    try:
        machine.run_host_side(fault, request["label"])
    except HarnessError as reason:
        return {"error": str(reason)}
    return {}


def dated(seen: Iterable[Event], events: Iterable[Event], template: Template) -> Iterator[Event]:
    """The host's events, with CLOCK_MONOTONIC in place of the HPET's time."""
    started_ns = next((e.t_ns for e in events if e.kind == Kind.TRIAL_STARTED), 0)
    for event in seen:
        t_ns = event.t_ns if event.t_ns == END_OF_TIME else template.clock_ns(event.t_ns, started_ns)
        yield Event(t_ns, event.source, event.kind, event.data)


END_OF_TIME = (1 << 62) - 1  # QEMU gives no time for a stop of the guest's own: sorted last


def collect(guest: Guest, template: Template, trial: Trial, ending: Ending) -> tuple[list[Event], dict[str, int]]:
    """The agent's and the monitors' events, and how many were lost, by the full name of the monitor."""
    events = [Event(*line) for line in guest.mailbox.lines() if len(line) == 4]
    if ending is Ending.FINISHED:
        lost: dict[str, int] = json.loads(guest.mailbox.text())["lost"]
        raw = guest.mailbox.raw()
    else:
        lost, raw = {}, read_buffers(guest, template, trial)
    for monitor in trial.monitors:
        if data := raw.get(full_name(monitor)):
            events.extend(monitor.decode(data, template.names))
    events.extend(console.kernel_events(guest.console(), template.manifest["printk_lag_ns"]))
    return events, lost


def read_buffers(guest: Guest, template: Template, trial: Trial) -> dict[str, bytes]:
    """The monitors' buffers of a crashed guest, from outside."""
    found = {name: template.buffer(name) for name in map(full_name, trial.monitors)}
    return {name: b"".join(unread(guest, buffer)) for name, buffer in found.items() if buffer}


def unread(guest: Guest, buffer: Buffer) -> Iterator[bytes]:
    """The bytes written to a circular buffer since the freeze, in pieces."""
    end = int.from_bytes(guest.read_pages((buffer.head,))[:8], "little")
    at, size = buffer.start, 4096 * len(buffer.pages)
    end = min(end, at + size)
    while at < end:
        page, offset = divmod(at % size, 4096)
        count = min(4096 - offset, end - at)
        yield guest.read_pages((buffer.pages[page],))[offset : offset + count]
        at += count


def timeline(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events in order, their times counted from the beginning of the trial; the end of time is the last instant."""
    ordered = sorted(events, key=lambda e: e.t_ns)
    start = next((e.t_ns for e in ordered if e.kind == Kind.TRIAL_STARTED), ordered[0].t_ns if ordered else 0)
    known = [e.t_ns for e in ordered if e.t_ns != END_OF_TIME]
    last = known[-1] if known else start
    return tuple(Event(max(0, min(e.t_ns, last) - start), e.source, e.kind, e.data) for e in ordered)
