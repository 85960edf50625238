"""One trial on one fork of a template: plan in, record out. Never judges."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from faultkit.machine import console
from faultkit.machine.bounded import readable
from faultkit.machine.door import call_of, host_sides
from faultkit.machine.paused import PausedGuest
from faultkit.machine.qemu import Guest, Stop
from faultkit.machine.template import Template
from faultkit.model.builds import KernelModule
from faultkit.model.codec import dumps, full_name, name_of
from faultkit.model.errors import HarnessError, Runaway
from faultkit.model.events import Ending, Event, Kind
from faultkit.model.mailbox import State
from faultkit.model.parts import Buffer, HostSide, Monitor, Ships, iter_parts
from faultkit.model.received import END_OF_TIME, EVENTS, Intake, failure_of, lost_of
from faultkit.model.trial import Record, Trial
from faultkit.running.agents_end import death_of_client
from faultkit.running.evidence import missing

LIMIT_S = 120.0  # of processor time; far beyond any hang: those end in virtual time
BUSY_S = 3.0  # of processor time: what a virtual second without idling costs a slow host
STOPS = 20_000  # the most stops of one guest: at the door, and where something waits for it
HOST_SOURCES = frozenset({"host", "kernel"})  # of events that no guest may log
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
    with Guest(template.machine, template.files, fork_of=template.state) as guest, readable("the trial"):
        guest.load()
        guest.mailbox.put(State.RUNNING, dumps(trial))
        machine = PausedGuest(guest)
        ending = run_guest(machine, trial, limit_s or max(LIMIT_S, BUSY_S * trial.workload.deadline_s))
        intake, lost = collect(machine, template, trial, ending)
        for event in list(dated(machine.seen, intake.events, template)):
            intake.take(event, "the host")
        record = Record(
            trial=trial,
            ending=ending,
            events=timeline(intake.end()),
            console=guest.console(),
            lost=lost,
            wall_s=time.monotonic() - start,
            guest_s=guest.ran_s,
        )
    if reason := missing(record):
        raise HarnessError(reason)
    return record


def run_guest(machine: PausedGuest, trial: Trial, limit_s: float) -> Ending:
    """Let the guest run to its end, acting for a fault's host side when called; the end. Raises: HarnessError."""
    guest, sides = machine.guest, host_sides(trial)
    for _ in range(STOPS):
        stop = guest.run(limit_s)
        if stop in (Stop.EXITED, Stop.WATCHDOG) and (death := death_of_client(guest.console())):
            machine.seen.append(death)
            return Ending.CLIENT_DIED
        if stop in ENDINGS:
            ending, seen = ENDINGS[stop]
            machine.seen.append(Event(END_OF_TIME, "host", seen))
            return ending
        if stop is Stop.BREAKPOINT:
            machine.run_actions()
        elif guest.mailbox.state is State.DONE:
            return Ending.FINISHED
        elif guest.mailbox.state is State.CALL:
            guest.mailbox.put(State.RUNNING, json.dumps(answer(machine, sides)))
        elif guest.mailbox.state is State.BROKEN:
            raise failure_of(guest.mailbox.text())
        else:
            machine.note_garbled("the door", guest.mailbox.text(), f"it says {guest.mailbox.state}")
    raise Runaway(f"the guest stopped {STOPS} times without coming to an end")


def answer(machine: PausedGuest, sides: Iterable[HostSide]) -> Mapping[str, Any]:
    """Let the host side act that the guest asks for, if it may; the answer for the guest. Raises: Runaway."""
    text = machine.guest.mailbox.text()
    try:
        machine.run_host_side(call_of(text, sides))
    except ValueError as reason:
        machine.note_garbled("a call of the host", text, str(reason))
        return {"error": f"the host refuses the call: {reason}"}
    except Runaway:
        raise
    except HarnessError as reason:
        return {"error": str(reason)}
    return {}


def dated(seen: Iterable[Event], events: Iterable[Event], template: Template) -> Iterator[Event]:
    """The host's events, with CLOCK_MONOTONIC in place of the HPET's time."""
    started_ns = next((e.t_ns for e in events if e.kind == Kind.TRIAL_STARTED), 0)
    for event in seen:
        t_ns = event.t_ns if event.t_ns == END_OF_TIME else template.clock_ns(event.t_ns, started_ns)
        yield Event(t_ns, event.source, event.kind, event.data)


def collect(machine: PausedGuest, template: Template, trial: Trial, ending: Ending) -> tuple[Intake, dict[str, int]]:
    """The agent's and the monitors' events, and how many were lost, by the full name of the monitor."""
    guest, intake = machine.guest, Intake()
    intake.take_lines(guest.mailbox.log_lines(), reserved=HOST_SOURCES)
    lost = losses(guest, trial, ending, intake)
    raw = raw_data(guest, template, trial, ending)
    for monitor in trial.monitors:
        name = full_name(monitor)
        if (data := raw.get(name)) and not decoded(machine, monitor, data, template, intake):
            lost[name] = lost.get(name, 0) + 1
    try:
        source_of = console.unknown if replaces_modules(trial) else template.source_of
        reports = list(console.kernel_events(guest.console(), template.manifest["printk_lag_ns"], source_of))
    except ValueError as reason:  # numbers of thousands of digits
        intake.note("the console", "", str(reason))
        reports = []
    for report in reports:
        intake.take(report, "the console")
    return intake, lost


def replaces_modules(trial: Trial) -> bool:
    """Report whether the fault brings a module in the driver's place: its source lines need not be the driver's."""
    shipped = (part.files().values() for part in iter_parts(trial.fault) if isinstance(part, Ships))
    names = {file.name for files in shipped for file in files if isinstance(file, KernelModule)}
    return not names.isdisjoint(trial.driver.modules)


def losses(guest: Guest, trial: Trial, ending: Ending, intake: Intake) -> dict[str, int]:
    """How many events the agent and the monitors say they have lost; one each if what they say is garbled."""
    names = [full_name(monitor) for monitor in trial.monitors]
    if ending is Ending.FINISHED:
        text = guest.mailbox.text()
        try:
            return lost_of(text, names)
        except ValueError as reason:
            intake.note("the final message", text, str(reason))
    return dict.fromkeys(names, 1) if ending is Ending.FINISHED else {}


def raw_data(guest: Guest, template: Template, trial: Trial, ending: Ending) -> dict[str, bytes]:
    """The data that the monitors collected, by the full name of each."""
    if ending is Ending.FINISHED:
        return guest.mailbox.raw()
    return read_buffers(guest, template, trial)


def decoded(machine: PausedGuest, monitor: Monitor, data: bytes, template: Template, intake: Intake) -> bool:
    """Take the events in what a monitor collected; False, and a note, if they cannot be read. Raises: Runaway."""
    name = name_of(monitor)
    try:
        events = machine.time.run(name, lambda: list(islice(monitor.decode(data, template.names), EVENTS)))
    except Runaway:
        raise
    except HarnessError as reason:
        intake.note(f"the data of {name}", data, str(reason))
        return False
    for event in events:
        intake.take(event, f"the data of {name}")
    return True


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
