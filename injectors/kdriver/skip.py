"""The k-driver skips an instruction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

from faultkit.kit import Bench, Driver, Kind, ModuleCode, Side, Site, StoppedMachine, processor
from injectors.tools.candidates import check_among
from injectors.tools.machine_code.instructions import NEEDS
from injectors.tools.settled import drawn_site, settled_site, wait_for


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
    needs: ClassVar[str] = NEEDS

    draw: int = 0
    among: str = "all"
    site: Site | None = None  # settled by `place`

    def foresee(self, driver: Driver) -> None:
        del driver
        check_among(self.among)

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        return replace(self, site=drawn_site(code, "nop", self.draw, self.among))

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        site = settled_site(self.site)
        return wait_for(machine, site, partial(go_on_at, machine, site.extent.stop))


def go_on_at(machine: StoppedMachine, address: int) -> None:
    """Make the processor go on behind the instruction."""
    machine.set_register(processor.PROGRAM_COUNTER, address)
    machine.report(Kind.FAULT_ACTIVATED)
