"""The protocols of a trial's parts. Fulfil one by writing a frozen dataclass; there is no registry.

A part is described on the host and acts in the guest, so its fields must be plain data (numbers, strings,
tuples, other parts), and its module may import only the standard library and faultkit's model.
Optional abilities are protocols of their own, asked for with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from faultkit.model.abilities import Ability
from faultkit.model.builds import KernelModule, Program
from faultkit.model.code import ModuleCode, Place
from faultkit.model.events import Event

Check = Callable[[], None]
Side = Literal["k-driver", "u-driver", "channel", "device", "several"]


class Bench(Protocol):
    """The services of the guest's agent for the parts of a running trial."""

    @property
    def driver(self) -> Driver: ...

    @property
    def seed(self) -> int:
        """The trial's seed."""

    def report(self, source: str, kind: str, /, t_ns: int | None = None, **data: Any) -> None:
        """Append one event; `t_ns` (CLOCK_MONOTONIC) defaults to now."""

    def request(self, op: str, **data: Any) -> AbstractContextManager[None]:
        """One workload request: reports issue and completion or failure, and fires what waits for it."""

    def at_request(self, n: int, action: Callable[[], None]) -> None:
        """Run `action` just before the n-th request of the workload (counted from 1) is issued."""

    def at_next_request(self, action: Callable[[], None]) -> None:
        """Run `action` just before the next request is issued."""

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Run `action` when `delay_s` of virtual time has passed."""

    def watch(self, fd: int, action: Callable[[], None]) -> None:
        """Run `action` whenever `fd` is readable."""

    def unwatch(self, fd: int) -> None:
        """Stop watching `fd`."""

    def maintenance(self) -> AbstractContextManager[None]:
        """A span in which the driver is taken down and started on purpose: no detector reports, recovery does nothing.

        The detectors begin anew at its end. For workloads; a recovery that is at work by then goes on.
        """

    def call_host(self, fault: HostSide, /, **label: Any) -> None:
        """Stop the guest at this very instruction and let this fault's host side act.

        It must be a part of the trial, or stand in the `host_calls` of one (see `CallsHost`). The fields that it lists
        in `from_guest` may differ (see `FromGuest`); all others are the trial's. `label` is added to the data of every
        event that the host reports of the fault. Raises: NotPlaced, also for a call that the host refuses.
        """


class Driver(Protocol):
    """A driver under test; every method runs in the guest and raises OSError when it fails."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The k-driver's kernel modules, as `lsmod` writes them; the first is the one faults go into."""

    @property
    def device(self) -> str:
        """The block device or network interface that serves requests ("nbd0", "rtl0"); "" if it is neither."""

    @property
    def qemu_devices(self) -> tuple[str, ...]:
        """QEMU options for the hardware it drives."""

    def load(self) -> None:
        """Load the k-driver."""

    def unload(self) -> None:
        """Unload the k-driver."""

    def attach(self) -> None:
        """Bring the service up on a loaded k-driver (connect, configure addresses)."""

    def detach(self) -> None:
        """Take the service down so that the k-driver can be unloaded; harmless if it already is."""

    def probe(self) -> None:
        """One small request through the device: the heartbeat. Raises OSError if the service is not there."""


@runtime_checkable
class Split(Ability, Protocol):
    """A driver with a u-driver."""

    @property
    def udriver(self) -> str:
        """The process name of the u-driver."""

    def udriver_pid(self) -> int:
        """The u-driver's process. Raises OSError if there is none."""

    def start_udriver(self) -> None:
        """Start the u-driver and wait until it serves."""

    def stop_udriver(self) -> None:
        """Make sure that no u-driver is left, whatever state it is in."""

    def reattach(self) -> None:
        """Join a new u-driver to the k-driver that served the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A register of a PCI device: which of its base address registers leads there, how far, and how wide it is."""

    bar: int
    offset: int
    size_bytes: int


@runtime_checkable
class RaisesInterrupts(Ability, Protocol):
    """A driver of a PCI device with one register that says why it interrupts."""

    @property
    def interrupt_status(self) -> Register:
        """The interrupt status register; writing 1 to one of its bits clears the bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """A change to some of the messages between k-driver and u-driver.

    Counted are, from the arming on, the messages of one `direction` and of the kind `message` ("": of any). The driver
    names both; where there are only two directions, they are "request", to the u-driver, and "reply". The `nth` and
    those that follow it, `times` in all (0: for ever), meet with the `action`:

    drop: never arrives. delay: arrives `delay_s` later, and with it what comes behind. truncate: its last `cut_bytes`
    are missing, what comes behind follows at once. duplicate: arrives twice. corrupt: a bit of its `field` ("": of the
    message; the driver names its fields) is flipped, drawn uniformly by `draw`, from one `byte` of the field if that is
    given; or the field (its `byte`) is overwritten with `value`. Only messages that have the field are counted then.
    reorder: the next of its direction overtakes it. stale: what it says of shared objects is taken out. kill: the
    u-driver is killed at this very message, which is lost. stop: it is stopped there.

    A driver may know other actions, or not all of these.
    """

    action: str
    direction: str
    message: str = ""
    nth: int = 1
    times: int = 1
    delay_s: float = 0.1
    cut_bytes: int = 1
    field: str = ""
    byte: int | None = None
    value: int | None = None
    draw: int = 0


@runtime_checkable
class Channelled(Ability, Protocol):
    """A driver that lets the messages between its k-driver and its u-driver be tampered with."""

    def tamper(self, tampering: Tampering) -> int:
        """Arm the tampering; returns a file descriptor, whose close disarms it.

        It is readable when a message has been met. Each read gives one, as "TIME WORDS": CLOCK_MONOTONIC in
        nanoseconds, and what was done to what; EAGAIN if there is none. Raises: OSError if it cannot be done.
        """


@runtime_checkable
class Ships(Ability, Protocol):
    """A part that needs files of its own (a module, a program) in the guest."""

    def files(self) -> Mapping[str, Path | KernelModule | Program]:
        """Path below /faultkit in the guest -> file on the host. What lies in preload/*.ko is loaded first of all."""


@runtime_checkable
class Thaws(Ability, Protocol):
    """A driver whose device QEMU does not carry over from the freeze."""

    def thaw(self) -> None:
        """Put the device back into the state that the frozen k-driver believes it to be in: each trial begins so."""


@runtime_checkable
class Prepares(Ability, Protocol):
    """A driver that needs more before the freeze than load, start and attach (a peer, say)."""

    def prepare(self) -> None: ...


@runtime_checkable
class KeepsState(Ability, Protocol):
    """A driver whose configuration can be read, and put back after a reload."""

    def save(self) -> Any:
        """The configuration as it is now. Called after each probe that was answered: it must cost little."""

    def restore(self, state: Any) -> None:
        """Make the configuration of a freshly attached driver what it was when `state` was saved."""


@runtime_checkable
class Stores(Ability, Protocol):
    """A driver whose u-driver keeps its data in a file system of its own: a tmpfs that nothing else needs."""

    @property
    def store(self) -> str:
        """The folder of the u-driver's data, in the guest."""


class Workload(Protocol):
    """Seeded I/O that verifies what it reads back. Runs in the guest."""

    @property
    def deadline_s(self) -> float:
        """Virtual time after which a request that is still open counts as hung."""

    @property
    def late_s(self) -> float:
        """A request that took longer was late."""

    def run(self, bench: Bench) -> Check:
        """Do the I/O. Reports "workload.gave_up" if the service is gone for good.

        Returns what is to be done after all is over, with a fresh handle: is the service there ("check.passed",
        "check.failed"), is every acknowledged byte intact ("read.mismatched")?
        """


class Fault(Protocol):
    """A fault, and its injector."""

    side: ClassVar[Side]
    """Which part of a split driver the fault lies in."""

    def inject(self, bench: Bench) -> AbstractContextManager[None]:
        """Put the fault in, confirm it ("fault.injected"), see to its witness ("fault.activated").

        The exit undoes the arming, never the damage. Runs in the guest. Raises: NotPlaced.
        """


@runtime_checkable
class Installs(Ability, Protocol):
    """A fault that is in the driver from the trial's beginning: another build of the driver is loaded."""

    def install(self, bench: Bench) -> None:
        """Put the fault in and confirm it, before the detectors start. Raises: NotPlaced."""


@runtime_checkable
class Typed(Ability, Protocol):
    """A fault whose class covers several types of fault."""

    @property
    def fault_type(self) -> str:
        """The type, by which results are told apart ("text: nop"). Without this protocol it is the class's name."""


@runtime_checkable
class Placeable(Ability, Protocol):
    """A fault that is drawn before the k-driver's code is known: the host settles it against a template."""

    def place(self, code: Mapping[str, ModuleCode]) -> Fault:
        """The same fault, settled on one place in the driver. Pure. Raises: NotPlaced."""


@runtime_checkable
class Foresees(Ability, Protocol):
    """A part that can tell from its own fields, and from the driver, that it cannot be carried out."""

    def foresee(self, driver: Driver) -> None:
        """Refuse what cannot be. On the host, before anything is prepared. Pure. Raises: NotPlaced with the reason."""


@runtime_checkable
class Sited(Ability, Protocol):
    """A fault at a place of the k-driver's code."""

    @property
    def site(self) -> Place | None:
        """The place that the fault is settled on; None until then."""


@runtime_checkable
class InFunction(Ability, Protocol):
    """A fault of a named function, or of the calls of one. A Site names its function itself."""

    @property
    def function(self) -> str | None: ...


@runtime_checkable
class InProgram(Ability, Protocol):
    """A fault in functions of the u-driver's program, which must have them by these names."""

    @property
    def program_functions(self) -> tuple[str, ...]: ...


@runtime_checkable
class InRegion(Ability, Protocol):
    """A fault in a named region of memory."""

    @property
    def region(self) -> str: ...


@runtime_checkable
class NeedsProcessor(Ability, Protocol):
    """A fault that is made for one processor, because it reads or writes machine code.

    A campaign that lists it for a guest with another processor is refused before anything is run (exit code 4).
    """

    needs: ClassVar[str]
    """The processor's name, as `processor.NAME` has it."""


@runtime_checkable
class Compound(Ability, Protocol):
    """A fault that is made of others. None of them is compound."""

    @property
    def faults(self) -> tuple[Fault, ...]: ...

    def made_of(self, faults: tuple[Fault, ...]) -> Fault:
        """The same compound, made of other faults."""


def simple_faults(fault: Fault | None) -> tuple[Fault, ...]:
    """The faults that a compound one is made of; any other fault alone."""
    if isinstance(fault, Compound):
        return fault.faults
    return () if fault is None else (fault,)


@runtime_checkable
class HostSide(Ability, Protocol):
    """A fault that is put in from outside the guest."""

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any] | None:
        """Act on the stopped guest. Raises: NotPlaced.

        What it returns becomes the data of "fault.injected"; None: the fault is not in yet, but waits for an
        instruction (`StoppedMachine.when_executed`) and will report by itself.
        """


@runtime_checkable
class FromGuest(Protocol):
    """A host side with fields that are known in the guest alone: an address, or the step that is due."""

    from_guest: ClassVar[tuple[str, ...]]
    """Their names. Each is a number, a text or a bool; the other fields of a host call are those of the trial."""


@runtime_checkable
class CallsHost(Protocol):
    """A part of a trial whose code calls host sides that are no parts of the trial."""

    host_calls: ClassVar[tuple[HostSide, ...]]
    """One of each. A guest may call these, and the host sides among the parts of its trial; nothing else."""


class StoppedMachine(Protocol):
    """A stopped guest, as a host-side injector sees it."""

    def read(self, address: int, count: int) -> bytes:
        """Memory, by virtual address. Raises: HarnessError if it is not mapped."""

    def write(self, address: int, data: bytes) -> None:
        """Memory, also read-only text. Raises: HarnessError if it is not mapped."""

    def registers(self) -> Mapping[str, int]:
        """The general registers and the program counter, by name: see `processor.REGISTERS`."""

    def set_register(self, name: str, value: int) -> None:
        """Change a general register, or the program counter."""

    def set_link(self, wire: str, *, up: bool) -> None:
        """Plug or pull a network cable; `wire` is QEMU's name of it. Raises: HarnessError if there is none."""

    def report(self, kind: str, /, **data: Any) -> None:
        """Report an event at this very instant."""

    def witness(self, *addresses: int) -> None:
        """Report "fault.activated" when the guest first executes one of `addresses`."""

    def witness_access(self, address: int, count: int) -> None:
        """Report "fault.activated" when the guest first reads or writes one of `count` bytes (up to 8, aligned)."""

    def when_executed(self, address: int, action: Callable[[], None]) -> None:
        """Stop the guest when it is about to execute `address` for the first time, and run `action`."""


class Trigger(Protocol):
    """The moment at which a fault is put in."""

    def arm(self, bench: Bench, fire: Callable[[], None]) -> None:
        """Arrange for `fire` to be called: once, or each time that the fault is to be put in again."""


@dataclass(frozen=True, slots=True)
class Action:
    """The next step of recovery: the name of an action, after a delay."""

    name: str
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Remedy:
    """An action of recovery: its effect, and its steps in order. Each step is a method of the driver, by its name."""

    effect: str
    steps: tuple[str, ...]


@runtime_checkable
class Offers(Ability, Protocol):
    """A driver that offers recovery actions of its own, beside those of all drivers."""

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        """The driver's own actions, by name. An action that is called like one of all drivers takes its place."""


class Policy(Protocol):
    """Decides the next recovery action from the events so far. Pure."""

    def decide(self, events: Sequence[Event]) -> Action | None:
        """The next action, or None to do nothing. Called once per detection and per failed attempt.

        `events`: what the detectors and recovery have reported so far, the latest just now.
        """


@runtime_checkable
class NeedsState(Ability, Protocol):
    """A policy that puts a driver's configuration back, so that it must be kept (see KeepsState)."""

    needs_state: ClassVar[bool]


class Monitor(Protocol):
    """A passive observer of one source."""

    def attach(self, driver: Driver) -> Watcher:
        """Compile and attach, before the freeze. Runs in the guest. Raises OSError if it cannot."""

    def decode(self, raw: bytes, names: Mapping[int, str]) -> Iterable[Event]:
        """Raw bytes as collected -> events with `t_ns` in CLOCK_MONOTONIC. Pure; runs on the host.

        `names` maps addresses of k-driver functions to their names.
        """


@dataclass(frozen=True, slots=True)
class Buffer:
    """A circular buffer in guest memory, by physical page; its write position is the u64 that begins `head`."""

    head: int
    pages: tuple[int, ...]
    start: int  # write position at the freeze


class Watcher(Protocol):
    """An attached monitor."""

    def reset(self) -> None:
        """Forget the data so far (just before the freeze)."""

    def collect(self) -> bytes:
        """The data gathered since the reset."""

    def lost(self) -> int:
        """The number of events lost since the reset."""

    def buffer(self) -> Buffer | None:
        """The memory with the data since the reset, for the host to read if the guest crashes."""

    def error(self) -> str | None:
        """The error found since the last call, in a few words, for the recovery controller; None if there is none."""


@runtime_checkable
class Starts(Ability, Protocol):
    """A watcher that begins once all monitors are attached."""

    def start(self) -> None:
        """Begin to watch. Raises: OSError if that is not possible."""


@runtime_checkable
class StepsAside(Ability, Protocol):
    """A watcher that would make unloading the k-driver slow or impossible."""

    def aside(self) -> AbstractContextManager[None]:
        """Step aside while the k-driver is unloaded."""


def iter_parts(part: Any) -> Iterator[Any]:
    """A part and the parts in its fields, depth first."""
    yield part
    for name in getattr(part, "__dataclass_fields__", ()):
        value = getattr(part, name)
        for inner in value if isinstance(value, tuple) else (value,):
            if hasattr(inner, "__dataclass_fields__"):
                yield from iter_parts(inner)
