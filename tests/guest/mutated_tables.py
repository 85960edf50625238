"""A driver that is cut, brought up with other bytes in its tables. A module of its own: it travels as a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from drivers.sliced.questions import Questions
from faultkit.kit import Bench, Check, start, take_down


@dataclass(frozen=True, slots=True)
class TableChange:
    """Other bytes, from an offset in a file of the guest on; in hexadecimal digits."""

    path: str
    offset: int
    digits: str


@dataclass(frozen=True, slots=True)
class MutatedTables:
    """`Questions` to a driver that starts after changes of its files; its process finds poison."""

    changes: tuple[TableChange, ...] = ()
    deadline_s: float = 300.0
    late_s: float = 60.0

    def run(self, bench: Bench) -> Check:
        with bench.maintenance(), bench.request("change"):
            take_down(bench.driver)
            for each in self.changes:
                with Path(each.path).open("r+b") as file:
                    file.seek(each.offset)
                    file.write(bytes.fromhex(each.digits))
            poisoned: Any = replace(cast(Any, bench.driver), poison=2)
            start(poisoned)
            poisoned.attach()
        return Questions().run(bench)
