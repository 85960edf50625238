"""Every kind of event: who reports it, its data, and the fact that it states. For the host; guests need only `Kind`.

A part of a user's own may report kinds of its own: any "family.fact" whose family (the word before the dot) is none of
ours. It may not add data to our kinds, except where a kind takes data of the reporter's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from faultkit.model.events import Ending, Event, Kind

UNITS = {"_ns": "ns", "_us": "µs", "_s": "s", "_bytes": "bytes"}  # the ending of a field's name tells its unit


def is_number(value: Any) -> bool:
    """Report whether a value is a number. A bool is none here."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class DataField:
    """One value in the data of an event."""

    name: str
    type: type
    tells: str = ""  # in a few words, where the name does not
    unit_if_unnamed: str = ""
    optional: bool = False  # may be missing
    nullable: bool = False  # may be None: it could not be read

    @property
    def unit(self) -> str:
        """The unit that the name ends in, or that is declared; "" if there is none."""
        return next((unit for end, unit in UNITS.items() if self.name.endswith(end)), self.unit_if_unnamed)

    def takes(self, value: Any) -> bool:
        """Report whether an event may have the value. A bool is no number here."""
        if value is None:
            return self.nullable
        if self.type is dict:
            return isinstance(value, Mapping) and all(each is None or is_number(each) for each in value.values())
        if self.type is object:
            return is_number(value) or isinstance(value, str)
        of_type = isinstance(value, (int, float) if self.type is float else self.type)
        return of_type and (self.type is bool or not isinstance(value, bool))


@dataclass(frozen=True, slots=True)
class Fact:
    """A kind of event: one of `sources` reports it."""

    sources: tuple[str, ...]
    tells: str
    fields: tuple[DataField, ...] = ()
    own: bool = False  # the reporter may add data

    def problems(self, source: str, data: Mapping[str, Any]) -> Iterator[str]:
        """The points in which an event is not as described."""
        known = {field.name: field for field in self.fields}
        if source not in self.sources:
            yield f"the source is {source!r}, not {' or '.join(self.sources)}"
        for name in known.keys() - data.keys():
            if not known[name].optional:
                yield f"{name} is missing"
        for name, value in data.items():
            if name in known and not known[name].takes(value):
                yield f"{name} is {value!r}, not of type {known[name].type.__name__}"
            if name not in known and not self.own:
                yield f"{name} is unknown"


def maybe(field: DataField, tells: str = "") -> DataField:
    """The same field, but it may be missing."""
    return replace(field, optional=True, tells=tells or field.tells)


N = DataField("n", int, "its number, from 1")
OP = DataField("op", str)
LATENCY = DataField("latency_ns", int)
ERROR = DataField("error", str)
WHY = DataField("why", str)
FUNCTION = DataField("function", str)
OFFSET = DataField("offset", int, "into the function", "bytes")
AT = DataField("at", str, "the instruction")
BYTES = DataField("bytes", int, unit_if_unnamed="bytes")
PID = DataField("pid", int)
SIGNAL = DataField("signal", int)
NAME = DataField("name", str)
ACTION = DataField("action", str)
PACKET = DataField("packet", str, "its address")
SECTOR = DataField("sector", int)
BLOCK_OP = DataField("op", str, "R, W, F (flush), D (discard)")
NET_ERROR = DataField("error", int, "1 if it was dropped")
SEVERAL = DataField("fault", int, "its position among several, from 0", optional=True)
INSTANCE, CALL, SEQ = DataField("instance", str), DataField("call", str), DataField("seq", int)
STATUS = DataField("status", int)
OPEN_SIZES = (maybe(DataField("crossings", int)), maybe(BYTES, "copied; both only of a split driver"))
SITE = (maybe(FUNCTION), maybe(DataField("offset", int)))
CHANGE = tuple(maybe(DataField(name, str)) for name in ("before", "after", "region"))
VALUES = (maybe(DataField("old", object, "a byte, or hexadecimal")), maybe(DataField("new", object)))
REPORT = (
    DataField("what", str, "the kernel's name for it"),
    DataField("text", str, "its first line"),
    DataField("report", str, "its kind", optional=True),
    DataField("line", int, "of the console, from 0", optional=True),
    maybe(FUNCTION),
    DataField("offset", str, "hexadecimal", optional=True),
    DataField("source", str, "file and line of the code to blame, if it was built here", optional=True),
    DataField(
        "module",
        str,
        "of the function to blame: where the kernel stopped, or its first caller that is no helper",
        "",
        True,
        True,
    ),
)
HELD = (
    DataField("module_refs", dict),
    DataField("slab_bytes", int),
    DataField("interrupt_handlers", int),
    DataField("agent_fds", int),
    DataField("rss_bytes", int, "with a u-driver", "", True, True),
    DataField("fds", int, "with a u-driver", "", True, True),
    DataField("cpu_s", float, "with a u-driver", "", True, True),
)
INJECTORS = ("injector", "host")


def of(source: str, tells: str, *fields: DataField, own: bool = False) -> Fact:
    """A kind of event that one source reports."""
    return Fact((source,), tells, fields, own)


FACTS: Mapping[Kind, Fact] = {
    Kind.TRIAL_STARTED: of("agent", "the fork runs"),
    Kind.TRIAL_FINISHED: of("agent", "all is over; monitors are collected next"),
    Kind.MAINTENANCE_BEGAN: of("agent", "the workload takes the driver down on purpose: nobody watches or acts"),
    Kind.MAINTENANCE_ENDED: of("agent", "the driver was started anew: the detectors watch again"),
    Kind.WORKLOAD_FINISHED: of(
        "agent", "the workload returned, or its deadline passed", DataField("in_time", bool, "it returned")
    ),
    Kind.REQUEST_ISSUED: of("workload", "a request begins", N, OP, own=True),
    Kind.REQUEST_COMPLETED: of("workload", "it succeeded", N, OP, LATENCY),
    Kind.REQUEST_FAILED: of("workload", "it raised an error", N, OP, LATENCY, ERROR),
    Kind.REQUEST_STUCK: of(
        "workload", "it had done neither at the deadline; `n` 0: the check, or what the workload does between requests",
        N, OP, DataField("age_ns", int),
    ),
    Kind.TRANSFER_MEASURED: of(
        "workload", "the cost of moving these bytes", DataField("direction", str), BYTES, DataField("took_ns", int),
        DataField("busy_ns", int, "of the processor, the whole guest's"),
    ),
    Kind.DRIVER_BROUGHT_UP: of(
        "workload", "the interface, loaded anew, is up and has a carrier", DataField("open_ns", int), *OPEN_SIZES
    ),
    Kind.COST_MEASURED: of(
        "workload", "the time that an upcall, a system call or a pipe round trip takes", CALL,
        DataField("samples", int), DataField("p50_ns", int), DataField("p99_ns", int),
    ),
    Kind.QUESTION_ANSWERED: of(
        "workload", "the driver answered a program", DataField("command", str), DataField("status", int),
        DataField("text", str),
    ),
    Kind.WORKLOAD_GAVE_UP: of("workload", "no success for too long", WHY),
    Kind.READ_MISMATCHED: of("workload", "wrong data handed over as right, or acknowledged data gone", own=True),
    Kind.CHECK_PASSED: of("workload", "the service is there after all", own=True),
    Kind.CHECK_FAILED: of("workload", "it is not", ERROR),
    Kind.FAULT_INJECTED: Fact(
        INJECTORS, "the fault is confirmed to be in; its data are the injector's", (*SITE, *CHANGE, *VALUES, SEVERAL),
        own=True,
    ),
    Kind.FAULT_ACTIVATED: Fact(
        INJECTORS, "its witness has seen it act",
        (SEVERAL, maybe(DataField("met", str, "the message, and its treatment"))),
        own=True,
    ),
    Kind.FAULT_MISSED: of(
        "injector", "calls that no probe could look at, because another probe was at work",
        DataField("calls", int, "of the function, by anybody"), SEVERAL,
    ),
    Kind.FAULT_WAITS: of(
        "host", "the fault goes in when this instruction is next executed", FUNCTION, OFFSET, AT, SEVERAL
    ),
    Kind.FAULT_SPARED: of("host", "that instruction's turn came, but there was nothing to damage", WHY, SEVERAL),
    Kind.FAULT_REFUSED: of(
        "injector", "a mutant could not be loaded or brought up: the trial goes on without a driver", WHY, SEVERAL
    ),
    Kind.FAULT_ENDED: of("injector", "a fault that lasts for a while was taken back", SEVERAL),
    Kind.FAULT_SKIPPED: of("injector", "a repeated fault found nothing to go into; counted, not void", WHY, SEVERAL),
    Kind.UDRIVER_DIED: of(
        "recovery", "its pidfd says so", DataField("how", str, "if it was not seen dying", optional=True)
    ),
    Kind.ERROR_DETECTED: of(
        "recovery", "once per detector and episode", DataField("by", str, "pidfd, heartbeat or a monitor"),
        DataField("what", str),
    ),
    Kind.ERROR_GONE: of("recovery", "nobody acted, and the heartbeat is answered again, with the u-driver alive"),
    Kind.RECOVERY_STARTED: of("recovery", "an attempt begins", ACTION),
    Kind.RECOVERY_STEP: of("recovery", "a step of the attempt begins", DataField("step", str)),
    Kind.RECOVERY_FINISHED: of(
        "recovery", "the attempt ended", ACTION, DataField("ok", bool), DataField("error", str, nullable=True)
    ),
    Kind.RECOVERY_GAVE_UP: of("recovery", "the policy wants no more; the service is taken down"),
    Kind.SERVICE_RESTORED: of("recovery", "the probe answers again"),
    Kind.UDRIVER_STARTED: of("process", "a process of the u-driver's name", PID),
    Kind.UDRIVER_SIGNALLED: of("process", "a signal was sent to it", PID, SIGNAL),
    Kind.UDRIVER_EXITED: of("process", "it ended", PID, STATUS, SIGNAL),
    Kind.MODULE_LOADED: of("modules", "any module came", NAME),
    Kind.MODULE_UNLOADED: of("modules", "any module went", NAME),
    Kind.CALL_ENTERED: of("calls", "a function of the k-driver is called", FUNCTION),
    Kind.CALL_RETURNED: of("calls", "it returns", FUNCTION, LATENCY),
    Kind.CROSSING_PASSED: of(
        "crossings", "a message between the halves of a microdriver", INSTANCE, CALL,
        DataField("direction", str, "upcall, return, downcall, result"), SEQ, BYTES, STATUS,
    ),
    Kind.UPCALL_ENDED: of(
        "crossings", "the answer to an upcall is there, or will not come", INSTANCE, CALL, SEQ, STATUS, LATENCY
    ),
    Kind.BLOCK_ISSUED: of("requests", "a request is handed to the block driver", SECTOR, BYTES, BLOCK_OP),
    Kind.BLOCK_COMPLETED: of(
        "requests", "the block driver completed it", SECTOR, BYTES, BLOCK_OP, LATENCY, DataField("error", int)
    ),
    Kind.NET_ISSUED: of("requests", "a packet is handed to the network driver", PACKET, BYTES),
    Kind.NET_COMPLETED: of("requests", "it was freed", PACKET, BYTES, LATENCY, NET_ERROR),
    Kind.NET_RECEIVED: of("requests", "a packet comes from the network driver", PACKET, BYTES),
    Kind.RESOURCES_SAMPLED: of("resources", "what the driver holds, at the freeze and at the end", *HELD),
    Kind.KERNEL_MESSAGE: of(
        "kernel", "a message of level warning (4) or worse; only while the kernel lives", DataField("level", int),
        DataField("text", str),
    ),
    Kind.KERNEL_OOPS: of("kernel", "the console tells of an oops", *REPORT),
    Kind.KERNEL_LOCKUP: of("kernel", "the console tells of a lockup or a stall", *REPORT),
    Kind.KERNEL_WARN: of("kernel", "the console tells of a WARN, or of a KFENCE or slab report", *REPORT),
    Kind.KERNEL_PANIC: of("kernel", "the console tells of a panic", *REPORT),
    Kind.KERNEL_HUNG_TASK: of("kernel", "the console tells of a task that is blocked for long", *REPORT),
    Kind.GUEST_PANICKED: of("host", "the guest stopped by a panic"),
    Kind.GUEST_WATCHDOG: of("host", "the guest stopped because nothing ran in it any more"),
    Kind.GUEST_EXITED: of("host", "the guest reset itself, or fell over before it could panic"),
    Kind.GUEST_CLIENT_DIED: of(
        "host", "a signal killed the process that used the service: the workload, in the agent's process",
        DataField("signal", int),
    ),
    Kind.MAILBOX_GARBLED: of(
        "host", "the guest sent something that is none of this, or asked the host for something that is not allowed",
        DataField("place", str), DataField("first", str, "its first bytes"), WHY,
    ),
}  # fmt: skip

FAMILIES = frozenset(kind.partition(".")[0] for kind in Kind)


def is_own(kind: str) -> bool:
    """Report whether a kind is a user's own: a family of its own, a dot, and a fact."""
    family, dot, fact = kind.partition(".")
    return bool(family and dot and fact) and family not in FAMILIES


def problems(event: Event) -> list[str]:
    """The points in which an event is not of the vocabulary; none for a kind of a user's own."""
    if event.kind in FACTS:
        found = FACTS[Kind(event.kind)].problems(event.source, event.data)
        return [f"{event.kind}: {problem}" for problem in found]
    return [] if is_own(event.kind) else [f"{event.kind}: no such kind, and its family is one of ours"]


READ = frozenset({"by", "step", "latency_ns", "module_refs", "ok", "action", "op"})  # data that readers lean on
NEEDED: Mapping[str, frozenset[str]] = {  # kind -> the data without which nobody can read it
    kind.value: READ & {field.name for field in fact.fields if not field.optional} for kind, fact in FACTS.items()
}
TAKEN: Mapping[str, Mapping[str, DataField]] = {
    kind.value: {field.name: field for field in fact.fields} for kind, fact in FACTS.items()
}


def unreadable(event: Event) -> str | None:
    """The first point for which nobody can read a stored event; None if it has all the data that its readers want."""
    taken = TAKEN.get(event.kind)
    if taken is None:
        return None
    if missing := NEEDED[event.kind] - event.data.keys():
        return f"{min(missing)} is missing"
    for name, value in event.data.items():
        field = taken.get(name)
        if field is not None and (type(value) is not field.type or field.type is dict) and not field.takes(value):
            return f"{name} is {value!r:.60}"
    return None


ENDINGS: Mapping[Ending, str] = {  # the way in which the guest stopped
    Ending.FINISHED: "reached the end of the trial",
    Ending.PANICKED: "panicked",
    Ending.WATCHDOG: "ran nothing for the watchdog's period of virtual time",
    Ending.EXITED: "reset itself, or fell over (triple fault) before it could panic",
    Ending.CLIENT_DIED: "lived, but a signal killed the process that used the service",
}


def field_text(field: DataField) -> str:
    """A field as the glossary has it."""
    notes = [
        field.tells,
        field.unit_if_unnamed if field.unit_if_unnamed != field.name else "",
        "optional" * field.optional,
    ]
    told = "; ".join(note for note in notes if note)
    return f"`{field.name}` ({told})" if told else f"`{field.name}`"


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The rows of the glossary's table of events: kind, source, data, fact."""
    for kind, fact in FACTS.items():
        data = ", ".join([*map(field_text, fact.fields), *["own"] * fact.own])
        yield f"`{kind}`", ", ".join(fact.sources), data, fact.tells
