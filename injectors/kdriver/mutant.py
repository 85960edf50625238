"""A driver with a mistake in its source."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

from faultkit.kit import (
    Bench,
    Driver,
    KernelModule,
    Kind,
    Mutation,
    NotPlaced,
    Program,
    Ships,
    Side,
    StoppedMachine,
    steps,
)

HOME = Path("/faultkit")
WITNESS = KernelModule(Path(__file__).parents[1] / "kmod" / "mutants", "faultkit_reached")
ADDRESS = Path("/sys/module/faultkit_reached/parameters/at")
RELOAD_S = 10.0


@dataclass(frozen=True, slots=True)
class Mutant:
    """Replace the k-driver, before the trial begins, by one built from a source with one mistake in it.

    `mutation` says where and what, by one of G-SWFIT's operators (MFC: a call is missing, and so on); it comes from
    `faultkit.mutation`. The module takes the place of the right one, so that each reload loads the mistake again.
    The trigger does not matter: the mutant is there before the first request.

    Activation: the first execution of the changed statement, also while the driver is loaded: the mutant calls a
    function there that has a breakpoint. A missing statement counts as executed when its turn would have come.
    Data: `file`, `line`, `function`, `before`, `after` (C code of the difference).
    Undo: none.
    """

    side: ClassVar[Side] = "k-driver"
    from_guest: ClassVar[tuple[str, ...]] = ("address",)

    driver: Driver
    mutation: Mutation
    address: int = 0  # of the witness; known in the guest

    @property
    def fault_type(self) -> str:
        return f"source: {self.mutation.operator}"

    def files(self) -> Mapping[str, KernelModule]:
        _, module = kdriver(self.driver)
        mutant = replace(module, edits=self.mutation.edits, against=(*module.against, WITNESS))
        return {"preload/faultkit_reached.ko": WITNESS, self.name: mutant}

    @property
    def name(self) -> str:
        """The path of the mutant's module in the guest."""
        known = repr((self.driver, self.mutation.edits)).encode()
        return f"mutants/{hashlib.sha256(known).hexdigest()[:16]}.ko"

    def install(self, bench: Bench) -> None:
        """Unload the right driver and load the mutant; if that fails, there is no driver."""
        place, _ = kdriver(self.driver)
        shutil.copyfile(HOME / self.name, HOME / place)
        bench.call_host(replace(self, address=int(ADDRESS.read_text())))
        reload = Thread(target=self._reload, args=(bench,), daemon=True)
        reload.start()
        reload.join(RELOAD_S)

    @contextmanager
    def inject(self, bench: Bench) -> Iterator[None]:
        del bench  # the mutant is there since the beginning
        yield

    def on_host(self, machine: StoppedMachine) -> Mapping[str, Any]:
        machine.witness(self.address)
        return {key: getattr(self.mutation, key) for key in ("function", "file", "line", "before", "after")}

    def _reload(self, bench: Bench) -> None:
        try:
            for _, step in steps("reload", bench.driver):
                step()
        except OSError as reason:
            bench.report("injector", Kind.FAULT_REFUSED, why=reason.strerror or str(reason))


def kdriver(driver: Driver) -> tuple[str, KernelModule]:
    """The module that faults go into: its path in the guest, and its sources. Raises: NotPlaced."""
    shipped: Mapping[str, Path | KernelModule | Program] = driver.files() if isinstance(driver, Ships) else {}
    for place, file in shipped.items():
        if isinstance(file, KernelModule) and file.name == driver.modules[0]:
            return place, file
    raise NotPlaced(f"{type(driver).__name__} brings no source of {driver.modules[0]}: there is nothing to mutate")
