"""The k-driver skips an instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

from faultkit.kit import Bench, Kind, ModuleCode, Side, StoppedMachine
from injectors.tools.place import drawn_place, extent_of, wait_for


@dataclass(frozen=True, slots=True)
class Skip:
    """Skip an instruction of the k-driver, once: the processor goes on behind it.

    `Text("nop")` does the same for good. Here it happens a single time, at the instruction's next turn, and memory
    stays as it is. `draw` and `among` as in `Text`.

    Activation: the skip.
    Data: `function`, `offset`, `at` (the instruction).
    Undo: none, and nothing is left.
    """

    side: ClassVar[Side] = "k-driver"

    draw: int = 0
    among: str = "all"
    function: str | None = None  # this and the rest is settled by `place`
    offset: int | None = None
    address: int = 0
    old: str = ""
    before: str = ""
    sites: int = 0
    sites_in_all: int = 0

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        return replace(self, **drawn_place(code, "nop", self.draw, self.among))

    def extent(self) -> range:
        """The addresses of its instruction, once it is placed."""
        return extent_of(self)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        return wait_for(machine, self, partial(self._skip, machine))

    def _skip(self, machine: StoppedMachine) -> None:
        machine.set_register("rip", self.address + len(self.old) // 2)
        machine.report(Kind.FAULT_ACTIVATED)
