"""Several faults in one trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from faultkit.kit import (
    Bench,
    Compound,
    Driver,
    Fault,
    HostSide,
    ModuleCode,
    NotPlaced,
    Placeable,
    Side,
    Site,
    Sited,
    Typed,
    name_of,
)
from injectors.tools.settled import next_draw

REDRAWS = 100


@runtime_checkable
class Redrawable(Fault, Protocol):
    """A fault at a site that is drawn from many."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def draw(self) -> int:
        """The random bits that choose the fault's site."""

    def place(self, code: Mapping[str, ModuleCode]) -> Self: ...


@dataclass(frozen=True, slots=True)
class Several:
    """Inject several faults, one after another, by the same trigger; one that cannot be placed makes the trial void.

    Each is confirmed and has its own witness: their events carry the fault's position, `fault` (from 0). A fault
    whose code overlaps with that of an earlier one is drawn again, up to 100 times.

    Activation: that of any of them.
    Data: those of each fault, and `fault`: its position, from 0 (also in `fault.activated`).
    Undo: all are undone, in reverse.
    """

    side: ClassVar[Side] = "several"

    faults: tuple[Fault, ...]

    @property
    def fault_type(self) -> str:
        kinds = {fault.fault_type if isinstance(fault, Typed) else name_of(fault) for fault in self.faults}
        return kinds.pop() if len(kinds) == 1 else "several"

    def foresee(self, driver: Driver) -> None:
        del driver
        self._check()

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        self._check()
        placed: list[Fault] = []
        for n, fault in enumerate(self.faults):
            placed.append(apart(fault, n, placed, code) if isinstance(fault, Placeable) else fault)
        return self.made_of(tuple(placed))

    def _check(self) -> None:
        if not self.faults:
            raise NotPlaced("Several needs at least one fault")
        if any(isinstance(fault, Compound) for fault in self.faults):
            raise NotPlaced("Several cannot hold another Several: list all faults in one")

    def made_of(self, faults: tuple[Fault, ...]) -> Self:
        """The same compound with other faults."""
        return replace(self, faults=faults)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        with ExitStack() as undo:
            for n, fault in enumerate(self.faults):
                undo.enter_context(fault.inject(Labelled(bench, n)))
            yield


def apart(fault: Placeable, n: int, others: list[Fault], code: Mapping[str, ModuleCode]) -> Fault:
    """The fault placed, drawn again as long as it overlaps with one of the others. Raises: NotPlaced."""
    taken = [extent_of(other) for other in others]
    for _ in range(REDRAWS):
        placed = fault.place(code)
        if not any(overlap(extent_of(placed), each) for each in taken):
            return placed
        if not isinstance(fault, Redrawable):
            break
        fault = replace(fault, draw=next_draw(fault.draw))
    raise NotPlaced(f"fault {n} finds no site apart from those of the faults before it in {REDRAWS} draws")


def extent_of(fault: Fault) -> range:
    """The addresses of the code that a fault changes or waits at; empty for a fault that is settled on no site."""
    return fault.site.extent if isinstance(fault, Sited) and isinstance(fault.site, Site) else range(0)


def overlap(one: range, other: range) -> bool:
    """True if two stretches have an address in common."""
    return max(one.start, other.start) < min(one.stop, other.stop)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A bench for one of several faults: what is reported through it carries the fault's position."""

    bench: Bench
    fault: int

    @property
    def driver(self) -> Driver:
        return self.bench.driver

    @property
    def seed(self) -> int:
        return self.bench.seed

    def report(self, source: str, kind: str, /, t_ns: int | None = None, **data: Any) -> None:
        self.bench.report(source, kind, t_ns, **data, fault=self.fault)

    def request(self, op: str, **data: Any) -> AbstractContextManager[None]:
        return self.bench.request(op, **data)

    def at_request(self, n: int, action: Callable[[], None]) -> None:
        self.bench.at_request(n, action)

    def at_next_request(self, action: Callable[[], None]) -> None:
        self.bench.at_next_request(action)

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.bench.after(delay_s, action)

    def watch(self, fd: int, action: Callable[[], None]) -> None:
        self.bench.watch(fd, action)

    def unwatch(self, fd: int) -> None:
        self.bench.unwatch(fd)

    def maintenance(self) -> AbstractContextManager[None]:
        return self.bench.maintenance()

    def call_host(self, fault: HostSide, /, **label: Any) -> None:
        self.bench.call_host(fault, **label, fault=self.fault)
