"""Rows of a cut driver's tables, dropped or made weaker: does anybody notice?

`python -m tests.slicer_mutations 8139cp --count 50 --seed 1`. Each mutation changes one row in both halves' files, as
if the slicer had made another one. The driver then starts in a guest with poison, and answers `Questions`. It is
noticed if an answer, a message of the kernel's, or the outcome differs. Rows of calls that the questions never make are
left out.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection

from drivers.sliced import E1000Sliced, Rtl8139Sliced
from drivers.sliced.nic import SlicedNic
from faultkit import Outcome
from faultkit.machine import cbuild
from faultkit.machine import kbuild as modules
from faultkit.machine.image import image
from faultkit.model.errors import HarnessError
from faultkit.model.events import Kind
from faultkit.pytest_plugin.guests import PreparedGuest, Ran, Session
from monitors.crossings import Crossings
from monitors.kernel import Kernel
from slicer.build import Halves, cut_driver
from slicer.interface import Interface
from slicer.write import KINDS
from tests.guest.answered import QUIET, answers, messages
from tests.guest.mutated_tables import MutatedTables, TableChange

DRIVERS: Mapping[str, SlicedNic] = {"8139cp": Rtl8139Sliced(), "e1000": E1000Sliced()}
MODES = 3  # the bits of a row of accesses that say how it crosses
SERVICE_BYTES, ARGUMENT_BYTES, FIELD_BYTES = 32, 12, 8
ACQUIRE_AT, SHARING_AT, UNSHARE_AT, KEEPS_AT = 8, 16, 24, 25  # in struct mdrv_service
LINK_AT = 5  # in struct mdrv_small_field
INFO_AT, INFO_BYTES = 8, 8  # of a relocation: its symbol and kind; 0 is none


@dataclass(frozen=True, slots=True)
class TableMutation:
    """A row that is another one. `call`: the call that needs it; "" if several do."""

    what: str
    call: str
    changes: tuple[TableChange, ...]


class TablesFile:
    """A built file, by the names of its tables."""

    def __init__(self, built: Path, path: str) -> None:
        self.path = path
        self.content = built.read_bytes()
        with built.open("rb") as file:
            elf = ELFFile(file)
            sections = list(elf.iter_sections())
            table = next(each for each in sections if isinstance(each, SymbolTableSection))
            self.places = {}
            for symbol in table.iter_symbols():
                index = symbol["st_shndx"]
                if isinstance(index, int) and symbol.name.startswith("sliced_"):
                    home = sections[index]
                    self.places[symbol.name] = home["sh_offset"] + symbol["st_value"] - home["sh_addr"]
            self.relocations = {
                sections[each["sh_info"]]["sh_offset"] + row["r_offset"]: each["sh_offset"] + n * each["sh_entsize"]
                for each in sections
                if isinstance(each, RelocationSection)
                for n, row in enumerate(each.iter_relocations())
            }

    def change(self, table: str, offset: int, mask: int, value: int) -> TableChange:
        """Some bits of a byte of a table, changed."""
        at = self.places[table] + offset
        return TableChange(self.path, at, f"{self.content[at] & ~mask | value:02x}")

    def pointer(self, table: str, offset: int) -> TableChange | None:
        """A pointer of a table that is NULL from now on; None if it is so already."""
        row = self.relocations.get(self.places[table] + offset)
        return None if row is None else TableChange(self.path, row + INFO_AT, "00" * INFO_BYTES)


@dataclass(frozen=True)
class Tables:
    """The tables of a driver's halves."""

    halves: Halves

    @property
    def interface(self) -> Interface:
        return self.halves.interface

    @cached_property
    def kernel(self) -> TablesFile:
        """The k-driver's module."""
        return TablesFile(modules.built_module(self.halves.kdriver), f"/faultkit/modules/{self.halves.name}.ko")

    @cached_property
    def process(self) -> TablesFile:
        """The u-driver's program."""
        return TablesFile(cbuild.program(self.halves.program), f"/faultkit/bin/{self.halves.name}_u")

    def both(self, table: str, offset: int, mask: int, value: int) -> tuple[TableChange, ...]:
        """The same change of both halves, which have to agree."""
        return tuple(each.change(table, offset, mask, value) for each in (self.kernel, self.process))

    def mutations(self) -> Iterator[TableMutation]:
        """All of them."""
        yield from self.of_accesses()
        yield from self.of_fields()
        yield from self.of_arguments()
        yield from self.of_services()

    def of_accesses(self) -> Iterator[TableMutation]:
        """Fields that do not cross with a call, or in one direction alone."""
        for call in self.interface.upcalls:
            name = call.function.name
            for n, row in enumerate(call.accesses):
                weaker = {"dropped": 0, **({"read only": 1} if row.mode == MODES else {})}
                for word, mode in weaker.items():
                    changes = self.both(f"sliced_fields_{name}", 4 * n, MODES, mode)
                    yield TableMutation(f"{name}: {row.type}.{row.path} {word}", name, changes)

    def of_fields(self) -> Iterator[TableMutation]:
        """Pointers that do not say what they lead to."""
        for kind in self.interface.types:
            users = {c.function.name for c in self.interface.upcalls if any(a.type == kind.name for a in c.accesses)}
            for n, field in enumerate(kind.fields.values()):
                if field.shape == "pointer" and field.to:
                    changes = self.both(f"sliced_of_{kind.name}", FIELD_BYTES * n + LINK_AT, 0xFF, 0)
                    only = next(iter(users)) if len(users) == 1 else ""
                    yield TableMutation(f"{kind.name}.{field.path}: leads to nothing known", only, changes)

    def of_arguments(self) -> Iterator[TableMutation]:
        """Arguments whose bytes do not cross, and objects that are not shared for a call.

        Calls of one signature share a table; one that several share is left as it is.
        """
        ref = list(KINDS).index("ref")
        contract = (self.halves.folder / "kernel" / "sliced_contract.h").read_text()
        rows = re.findall(r'\.name = "(\w+)"[^}]*\.signature = (\w+)', contract)
        shared = Counter(table for _, table in rows)
        tables = dict(rows)
        for call in (*self.interface.upcalls, *self.interface.downcalls):
            name = call.name if hasattr(call, "name") else call.function.name
            if shared[tables[name]] > 1:
                continue
            for n, argument in enumerate(call.arguments):
                if argument.kind in ("text", "copy", "borrow", "keep"):
                    changes = self.both(tables[name], ARGUMENT_BYTES * n, 0xFF, ref)
                    yield TableMutation(f"{name}({n}): {argument.kind} is a plain pointer", name, changes)

    def of_services(self) -> Iterator[TableMutation]:
        """Calls whose effects are not told: nothing acquired, nothing shared, nothing given up, no text kept."""
        for n, call in enumerate(self.interface.downcalls):
            row = n * SERVICE_BYTES
            for word, at in (("acquires", ACQUIRE_AT), ("shares", SHARING_AT)):
                change = self.kernel.pointer("sliced_services", row + at)
                if change is not None:
                    yield TableMutation(f"{call.name}: {word} nothing", call.name, (change,))
            for word, at in (("gives up", UNSHARE_AT), ("keeps", KEEPS_AT)):
                if self.kernel.content[self.kernel.places["sliced_services"] + row + at]:
                    change = self.kernel.change("sliced_services", row + at, 0xFF, 0)
                    yield TableMutation(f"{call.name}: {word} nothing", call.name, (change,))


def crossed(ran: Ran) -> frozenset[str]:
    """The names of the calls that were made, cut as the monitor cuts them."""
    return frozenset(event.data["call"] for event in ran.events(Kind.CROSSING_PASSED))


def noticed(ran: Ran, known: Ran, name: str) -> str:
    """The first difference from the driver as it should be; "" if there is none."""
    if ran.outcome is not Outcome.MASKED or ran.verdict.warned:
        return f"{ran.outcome.name}{', warned' if ran.verdict.warned else ''}"
    theirs = list(answers(known))
    for got, want in zip(answers(ran), theirs, strict=False):
        if got != want:
            return f"another answer to: {want[0]}"
    if len(list(answers(ran))) != len(theirs):
        return "fewer answers"
    return "" if messages(ran, name) == messages(known, name) else "other messages of the kernel's"


@click.command()
@click.argument("name", type=click.Choice([*DRIVERS]), metavar="DRIVER")
@click.option("--count", default=50, show_default=True, help="The number of mutations that are drawn.")
@click.option("--seed", default=1, show_default=True)
@click.option("--jobs", default=1, show_default=True)
def main(name: str, count: int, seed: int, jobs: int) -> None:
    """Mutate the tables of DRIVER, and count the mutations that are noticed."""
    tables = Tables(cut_driver(name))
    guest = Session(image()).guest(
        driver=DRIVERS[name], workload=MutatedTables(), detectors=QUIET, monitors=(Kernel(), Crossings())
    )
    known = guest.run()
    if noticed(known, known, name):
        raise click.ClickException(f"without a mutation: {noticed(known, known, name)}: {known.story()}")
    calls = crossed(known)
    every = [each for each in tables.mutations() if not each.call or each.call[:23] in calls]
    drawn = random.Random(seed).sample(every, min(count, len(every)))
    missed = 0
    for first in range(0, len(drawn), jobs):
        some = drawn[first : first + jobs]
        for each, word in zip(some, tried(guest, some, known, name, jobs), strict=True):
            missed += not word
            click.echo(f"{each.what}: {word or 'NOT NOTICED'}")
    click.echo(
        f"{name}: {len(drawn) - missed} of {len(drawn)} noticed ({(len(drawn) - missed) / len(drawn):.0%}); "
        f"{len(every)} rows are crossed, seed {seed}"
    )


def tried(guest: PreparedGuest, some: list[TableMutation], known: Ran, name: str, jobs: int) -> list[str]:
    """A word on each mutation, as by `noticed`."""
    try:
        ran = guest.run_all([{"workload": MutatedTables(each.changes)} for each in some], jobs)
    except HarnessError as void:
        if len(some) == 1:
            return [f"no verdict: {void}"]
        return [word for each in some for word in tried(guest, [each], known, name, 1)]
    return [noticed(each, known, name) for each in ran]


if __name__ == "__main__":
    main()
