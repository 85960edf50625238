"""The partition: which of a driver's functions stay in the kernel, under a policy, and the path that says why.

A root is a function in a slot that the kernel calls. A policy names the roots that stay; what they call stays, too, so
that the kernel's half never waits for a process where it may not sleep.

* data: the data path;
* atomic: also all that may not sleep (Ganapathy et al., "The design and implementation of microdrivers", ASPLOS 2008);
* keep-locks: also all that take a spin lock, or are called while one is held.

A slot that nobody knows keeps its functions in the kernel, under every policy, and makes the plan not final. So does a
function that is in no slot and that no other one calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from slicer.knowledge import Knowledge, KnowledgeRow, matches
from slicer.program import DriverProgram
from slicer.tree import Defined
from slicer.values import Edge, Values


class Cut(StrEnum):
    """A policy, from the one that moves most to the one that moves least."""

    DATA = "data"
    ATOMIC = "atomic"
    KEEP_LOCKS = "keep-locks"


class Half(StrEnum):
    """A side of a split driver."""

    KERNEL = "kernel"
    PROCESS = "process"


ANNOTATED = "annotation"
STAYING = {
    Cut.DATA: ("data", "unknown", ANNOTATED),
    Cut.ATOMIC: ("data", "unknown", ANNOTATED, "atomic"),
    Cut.KEEP_LOCKS: ("data", "unknown", ANNOTATED, "atomic", "lock"),
}  # contexts of roots that stay in the kernel


@dataclass(frozen=True, slots=True, order=True)
class Root:
    """A function that decides about those that it calls. `context`: of its slot; unknown; lock; or annotation."""

    function: str
    slot: str
    context: str
    why: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A function with its side, and the path of calls from a root to it, the root's first."""

    function: Defined
    label: str
    half: Half
    root: Root | None  # None: no root leads to it
    path: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """A driver's partition under a policy. `unknown`: slots without a row, with their functions; `used`: rows."""

    driver: str
    cut: Cut
    placed: Mapping[str, Placed]
    roots: tuple[Root, ...]
    unknown: Mapping[str, tuple[str, ...]]
    used: tuple[KnowledgeRow, ...]

    @property
    def final(self) -> bool:
        """True if no slot is unknown: only then the shares of the halves mean something."""
        return not self.unknown

    def of(self, half: Half) -> list[Placed]:
        """The functions of a side that have text of their own, by name."""
        return [each for each in self.placed.values() if each.half is half and not each.function.made]

    def share(self, measure: str) -> float:
        """The share of the process among `functions` or `lines`, 0 to 1; 0 if there is nothing."""
        process, kernel = (measured(self.of(half), measure) for half in (Half.PROCESS, Half.KERNEL))
        return process / (process + kernel) if process + kernel else 0.0


def measured(found: Iterable[Placed], measure: str) -> int:
    """The number of functions, or of their lines."""
    return sum(each.function.lines if measure == "lines" else 1 for each in found)


def plan(program: DriverProgram, values: Values, knowledge: Knowledge, cut: Cut = Cut.ATOMIC) -> SplitPlan:
    """The partition of a program under a policy."""
    return Planning(program, values, knowledge).plan(cut)


class Planning:
    """Roots, calls and locks of a program, which its plans share."""

    def __init__(
        self, program: DriverProgram, values: Values, knowledge: Knowledge, kernel: Iterable[str] = ()
    ) -> None:
        """`kernel`: patterns of functions that stay, because an annotation says so."""
        self.program = program
        self.values = values
        self.knowledge = knowledge
        self.used: set[KnowledgeRow] = set()
        self.unknown: defaultdict[str, list[str]] = defaultdict(list)
        self.plain = self.graph(values.edges)
        self.roots = sorted(self.found_roots())
        own = (label for label, function in program.functions.items() if function.own)
        self.annotated = [Root(name, ANNOTATED, ANNOTATED, "it says so") for name in own if matches(name, kernel)]
        self.locks = sorted(self.lock_roots())
        self.calls = self.graph([*values.edges, *self.called_back()])

    def plan(self, cut: Cut) -> SplitPlan:
        """The partition under a policy."""
        roots = [*self.annotated, *self.roots, *self.locks]
        kernel = self.reached([root for root in roots if root.context in STAYING[cut]])
        others = self.reached([root for root in self.roots if root.context not in STAYING[cut]])
        placed = {
            label: self.placed(label, function, kernel, others)
            for label, function in sorted(self.program.functions.items())
            if function.own
        }
        return SplitPlan(
            driver=self.program.name,
            cut=cut,
            placed=placed,
            roots=tuple(self.roots),
            unknown={slot: tuple(names) for slot, names in sorted(self.unknown.items())},
            used=tuple(sorted(self.used)),
        )

    def placed(
        self, label: str, function: Defined, kernel: Mapping[str, Reason], others: Mapping[str, Reason]
    ) -> Placed:
        """One function with its side and path."""
        if label in kernel or label not in others:
            return Placed(function, label, Half.KERNEL, *kernel.get(label, NOBODY))
        half = Half.KERNEL if function.made else Half.PROCESS  # a macro's text cannot be moved
        return Placed(function, label, half, *others[label])

    def found_roots(self) -> Iterator[Root]:
        """The driver's functions in slots. Notes unknown slots, and the rows that were used."""
        for name, slots in self.values.slots.items():
            for slot in slots:
                row = self.knowledge.row(slot, self.program.declared)
                if row is None:
                    self.unknown[slot].append(name)
                    yield Root(name, slot, "unknown", "nobody knows when it is called")
                    continue
                self.used.add(row)
                if row.context not in ("caller", "private"):
                    yield Root(name, slot, row.context, row.why)

    def called_back(self) -> Iterator[Edge]:
        """Calls of the driver's functions by functions of the kernel's, within a call of the driver's own."""
        for name, slots in self.values.slots.items():
            for slot in slots:
                row = self.knowledge.row(slot, self.program.declared)
                patterns = self.knowledge.callers(slot) if row and row.context != "private" else ()
                if row is None or (row.context != "caller" and slot not in self.knowledge.through):
                    continue
                for caller, outside in self.values.outside.items():
                    through = sorted(each for each in outside if matches(each, patterns))
                    if through and caller != name:
                        yield Edge(caller, name, f"{through[0]}(), {slot}")

    def lock_roots(self) -> Iterator[Root]:
        """The driver's functions that take a spin lock, also by a function that returns with it held."""
        takers = dict(self.takers())
        callers = defaultdict[str, list[str]](list)
        for edge in self.values.edges:
            callers[edge.callee].append(edge.caller)
        pending = [name for name, released in takers.items() if not released]
        while pending:
            for caller in callers[pending.pop()]:
                if caller not in takers:
                    takers[caller] = True
        for name in sorted(takers):
            yield Root(name, "spin lock", "lock", "it takes a spin lock")

    def takers(self) -> Iterator[tuple[str, bool]]:
        """The driver's functions that take a spin lock, also by a header's function; and if they release one."""
        for label, function in self.program.functions.items():
            if function.own:
                names = self.through_headers(label)
                if any(matches(name, self.knowledge.acquire) for name in names):
                    yield label, any(matches(name, self.knowledge.release) for name in names)

    def through_headers(self, label: str) -> set[str]:
        """The names of all functions of the kernel's that one calls, itself or by functions of headers."""
        names, pending = set[str](), [label]
        while pending:
            caller = pending.pop()
            for callee in (*(edge.callee for edge in self.plain.get(caller, ())), *self.values.outside.get(caller, ())):
                function = self.program.functions.get(callee)
                if callee not in names and (function is None or not function.own):
                    names.add(callee)
                    pending.append(callee)
        return names

    def graph(self, edges: Iterable[Edge]) -> Mapping[str, list[Edge]]:
        """The calls of each function, in order."""
        found = defaultdict[str, list[Edge]](list)
        for edge in sorted(edges):
            found[edge.caller].append(edge)
        return found

    def reached(self, roots: Iterable[Root]) -> dict[str, Reason]:
        """All functions that roots lead to, each with the first root and the shortest path that do."""
        found: dict[str, Reason] = {}
        for root in roots:
            found.setdefault(root.function, (root, ()))
        layer = sorted(found)
        while layer:
            onward = set[str]()
            for name in layer:
                first, path = found[name]
                for edge in self.calls.get(name, ()):
                    if edge.callee not in found:
                        found[edge.callee] = (first, (*path, edge))
                        onward.add(edge.callee)
            layer = sorted(onward)
        return found


Reason = tuple[Root | None, tuple[Edge, ...]]
NOBODY: Reason = (None, ())
