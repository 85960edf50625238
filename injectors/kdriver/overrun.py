"""The k-driver copies too much."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

from faultkit.kit import Bench, Driver, Kind, ModuleCode, Side, Site, StoppedMachine, processor
from injectors.tools.candidates import check_among
from injectors.tools.driver_code import module_of
from injectors.tools.machine_code.copies import LENGTHS, STRING_COUNT, is_string_copy, string_unit_bytes
from injectors.tools.machine_code.instructions import NEEDS, decoded
from injectors.tools.settled import drawn_site, settled_site, wait_for

PAGE_WORDS = processor.PAGE_BYTES // processor.WORD_BYTES


@dataclass(frozen=True, slots=True)
class Overrun:
    """One copy that the k-driver makes runs on beyond its end, once.

    Copies are rep movs, and calls of memcpy() and its relatives. `draw` draws one of them, uniformly, and the
    length of the overrun as in the Nooks injector: a word (8 bytes) in 50 % of the draws, 2 to 1024 words in 44 %,
    2 to 4 pages in 6 %. `among` as in `Text`. At the copy's next turn, the register with its length is increased;
    later copies are right.

    Activation: the overrun.
    Data: `function`, `offset`, `at`, `words` (of 8 bytes); in `fault.activated` `length_bytes`, the right length.
    Undo: none.
    """

    side: ClassVar[Side] = "k-driver"
    needs: ClassVar[str] = NEEDS

    draw: int = 0
    among: str = "all"
    words: int = 0  # 0: drawn
    site: Site | None = None  # this and the rest is settled by `place`
    register: str = ""  # it holds the length
    unit_bytes: int = 1  # the unit of that length

    def foresee(self, driver: Driver) -> None:
        del driver
        check_among(self.among)

    def place(self, code: Mapping[str, ModuleCode]) -> Self:
        words = self.words or overrun_words(random.Random(self.draw))
        site = drawn_site(code, "copy", self.draw, self.among)
        placed = replace(self, words=words, site=site)
        copy = next(decoded(bytes.fromhex(site.old), site.address))
        if is_string_copy(copy):
            return replace(placed, register=STRING_COUNT, unit_bytes=string_unit_bytes(copy))
        callee = next(call.callee for call in module_of(code).calls if call.address == site.address)
        return replace(placed, register=LENGTHS[callee])

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        bench.call_host(self)
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        return {**wait_for(machine, settled_site(self.site), partial(self._lengthen, machine)), "words": self.words}

    def _lengthen(self, machine: StoppedMachine) -> None:
        length = machine.registers()[self.register]
        machine.set_register(self.register, length + self.words * processor.WORD_BYTES // self.unit_bytes)
        machine.report(Kind.FAULT_ACTIVATED, length_bytes=length * self.unit_bytes)


def overrun_words(rng: random.Random) -> int:
    """The length of an overrun in words, by the distribution of the Nooks injector's bcopy faults."""
    kind = rng.random()
    if kind < 0.5:
        return 1
    return rng.randint(2, 1024) if kind < 0.94 else rng.randint(2 * PAGE_WORDS, 4 * PAGE_WORDS)
